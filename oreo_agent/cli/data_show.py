"""`oreo-agent data show`: look through a store, or at one of its episodes."""

from collections.abc import Iterable
from typing import Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.output import on_terminal, say_json


def show(
    store: Annotated[
        str,
        typer.Argument(
            metavar="STORE[:ID]", help="Folder of the store; ID is an episode's id or a part of it."
        ),
    ],
    end: Annotated[
        list[str] | None,
        typer.Option(
            metavar="END",
            help="Only this outcome: won, lost, step_limit, token_limit or fault (repeatable).",
        ),
    ] = None,
    task_type: Annotated[str | None, typer.Option(help="Only episodes of this task type.")] = None,
    instance: Annotated[
        str | None, typer.Option(help="Only instances whose id contains this.")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(help="Only episodes by this policy: its name or the first words of it."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only episodes of this split.")] = None,
    least_reward: Annotated[
        float | None, typer.Option(help="Only episodes with at least this reward.")
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(help="Only episodes with this text in an observation, reply or command."),
    ] = None,
    sort: Annotated[
        str, typer.Option(help="Order: id, steps, tokens or reward; -steps puts the most first.")
    ] = "id",
    limit: Annotated[
        int, typer.Option(min=0, help="Maximum number of rows printed without a screen.")
    ] = 20,
    tokens: Annotated[
        bool,
        typer.Option(
            "--tokens", help="Also print token ids and log-probabilities (of one episode)."
        ),
    ] = False,
    agent: Annotated[
        str | None,
        typer.Option(
            help="Bundle whose values are shown.  [default: values as recorded]",
            metavar="BUNDLE",
        ),
    ] = None,
    beside: Annotated[
        str | None, typer.Option(help="Second bundle to show side by side.", metavar="BUNDLE")
    ] = None,
    device: options.Device = "auto",
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Print lines, not a screen; automatic without a terminal."),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of lines.")
    ] = False,
) -> None:
    """Browse, filter and search a store, or show one episode."""
    from oreo_agent.player.browser.listing import Listing
    from oreo_agent.player.browser.plain import episode_data, list_data, list_lines
    from oreo_agent.player.browser.query import Query
    from oreo_agent.player.browser.telling import episode_lines
    from oreo_agent.records.listing import Filter, Order
    from oreo_agent.records.reader import StoreReader, named_episode

    folder, name = named_episode(store)
    reader = StoreReader(folder)
    if name:
        episode = reader.get(reader.find(name))
        if json:
            say_json(episode_data(episode, tokens=tokens))
        else:
            _say_lines(episode_lines(episode, tokens=tokens))
        return
    where = Filter(
        ends=tuple(end) if end else None,
        task_type=task_type,
        instance_part=instance,
        policy=policy,
        split=split,
        least_reward=least_reward,
    )
    listing = Listing(
        reader, Query(where=where, order=Order.of(sort), text="" if search is None else search)
    )
    listing.refuse_unknown()
    if not (plain or json) and on_terminal():
        from oreo_agent.cli.replaying import opener
        from oreo_agent.player.browser.browsing import browse
        from oreo_agent.player.replay.opening import ReplaySettings

        told = ReplaySettings(where=str(folder), agent=agent, beside=beside, device=device)
        if code := browse(listing, opener(reader, told)):
            raise typer.Exit(code)
        return
    listing.complete()
    if json:
        say_json(list_data(listing, limit))
    else:
        _say_lines(list_lines(listing, limit))


def _say_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)
