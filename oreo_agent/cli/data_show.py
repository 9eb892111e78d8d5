"""`oreo-agent data show`: look through a store, or at one of its episodes."""

from collections.abc import Iterable
from typing import Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.output import on_terminal, say_json


def show(
    store: Annotated[str, typer.Argument(help="Folder of a store, or FOLDER:ID (a part will do).")],
    end: Annotated[
        list[str] | None,
        typer.Option(
            help="Only episodes that ended so: won, lost, step_limit, token_limit or fault; give "
            "it again for more."
        ),
    ] = None,
    task_type: Annotated[str | None, typer.Option(help="Only of this type.")] = None,
    instance: Annotated[str | None, typer.Option(help="Only where the instance has this.")] = None,
    policy: Annotated[
        str | None, typer.Option(help="Only by this policy: its name, or the beginning of it.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only of this split.")] = None,
    least_reward: Annotated[
        float | None, typer.Option(help="Only with this reward or more.")
    ] = None,
    search: Annotated[
        str | None, typer.Option(help="Only where this was shown, said or done.")
    ] = None,
    sort: Annotated[
        str, typer.Option(help="id, steps, tokens or reward, least first; -steps most first.")
    ] = "id",
    limit: Annotated[int, typer.Option(min=0, help="Rows without a screen, at most.")] = 20,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Of one episode, token ids and log-probabilities too.")
    ] = False,
    agent: Annotated[
        str | None,
        typer.Option(
            help="A bundle that judges an episode that is opened [default: values as recorded].",
            metavar="BUNDLE",
        ),
    ] = None,
    beside: Annotated[
        str | None, typer.Option(help="Another bundle, side by side.", metavar="BUNDLE")
    ] = None,
    device: options.Device = "auto",
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines instead of a screen; so also without a terminal.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, no lines.")] = False,
) -> None:
    """Browse a store: filter by outcome, type or instance, search text, open an episode."""
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
