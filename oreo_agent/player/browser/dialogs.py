"""What lies over the list for a while: help, a value to choose, a line to type."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from oreo_agent.player.browser.choices import Choice
from oreo_agent.player.dialogs import BoxDialog, HelpDialog, LineDialog

HELP = (
    ("enter", "open the episode"),
    ("space", "show or hide the episode at a glance"),
    ("f", "filter by outcome"),
    ("t", "by task type"),
    ("p, d", "by policy, by split"),
    ("i", "by a part of the instance's id"),
    ("w", "by the least reward"),
    ("/", "search in what was shown, said and done"),
    ("s", "sort"),
    ("esc", "stop a search; again: show everything"),
    ("R", "read the store anew"),
    ("T", "dark or light"),
    ("j k g G", "down, up, first, last; so do the arrows"),
    ("q, ctrl+c", "quit"),
)
EXPLAINED = (
    "In brackets is Wilson's 95 % interval of the won share in percent, without faults and "
    "whatever outcome is chosen. It takes episodes as independent; those of one game are not: "
    "`oreo-agent compare` pairs agents on the same games."
)


class BrowserHelp(HelpDialog):
    """The keys, and what the interval is."""

    keys = HELP
    explained = EXPLAINED


class ChoiceDialog(BoxDialog[Choice | None]):
    """Values to choose one from, by the arrows and enter or by a digit."""

    DEFAULT_CSS = """
    ChoiceDialog OptionList, ChoiceDialog OptionList:focus {
        border: none; padding: 0; height: auto; max-height: 100%; background: $surface;
    }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("escape,q", "dismiss", show=False),
        *(Binding(str(number), f"take({number})", show=False) for number in range(1, 10)),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], chosen: str | None) -> None:
        super().__init__()
        self._title, self._choices, self._chosen = title, choices, chosen

    def compose(self) -> ComposeResult:
        """A line a value."""
        with Vertical(classes="box") as box:
            box.border_title = self._title
            yield OptionList(
                *(
                    Option(self._line(number, choice))
                    for number, choice in enumerate(self._choices, 1)
                )
            )

    def _line(self, number: int, choice: Choice) -> Content:
        key = str(number) if number < 10 else " "
        mark = "▸" if choice.value == self._chosen else " "
        count = "" if choice.count is None else f"  {choice.count:,}"
        return Content.assemble((f"{mark} {key} ", "$primary"), choice.label, (count, "$secondary"))

    def on_mount(self) -> None:
        """Begin at what is chosen."""
        values = [choice.value for choice in self._choices]
        self.query_one(OptionList).highlighted = (
            values.index(self._chosen) if self._chosen in values else 0
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Give it back."""
        self.dismiss(self._choices[event.option_index])

    def action_take(self, number: int) -> None:
        """Give back the value of that number."""
        if number <= len(self._choices):
            self.dismiss(self._choices[number - 1])


class TextDialog(LineDialog):
    """One line to type; gives it back, ``""`` for an empty one, or None for esc."""

    def __init__(self, title: str, hint: str, value: str) -> None:
        super().__init__(value=value)
        self.title_text, self.hint = title, hint

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give back what was typed."""
        self.dismiss(event.value)
