"""The replies that the agent thought of, each with what the value expects of it."""

from textual.content import Content
from textual.widget import Widget

from oreo_agent.player.blocks import bar
from oreo_agent.player.review import losing_turn
from oreo_agent.player.snapshot import Option, Snapshot
from oreo_agent.player.themes import direction, level
from oreo_agent.player.widgets.figures import fitted, percent, points

ROWS = 9
"""Candidates that have a key of their own; no more are shown."""


class Candidates(Widget):
    """A row a candidate: mark, number, command, bar, chance, V, gain, policy share."""

    DEFAULT_CSS = """
    Candidates { height: auto; min-height: 6; max-height: 10; padding: 0 1; }
    """

    snapshot: Snapshot | None = None
    keys: tuple[tuple[str, str], ...] = (("n", "next game"), ("R", "play it again"), ("b", "back"))
    """What can be done after the end."""

    def show(self, snapshot: Snapshot) -> None:
        """Draw the candidates of the turn, or how the game ended."""
        self.snapshot = snapshot
        self.refresh(layout=True)

    def render(self) -> Content:
        """The table in the width that there is."""
        snapshot = self.snapshot
        if snapshot is None:
            return Content("")
        if snapshot.end is not None and not snapshot.options:
            return self._ending(snapshot)
        width = self.content_size.width or self.size.width
        return Content("\n").join(table(snapshot, width))

    def _ending(self, snapshot: Snapshot) -> Content:
        """The outcome, the turn that lost it, and what can be done now."""
        parts: list[Content | str | tuple[str, str]] = ["\n", ending(snapshot), "\n"]
        if (lost := losing_turn(snapshot.moves, snapshot.end)) is not None:
            move = snapshot.moves[lost - 1]
            told = f"lost at {snapshot.unit} {lost}: {move.option.label}"
            parts += [(f"{told}  {points(-(move.loss or 0))} points", "$error"), "\n"]
        parts.append("\n")
        for key, does in self.keys:
            parts += [(f"{key} ", "bold $primary"), (f"{does}   ", "$secondary")]
        return Content.assemble(*parts)


def table(snapshot: Snapshot, width: int) -> list[Content]:
    """A head and a line a candidate, in ``width`` cells."""
    shown = snapshot.options[:ROWS]
    columns = _Columns(width, snapshot, shown)
    rows = [
        columns.row(option, number, chosen=number == snapshot.chosen + 1)
        for number, option in enumerate(shown, 1)
    ]
    return [columns.head(), *rows]


def ending(snapshot: Snapshot) -> Content:
    """The outcome, with a mark that reads without colour."""
    if snapshot.end == "won":
        return Content.styled(f"✔ {snapshot.outcome}", "bold $success")
    return Content.styled(f"✘ {snapshot.outcome}", "bold $error")


class _Columns:
    """Which figures there are and which fit."""

    def __init__(self, width: int, snapshot: Snapshot, shown: tuple[Option, ...]) -> None:
        self._valued = any(option.value is not None for option in shown)
        self._shared = any(option.share is not None for option in shown)
        self._chance = self._valued and snapshot.calibrated
        self._raw = self._valued and (not snapshot.calibrated or width >= 72)
        self._gain = self._valued and width >= 36
        left = width - 4 - 6 * self._chance - 7 * self._raw - 8 * self._gain - 7 * self._shared
        self._bars = min(12, left // 6) if self._valued and left >= 28 else 0
        left -= self._bars + bool(self._bars)
        self._policy = min(8, left // 6) if self._shared and left >= 28 else 0
        self._label = max(left - self._policy - bool(self._policy), 1)

    def head(self) -> Content:
        """Names over the columns."""
        parts = [fitted("    candidate", 4 + self._label)]
        parts += [" " * (self._bars + 1)] * bool(self._bars)
        parts += ["chance".rjust(6)] * self._chance + ["V".rjust(7)] * self._raw
        parts += ["gain".rjust(8)] * self._gain
        parts += [" " * (self._policy + 1)] * bool(self._policy)
        parts += ["policy".rjust(7)] * self._shared
        return Content.styled("".join(parts), "$secondary")

    def row(self, option: Option, number: int, *, chosen: bool) -> Content:
        """One candidate."""
        label = option.label if option.admissible is not False else f"✘ {option.label}"
        style = "bold" if chosen else "$secondary" if option.admissible is False else ""
        parts = [
            ("▸ " if chosen else "  ", "bold $accent"),
            (f"{number} ", "$secondary"),
            (fitted(label, self._label), style),
        ]
        if self._bars:
            drawn, track = bar(option.chance or 0.0, self._bars)
            parts += [(" ", ""), (drawn, level(option.chance)), (track, "$panel")]
        if self._chance:
            parts.append((f"{percent(option.chance):>6}", "bold" if chosen else ""))
        if self._raw:
            value = "–" if option.value is None else f"{option.value:.3f}"
            parts.append((f"{value:>7}", "" if self._chance else "bold" if chosen else ""))
        if self._gain:
            gain = "" if option.gain is None else f"{option.gain:+.3f}"
            parts.append((f"{gain:>8}", direction(option.gain)))
        if self._policy:
            drawn, track = bar(option.share or 0.0, self._policy)
            parts += [(" ", ""), (drawn, "$primary"), (track, "$panel")]
        if self._shared:
            parts.append((f"{percent(option.share):>7}", "$secondary"))
        return Content.assemble(*parts)
