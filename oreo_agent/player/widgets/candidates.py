"""The replies that the agent thought of, each with its value."""

from textual.content import Content
from textual.widget import Widget

from oreo_agent.player.blocks import bar
from oreo_agent.player.snapshot import Option, Snapshot
from oreo_agent.player.themes import direction, level

ROWS = 9
"""Candidates that have a key of their own; no more are shown."""
_FIGURES = 22
"""Cells of V, gain and policy share together."""


class Candidates(Widget):
    """A row a candidate: mark, number, command, bar, V, gain, policy share."""

    DEFAULT_CSS = """
    Candidates { height: auto; min-height: 6; max-height: 10; padding: 0 1; }
    """

    snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Draw the candidates of the turn, or how the game ended."""
        self.snapshot = snapshot
        self.refresh(layout=True)

    def render(self) -> Content:
        """The table in the width that there is."""
        snapshot = self.snapshot
        if snapshot is None:
            return Content("")
        if snapshot.end is not None:
            return Content.assemble(
                "\n",
                _ending(snapshot),
                "\n\n",
                *_key("n", "next game"),
                *_key("R", "play it again"),
            )
        width = self.content_size.width or self.size.width
        shown = snapshot.options[:ROWS]
        rows = [_head(width, shown)]
        rows += [
            _row(option, number, width, chosen=number == snapshot.chosen + 1)
            for number, option in enumerate(shown, 1)
        ]
        return Content("\n").join(rows)


def _ending(snapshot: Snapshot) -> Content:
    """The outcome, with a mark that reads without colour."""
    if snapshot.end == "won":
        return Content.styled(f"✔ {snapshot.outcome}", "bold $success")
    return Content.styled(f"✘ {snapshot.outcome}", "bold $error")


def _key(key: str, does: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (f"{key} ", "bold $primary"), (f"{does}   ", "$secondary")


def _split(width: int) -> tuple[int, int]:
    """Cells of the command and of the bar, in a table that has values."""
    left = width - 4 - _FIGURES
    across = max(0, min(24, left // 3)) if left >= 24 else 0
    return max(left - across - 1, 1), across


def _head(width: int, shown: tuple[Option, ...]) -> Content:
    if all(option.value is None and option.share is None for option in shown):
        return Content.styled("    command", "$secondary")
    across, bars = _split(width)
    return Content.styled(
        f"    {'candidate':<{across}.{across}} {'':<{bars}}{'V':>7}{'gain':>8}{'policy':>7}",
        "$secondary",
    )


def _row(option: Option, number: int, width: int, *, chosen: bool) -> Content:
    marks = ("▸ " if chosen else "  ", "bold $accent"), (f"{number} ", "$secondary")
    label = option.label if option.admissible is not False else f"✘ {option.label}"
    style = "bold" if chosen else "$secondary" if option.admissible is False else ""
    if option.value is None and option.share is None:
        return Content.assemble(*marks, (_fitted(label, max(width - 4, 1)), style))
    across, bars = _split(width)
    value = f"{option.value:7.3f}" if option.value is not None else f"{'–':>7}"
    gain = f"{option.gain:+8.3f}" if option.gain is not None else f"{'':>8}"
    share = f"{_percent(option.share):>7}"
    drawn, track = bar(option.value, bars) if option.value is not None else ("", " " * bars)
    return Content.assemble(
        *marks,
        (_fitted(label, across), style),
        " ",
        (drawn, level(option.value)),
        (track, "$panel"),
        (value, "bold" if chosen else ""),
        (gain, direction(option.gain)),
        (share, "$secondary"),
    )


def _percent(share: float | None) -> str:
    """A share that is not nothing is not shown as nothing."""
    return "–" if share is None else "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _fitted(text: str, width: int) -> str:
    """Exactly ``width`` cells."""
    return text.ljust(width) if len(text) <= width else f"{text[: width - 1]}…"
