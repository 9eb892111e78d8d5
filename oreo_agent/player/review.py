"""What each move was worth: losses of the chance of success, as chess players mark theirs.

A move is judged by what it changed before the world answered: the chance of success at the end of
the reply less that of the state before it. What the world answers is luck, and is nobody's blunder.
"""

from collections.abc import Sequence
from typing import Literal

from oreo_agent.player.snapshot import Move, Snapshot
from oreo_agent.records.episode import End

Grade = Literal["inaccuracy", "mistake", "blunder"]

_LEAST: tuple[tuple[float, Grade], ...] = (
    (0.20, "blunder"),
    (0.10, "mistake"),
    (0.05, "inaccuracy"),
)
"""The smallest losses that are called so, as parts of 1."""
MARKS: dict[Grade, str] = {"inaccuracy": "?!", "mistake": "?", "blunder": "??"}
"""How chess players write them; they read without colour."""
_ROUNDING = 1e-9


def grade(move: Move) -> Grade | None:
    """What the move's loss is called; None if it is small, or if nobody knows it."""
    loss = move.loss
    if loss is None:
        return None
    return next((name for least, name in _LEAST if loss >= least - _ROUNDING), None)


def mark(move: Move) -> str:
    """``??``, ``?``, ``?!`` or nothing."""
    found = grade(move)
    return MARKS[found] if found else ""


def marked(moves: Sequence[Move]) -> list[int]:
    """Turns of the moves that have a mark."""
    return [move.turn for move in moves if grade(move)]


def losing_turn(moves: Sequence[Move], end: End | None) -> int | None:
    """The turn that lost the episode: whose loss was the largest of those never made good.

    A loss is made good as far as the chance of success rises again later. None for episodes that
    were won, broke or go on, and where no loss that remained is as large as an inaccuracy: then the
    episode was lost before it began, or little by little.
    """
    if end is None or end in ("won", "fault"):
        return None
    best, found = _LEAST[-1][0] - _ROUNDING, None
    later = 0.0  # the highest chance from the end of the reply on
    for move in reversed(moves):
        if move.chance is None or move.option.chance is None:
            continue
        later = max(later, move.option.chance)
        if move.chance - later > best:
            best, found = move.chance - later, move.turn
        later = max(later, move.chance)
    return found


def lost_at(snapshots: Sequence[Snapshot]) -> dict[int, list[str]]:
    """The turns that lost a game, and which of its judges say so of each."""
    found: dict[int, list[str]] = {}
    for snapshot in snapshots:
        turn = losing_turn(snapshot.moves, snapshot.end)
        if turn is not None:
            found.setdefault(turn, []).append(snapshot.judge)
    return found
