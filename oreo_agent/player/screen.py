"""What the three screens share: dress, breakpoints, the keys that mean the same in each."""

from collections.abc import Sequence
from typing import TypeVar

from rich.segment import Segment
from textual.app import App
from textual.binding import Binding
from textual.color import Color
from textual.filter import LineFilter
from textual.notifications import SeverityLevel

from oreo_agent.errors import OreoError
from oreo_agent.player.harmless import disarmed, harmless
from oreo_agent.player.themes import DARK, LIGHT

T = TypeVar("T")


class Disarm(LineFilter):
    """Lines of a screen without what would act on the terminal, whoever's words they are."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with harmless text."""
        return [Segment(disarmed(text), style, control) for text, style, control in segments]


class ScreenApp(App[T]):
    """Dark at first, light at a key; wide from 120 columns on, low where rows are few."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual's own type
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-high")]  # noqa: RUF012 - Textual's own type
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("question_mark", "help", show=False),
        Binding("q", "quit", show=False),
        Binding("ctrl+c", "quit", show=False, priority=True),
    ]

    _disarm = Disarm()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own, and one for words of the world."""
        return [*super().get_line_filters(), self._disarm]

    def dress(self) -> None:
        """Put the themes on; first thing when the screen is mounted."""
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name

    def tell(self, trouble: OreoError | str, *, severity: SeverityLevel = "error") -> None:
        """What went wrong, in a corner for a while; brackets in it are no markup."""
        self.notify(harmless(str(trouble)), severity=severity, timeout=10, markup=False)

    def action_toggle_theme(self) -> None:
        """Dark or light."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name
