"""What was said and done so far; scrolls."""

from collections.abc import Iterator

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from oreo_agent.player.review import grade, losing_turn, mark
from oreo_agent.player.snapshot import Move, Snapshot
from oreo_agent.player.themes import GRADED, direction
from oreo_agent.player.widgets.figures import percent, points

Piece = tuple[str, Content]
"""Classes and text of one paragraph."""


class Transcript(VerticalScroll):
    """Commands and answers; only what is new is drawn."""

    DEFAULT_CSS = """
    Transcript { padding: 0 1; scrollbar-size-vertical: 1; }
    Transcript .did { margin-top: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Transcript .answer { padding-left: 4; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pieces: list[Piece] = []
        self._drawn: list[Static] = []

    def show(self, snapshot: Snapshot) -> None:
        """Add what is new; begin anew if the game is another."""
        pieces = list(_pieces(snapshot))
        kept = next(
            (i for i, (a, b) in enumerate(zip(pieces, self._pieces, strict=False)) if a != b),
            min(len(pieces), len(self._pieces)),
        )
        for old in self._drawn[kept:]:
            old.remove()
        new = [Static(text, classes=classes) for classes, text in pieces[kept:]]
        self._pieces, self._drawn = pieces, [*self._drawn[:kept], *new]
        if new:
            self.mount(*new)
        if len(pieces) == 1:
            self.scroll_home(animate=False)
        else:
            self.call_after_refresh(self.scroll_end, animate=False)


def _pieces(snapshot: Snapshot) -> Iterator[Piece]:
    yield "opening", Content(snapshot.opening)
    lost = losing_turn(snapshot.moves, snapshot.end)
    for move in snapshot.moves:
        yield "did", _did(move, snapshot, lost=move.turn == lost)
        if move.option.thought:
            yield "answer", Content.styled(move.option.thought, "italic $secondary")
        if move.observation:
            yield "answer", Content.styled(move.observation, "" if move.valid else "$secondary")


def _did(move: Move, snapshot: Snapshot, *, lost: bool) -> Content:
    """The command of a turn, what it left of the chance, its mark; a step in its gain's colour."""
    option = move.option
    style = direction(option.gain) if snapshot.solution and option.gain is not None else ""
    parts: list[tuple[str, str]] = [
        (f"{move.turn:>2}  ", "$secondary"),
        (option.label, f"bold {style}".strip()),
    ]
    if sign := mark(move):
        parts.append((f" {sign}", GRADED[grade(move)]))
    if move.by == "you":
        parts.append(("  you", "$accent"))
    if move.valid is False or not option.command:
        parts.append(("  not possible", "$error"))
    parts += _worth(move, snapshot)
    if lost:
        parts.append(("  ◂ the turn that lost it", "bold $error"))
    return Content.assemble(*parts)


def _worth(move: Move, snapshot: Snapshot) -> list[tuple[str, str]]:
    """What the move left, and what it changed."""
    option = move.option
    if snapshot.calibrated and option.chance is not None:
        change = -(move.loss or 0.0)
        return [
            (f"   {percent(option.chance)}", "$secondary"),
            (f" {points(change)}", _hue(change)),
        ]
    parts: list[tuple[str, str]] = []
    if option.value is not None:
        parts.append((f"   V {option.value:.2f}", "$secondary"))
    if option.gain is not None:
        parts.append((f" {option.gain:+.2f}", direction(option.gain)))
    return parts


def _hue(change: float) -> str:
    return direction(change if round(100 * change) else None)
