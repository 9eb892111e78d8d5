"""A game as plain text."""

from collections.abc import Sequence

from oreo_agent.player.snapshot import Snapshot
from oreo_agent.player.telling import game_lines


def text(snapshots: Sequence[Snapshot]) -> str:
    """The lines that `oreo-agent play --plain` prints."""
    return "\n".join(game_lines(snapshots)) + "\n"
