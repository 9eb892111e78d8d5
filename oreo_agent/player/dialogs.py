"""What lies over the screen for a while: help, an action to type, a game to pick."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from oreo_agent.errors import OreoError
from oreo_agent.player.snapshot import Option
from oreo_agent.player.themes import direction
from oreo_agent.player.widgets.figures import percent

HELP = (
    ("space, enter", "one turn: the agent's choice"),
    ("r", "run to the end; again: pause"),
    ("1-9", "take that candidate in its place"),
    ("a", "type an action, see its value, play it"),
    ("b, left", "take the last turn back; then play another"),
    ("B", "back to a turn"),
    ("w", "what if: try these replies to the end"),
    ("n", "next game"),
    ("g", "pick a game by its id, or the next of a type"),
    ("R", "this game from the beginning"),
    ("t", "dark or light"),
    ("up, down", "scroll the transcript"),
    ("q, ctrl+c", "quit"),
)
EXPLAINED = (
    "V is the success that the value expects after a reply, before the world answers; chance is V "
    "as a probability, by what held-out episodes showed. gain is V after the reply minus V of the "
    "state before it. policy is the reply's probability among the candidates. ▸ marks the agent's "
    "choice, ✘ what the world would refuse. ?! ? ?? cost 5, 10, 20 points of the chance."
)
T = TypeVar("T")


class BoxDialog(ModalScreen[T]):
    """A box over the screen, with its title in the frame; what it holds has the class ``box``."""

    DEFAULT_CSS = """
    BoxDialog { align: center middle; background: $background 60%; }
    BoxDialog > .box {
        width: 64; max-width: 100%; height: auto; max-height: 100%; padding: 0 2;
        background: $surface; border: round $secondary; border-title-color: $foreground;
    }
    """


class HelpDialog(BoxDialog[None]):
    """The keys and the columns."""

    DEFAULT_CSS = """
    HelpDialog .keys { margin-bottom: 1; }
    """
    BINDINGS = [Binding("escape,question_mark,space,enter,q", "dismiss", show=False)]  # noqa: RUF012 - Textual's own type

    keys: tuple[tuple[str, str], ...] = HELP
    explained = EXPLAINED

    def compose(self) -> ComposeResult:
        """Keys, then what the columns mean."""
        with VerticalScroll(classes="box") as box:
            box.border_title = "help"
            rows = [(f"{key:<14}", does) for key, does in self.keys]
            lines = [Content.assemble((key, "bold $primary"), does) for key, does in rows]
            yield Static(Content("\n").join(lines), classes="keys")
            yield Static(Content.styled(self.explained, "$secondary"))


class LineDialog(BoxDialog[str | None]):
    """One line to type; gives it back, or None."""

    DEFAULT_CSS = """
    LineDialog Input, LineDialog Input:focus {
        border: none; height: 1; padding: 0 1; margin: 1 0; background: $panel;
    }
    LineDialog Static { height: auto; min-height: 2; }
    """
    BINDINGS = [Binding("escape", "dismiss", show=False)]  # noqa: RUF012 - Textual's own type
    title_text = ""
    hint = ""

    def __init__(self, suggestions: Sequence[str] = (), value: str = "") -> None:
        """Ask for a line.

        Args:
            suggestions: what it is completed to.
            value: stands there at first.
        """
        super().__init__()
        self._suggestions, self._value = suggestions, value

    def compose(self) -> ComposeResult:
        """The line, and a remark below it."""
        with Vertical(classes="box") as box:
            box.border_title = self.title_text
            suggester = SuggestFromList(self._suggestions, case_sensitive=False)
            yield Input(self._value, suggester=suggester)
            yield Static(Content.styled(self.hint, "$secondary"))

    def remark(self, content: Content) -> None:
        """Say something below the line."""
        self.query_one(Static).update(content)


class ActionDialog(LineDialog):
    """An action of one's own; the first Enter shows its value, the second plays it."""

    title_text = "your action"
    hint = "→ completes · enter: its value, again: play it · esc: back"

    def __init__(
        self, suggestions: Sequence[str], appraise: Callable[[str], Awaitable[Option]]
    ) -> None:
        super().__init__(suggestions)
        self._appraise = appraise
        self._appraised: str | None = None

    def on_input_changed(self) -> None:
        """What is typed anew has not been appraised."""
        if self._appraised is not None:
            self._appraised = None
            self.remark(Content.styled(self.hint, "$secondary"))

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Show the value, or play what was shown."""
        if self._appraised == event.value:
            self.dismiss(event.value)
            return
        try:
            option = await self._appraise(event.value)
        except OreoError as error:
            self.remark(Content.styled(str(error), "$error"))
            return
        self._appraised = event.value
        self.remark(_verdict(option))


class GameDialog(LineDialog):
    """A game by its id or a part of it, or the next one of a task type."""

    title_text = "play the game"
    hint = "an id, a part of it that no other has, or a task type · enter: play · esc: back"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give back what was typed."""
        self.dismiss(event.value or None)


class TurnDialog(LineDialog):
    """A turn to go back to."""

    title_text = "back to turn"

    def __init__(self, turns: int) -> None:
        super().__init__([str(turn) for turn in range(1, turns + 1)])
        self._turns = turns
        self.hint = f"1 to {turns} · enter: back to before it was played · esc: stay"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give back a number that is a turn's."""
        if event.value.strip().isdecimal() and 1 <= int(event.value) <= self._turns:
            self.dismiss(event.value.strip())
        else:
            self.remark(Content.styled(f"a turn is a number from 1 to {self._turns}", "$error"))


def _verdict(option: Option) -> Content:
    parts: list[tuple[str, str]] = [(option.label, "bold")]
    if option.probability is not None:
        parts.append((f"   {percent(option.probability)}", "bold"))
    if option.value is not None:
        parts.append((f"   V {option.value:.3f}", "bold"))
    if option.gain is not None:
        parts.append((f"  {option.gain:+.3f}", direction(option.gain)))
    if option.admissible is False:
        parts.append(("   ✘ the world would refuse it", "$error"))
    parts.append(("\nenter plays it · esc goes back", "$secondary"))
    return Content.assemble(*parts)
