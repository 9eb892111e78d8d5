"""What `oreo-agent play --replay` does, and how a game is exported."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from oreo_agent.cli.output import on_terminal, say_json

if TYPE_CHECKING:
    from oreo_agent.player.browser.app import Opened
    from oreo_agent.player.browser.browsing import OpenEpisode
    from oreo_agent.player.replay.opening import ReplaySettings
    from oreo_agent.player.snapshot import Snapshot
    from oreo_agent.records.reader import StoreReader


def replay(settings: "ReplaySettings", target: Path | None, *, plain: bool, json: bool) -> None:
    """Show stored episodes on a screen; as lines, an object or a file the one that is named."""
    from oreo_agent.player.export import check_target
    from oreo_agent.player.replay.opening import open_replay
    from oreo_agent.player.replay.summary import replay_summary
    from oreo_agent.player.telling import game_lines

    if target is not None:
        check_target(target)
    opened = open_replay(settings)
    if target is not None:
        write(opened.whole(), target, quiet=json)
    if json:
        say_json(replay_summary(opened))
    elif target is None and (plain or not on_terminal()):
        for line in game_lines(opened.whole()):
            print(line, flush=True)
    elif target is None:
        from oreo_agent.player.replay_app import ReplayApp

        app = ReplayApp(opened)
        app.run()
        if app.return_code:
            raise typer.Exit(app.return_code)
    if target is not None or plain or json:
        for trouble in opened.troubles:
            typer.echo(f"warning: {trouble}", err=True)


def opener(reader: "StoreReader", settings: "ReplaySettings") -> "OpenEpisode":
    """What shows an episode of a list on the replay's screen; bundles are loaded once, now."""
    from oreo_agent.player.replay.opening import judges_of
    from oreo_agent.player.replay.replay import Replay
    from oreo_agent.player.replay_app import ReplayApp

    judges = judges_of(settings)

    def shown(opened: "Opened") -> None:
        ReplayApp(Replay(reader, opened.ids, judges, opened.id)).run()

    return shown


def write(snapshots: "Sequence[Snapshot]", target: Path, *, quiet: bool = False) -> None:
    """Export a game and say where it is."""
    from oreo_agent.player.export import export

    export(snapshots, target)
    if not quiet:
        typer.echo(f"written: {target}")
