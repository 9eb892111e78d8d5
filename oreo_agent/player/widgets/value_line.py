"""How the game stood so far: a line of blocks in one row, a chart where there is room."""

from textual.content import Content
from textual.widget import Widget

from oreo_agent.player.blocks import columns, sparkline
from oreo_agent.player.review import grade, mark
from oreo_agent.player.snapshot import Snapshot
from oreo_agent.player.themes import GRADED, level
from oreo_agent.player.widgets.figures import percent


class ValueLine(Widget):
    """From the first state to the one that is played, with the moves that cost much marked."""

    DEFAULT_CSS = """
    ValueLine { height: 1; padding: 0 1; }
    """

    snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Draw the states so far; nothing for an agent without a value."""
        self.snapshot = snapshot
        self.display = bool(snapshot.values)
        self.refresh()

    def render(self) -> Content:
        """A chart in four rows or more, else a sparkline."""
        snapshot = self.snapshot
        if snapshot is None or not snapshot.values:
            return Content("")
        size = self.content_size
        if size.height >= 4 and size.width >= 16:
            return _chart(snapshot, size.width, size.height)
        name, told, marks = "so far", _told(snapshot), _marks(snapshot)
        room = max(size.width - len(name) - len(told) - len(marks.plain) - 4, 0)
        return Content.assemble(
            (f"{name}  ", "$secondary"),
            (sparkline(snapshot.chances, room), level(snapshot.chances[-1])),
            f"  {told}",
            marks,
        )


def _told(snapshot: Snapshot) -> str:
    """From where to where."""
    if snapshot.calibrated:
        told = [percent(chance) for chance in snapshot.chances]
    else:
        told = [f"{value:.2f}" for value in snapshot.values]
    return f"{told[0]} → {told[-1]}" if len(told) > 1 else told[0]


def _marks(snapshot: Snapshot) -> Content:
    """The turns that are marked, worst first if not all fit."""
    found = [move for move in snapshot.moves if grade(move)]
    found.sort(key=lambda move: -(move.loss or 0))
    shown = sorted(found[:4], key=lambda move: move.turn)
    parts = [(f"  {move.turn}{mark(move)}", GRADED[grade(move)]) for move in shown]
    return Content.assemble(*parts)


def _chart(snapshot: Snapshot, width: int, height: int) -> Content:
    rows = columns(snapshot.chances, width - 6, height - 2)
    across = len(rows[0])
    shown = snapshot.chances[len(snapshot.chances) - across :]
    scale = {0: "100%", len(rows) // 2: "50%", len(rows) - 1: "0%"}
    name = "chance of success" if snapshot.calibrated else "V"
    lines = [Content.assemble((f"{name}, turn by turn   ", "$secondary"), _told(snapshot))]
    for i, row in enumerate(rows):
        drawn = [(cell, level(chance)) for cell, chance in zip(row, shown, strict=True)]
        lines.append(Content.assemble((f"{scale.get(i, ''):>4}  ", "$secondary"), *drawn))
    lines.append(_foot(snapshot, len(snapshot.chances) - across, len(rows[0][0])))
    return Content("\n").join(lines)


def _foot(snapshot: Snapshot, first: int, cell: int) -> Content:
    """Marks below the states that the marked moves led to; cells too narrow for two show one."""
    parts: list[tuple[str, str]] = [("      ", "")]
    for state in range(first, len(snapshot.chances)):
        move = snapshot.moves[state - 1] if 0 < state <= len(snapshot.moves) else None
        sign = mark(move) if move is not None else ""
        shown = sign if len(sign) <= cell else sign[:1]
        parts.append((shown.ljust(cell), GRADED[grade(move)] if move is not None else ""))
    return Content.assemble(*parts)
