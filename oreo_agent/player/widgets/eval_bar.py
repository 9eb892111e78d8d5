"""Where the game stands, in one line: the chance of success as a bar across the whole width."""

from textual.content import Content
from textual.widget import Widget

from oreo_agent.player.blocks import bar
from oreo_agent.player.snapshot import Snapshot
from oreo_agent.player.themes import level
from oreo_agent.player.widgets.figures import percent


class EvalBar(Widget):
    """A bar from 0 to 1 with the number at its end; V itself where nothing calibrates it."""

    DEFAULT_CSS = """
    EvalBar { height: 1; padding: 0 1; }
    """

    snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Draw the chance; nothing for an agent without a value."""
        self.snapshot = snapshot
        self.display = snapshot.chance is not None
        self.refresh()

    def render(self) -> Content:
        """Name, bar, number."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.chance is None:
            return Content("")
        name = "success" if snapshot.calibrated else "V"
        told = percent(snapshot.chance) if snapshot.calibrated else f"{snapshot.values[-1]:.2f}"
        room = max(self.content_size.width - len(name) - len(told) - 4, 0)
        drawn, track = bar(snapshot.chance, room)
        return Content.assemble(
            (f"{name}  ", "$secondary"),
            (drawn, level(snapshot.chance)),
            (track, "$panel"),
            (f"  {told}", "bold"),
        )
