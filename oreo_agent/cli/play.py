"""`oreo-agent play`: watch an agent play, and take part."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.output import on_terminal, say_doubt, say_json

REPLAYED = ("replay", "agent", "beside", "export", "device", "threads", "plain", "json")
"""Parameters that mean something where stored episodes are shown."""


def play(
    context: typer.Context,
    agent: Annotated[
        str | None,
        typer.Option(
            help="expert, random, or the folder of a bundle or model.  [default: the newest agent "
            "trained below this folder]",
            metavar="BUNDLE",
        ),
    ] = None,
    task: options.Task = None,
    env: options.Env = None,
    split: Annotated[
        str | None,
        typer.Option(help="Split to play.  [default: the first that is not for training]"),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(
            help="First game: its id, a part of the id, or a task type.  [default: the first]"
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="best-of-k, greedy, sample, or your own file.py:Class.  [default: best-of-k if "
            "the agent has a value, else greedy]"
        ),
    ] = None,
    k: Annotated[
        int, typer.Option("--k", help="Candidates of best-of-k, and replies that a what-if tries.")
    ] = 5,
    temperature: Annotated[
        float | None, typer.Option(help="Sampling temperature.  [default: .5]")
    ] = None,
    trust_value: options.TrustValue = False,
    only_admissible: options.OnlyAdmissible = False,
    data: options.DataFolder = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="Prompt format of a model that is not a bundle: react, bare, steps, given or "
            "FILE.toml.  [default: the task's]"
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            help="Store to keep the episodes in; one left unfinished is kept as a fault.",
            metavar="STORE",
        ),
    ] = None,
    games: Annotated[int, typer.Option(help="Games that a what-if plays from each reply.")] = 8,
    seed: options.Seed = 0,
    step_limit: Annotated[
        int | None, typer.Option(help="Turn limit per game.  [default: the task's]")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads of the engine.")] = 1,
    device: options.Device = "auto",
    dtype: options.Precision = "auto",
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Print lines, not a screen; automatic without a terminal."),
    ] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Play to the end and print one JSON object instead of a screen."
        ),
    ] = False,
    replay: Annotated[
        str | None,
        typer.Option(
            help="Step through stored episodes; values by --agent, or as recorded.",
            metavar="STORE[:ID]",
        ),
    ] = None,
    beside: Annotated[
        str | None,
        typer.Option(help="With --replay: second bundle to show side by side.", metavar="BUNDLE"),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the game to a .html, .svg, .txt or .cast file.", metavar="FILE"),
    ] = None,
) -> None:
    """Watch an agent play, with the value of every move; take part."""
    if replay is not None:
        options.refuse_beside(context, "--replay", REPLAYED)
        from oreo_agent.cli import replaying
        from oreo_agent.player.replay.opening import ReplaySettings

        told = ReplaySettings(
            where=replay, agent=agent, beside=beside, device=device, threads=threads
        )
        replaying.replay(told, export, plain=plain, json=json)
        return
    if games < 1:
        raise typer.BadParameter(f"--games must be 1 or more, got {games}")
    if beside is not None:
        raise typer.BadParameter("--beside needs --replay: it judges episodes that are stored")
    if export is not None:
        from oreo_agent.player.export import check_target

        check_target(export)
    from oreo_agent.player.opening import PlaySettings, open_session
    from oreo_agent.player.plain import play_lines, summary
    from oreo_agent.rollouts.stage import Stage, usual_split

    agent, task = _chosen(agent, options.named_task(task, env), ask=not (plain or json))
    split = split or usual_split(task)
    if sys.stderr.isatty() and not json:
        typer.echo(f"loading {agent} for {task} {split} ...", err=True)
    settings = PlaySettings(
        agent=agent,
        strategy=strategy,
        k=k,
        temperature=temperature,
        stage=Stage(task=task, split=split, data=data, step_limit=step_limit, live=1),
        instance=instance,
        prompt=prompt,
        only_admissible=only_admissible,
        trust_value=trust_value,
        record=record,
        seed=seed,
        device=device,
        dtype=dtype,
        threads=threads,
    )
    say_doubt(settings.gated()[1])
    session = open_session(settings)
    try:
        if json:
            for _ in play_lines(session):
                pass
            say_json(summary(session.snapshot()))
        elif plain or not on_terminal():
            for line in play_lines(session):
                print(line, flush=True)
        else:
            from oreo_agent.player.app import PlayerApp

            app = PlayerApp(session, replies=k, games=games)
            app.run()
            if app.return_code:
                raise typer.Exit(app.return_code)
        if export is not None:
            from oreo_agent.cli.replaying import write

            write((session.snapshot(),), export, quiet=json)
    finally:
        session.close()
        if record is not None and session.kept:
            typer.echo(f"{session.kept} recorded: oreo-agent play --replay {record}", err=True)


def _chosen(agent: str | None, task: str | None, *, ask: bool) -> tuple[str, str]:
    """Who plays what: as named, else the newest agent here, else one that is trained if wanted."""
    from oreo_agent.player.choosing import newest
    from oreo_agent.rollouts.stage import USUAL, usual_task

    if agent is not None:
        return agent, task or usual_task(agent)
    if (found := newest(task)) is not None:
        typer.echo(f"the newest agent here: --agent {found.folder}", err=True)
        return str(found.folder), task or found.tasks[0]
    if task in (None, USUAL) and ask and on_terminal():
        from oreo_agent.player.first_agent import train_first

        typer.echo("No agent has been trained below this folder.")
        asked = "Train the demo's now, into runs/demo (about 12 minutes on two cores)?"
        if typer.confirm(asked, default=False):
            return str(train_first(Path("runs/demo"), typer.echo)), USUAL
    typer.echo("no agent has been trained below this folder: the expert plays", err=True)
    return "expert", task or USUAL
