"""V so far: a line of blocks in one row, a chart where there is room."""

from textual.content import Content
from textual.widget import Widget

from oreo_agent.player.blocks import columns, sparkline
from oreo_agent.player.snapshot import Snapshot
from oreo_agent.player.themes import level


class ValueLine(Widget):
    """From the first state to the one that is played."""

    DEFAULT_CSS = """
    ValueLine { height: 1; padding: 0 1; }
    """

    snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Draw V of the states so far; nothing for an agent without a value."""
        self.snapshot = snapshot
        self.display = bool(snapshot.values)
        self.refresh()

    def render(self) -> Content:
        """A chart in three rows or more, else a sparkline."""
        values = self.snapshot.values if self.snapshot is not None else ()
        if len(values) == 0:
            return Content("")
        size = self.content_size
        told = f"{values[0]:.2f} → {values[-1]:.2f}" if len(values) > 1 else f"{values[0]:.2f}"
        if size.height < 3:
            room = max(size.width - 4 - len(told) - 2, 0)
            return Content.assemble(
                ("V   ", "$secondary"),
                (sparkline(values, room), level(values[-1])),
                f"  {told}",
            )
        return _chart(values, told, size.width, size.height)


def _chart(values: tuple[float, ...], told: str, width: int, height: int) -> Content:
    rows = columns(values, width - 5, height - 1)
    shown = values[len(values) - len(rows[0]) :]
    marks = {0: "1.0", len(rows) // 2: "0.5", len(rows) - 1: "0.0"}
    lines = [Content.assemble(("V, turn by turn   ", "$secondary"), told)]
    for i, row in enumerate(rows):
        drawn = [(cell, level(value)) for cell, value in zip(row, shown, strict=True)]
        lines.append(Content.assemble((f"{marks.get(i, ''):>3}  ", "$secondary"), *drawn))
    return Content("\n").join(lines)
