"""What if, on the screen: the forecast of each reply beside what followed from it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from threading import Event

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from oreo_agent.errors import OreoError
from oreo_agent.player.blocks import bar, span
from oreo_agent.player.dialogs import BoxDialog
from oreo_agent.player.themes import level
from oreo_agent.player.what_if import Tried
from oreo_agent.player.widgets.figures import fitted, percent

Ask = Callable[[Event], Iterator[tuple[Tried, ...]]]
"""Begins to try; stops as soon as the event is set."""


class WhatIfDialog(BoxDialog[None]):
    """A table that fills as games end; esc stops them."""

    DEFAULT_CSS = """
    WhatIfDialog > .box { width: 110; }
    WhatIfDialog #tried { margin: 1 0; text-wrap: nowrap; text-overflow: clip; }
    """
    BINDINGS = [Binding("escape,q,enter,space,w", "leave", show=False)]  # noqa: RUF012 - Textual's own type

    def __init__(self, turn: int, ask: Ask, *, calibrated: bool) -> None:
        """Ask at ``turn``; forecasts are probabilities if they are ``calibrated``."""
        super().__init__()
        self._turn, self._ask, self._calibrated = turn, ask, calibrated
        self._stop = Event()
        self._tried: Sequence[Tried] = ()
        self._over = False
        self._trouble = ""

    def compose(self) -> ComposeResult:
        """The table, and a remark below it."""
        with VerticalScroll(classes="box") as box:
            box.border_title = f"what if, at turn {self._turn}"
            yield Static(id="tried")
            yield Static(id="remark")

    def on_mount(self) -> None:
        """Begin."""
        self._draw()
        self.run_worker(self._watch())

    def on_unmount(self) -> None:
        """Stop the games."""
        self._stop.set()

    def on_resize(self) -> None:
        """Draw in the new width."""
        self._draw()

    def action_leave(self) -> None:
        """Stop the games, or go back if they are over."""
        self._stop.set()
        if self._over:
            self.dismiss()

    async def _watch(self) -> None:
        try:
            found = await asyncio.to_thread(self._ask, self._stop)
            while (tried := await asyncio.to_thread(next, found, None)) is not None:
                self._tried = tried
                self._draw()
        except OreoError as error:
            self._trouble = str(error)
        finally:
            self._over = True
        if self._stop.is_set():
            self.dismiss()
        else:
            self._draw()

    def _draw(self) -> None:
        width = max(min(self.app.size.width, 110) - 8, 10)
        self.query_one("#tried", Static).update(
            Content("\n").join(tried_lines(self._tried, width, calibrated=self._calibrated))
        )
        played = sum(one.played + one.broke for one in self._tried)
        games = sum(one.games for one in self._tried)
        told = f"{played} of {games} games played"
        keys = "any key goes back" if self._over else "esc stops"
        said = Content.styled(f"{told} · {keys}", "$secondary")
        if self._trouble:
            said = Content.assemble((self._trouble, "$error"), "\n", said)
        self.query_one("#remark", Static).update(said)


def tried_lines(tried: Sequence[Tried], width: int, *, calibrated: bool) -> list[Content]:
    """A head and a line a reply: the forecast, the games that were won, their interval.

    Args:
        tried: what is known.
        width: cells across.
        calibrated: whether forecasts are probabilities; else they are V.
    """
    if not tried:
        return [Content.styled("thinking of replies ...", "$secondary")]
    valued = any(one.option.chance is not None for one in tried)
    bars = min(20, max((width - 60) // 2, 0)) if valued else min(20, max(width - 44, 0))
    figures = 9 * valued + 18 + (bars + 1) * (valued + 1) * bool(bars)
    across = max(width - 2 - figures, 8)
    forecast = "forecast" if calibrated else "V"
    head = "  " + fitted("reply", across)
    head += ((" " * (bars + 1) if bars else "") + f"{forecast:>9}") * valued
    head += (" " * (bars + 1) if bars else "") + f"{'won':>7}{'95 %':>11}"
    return [
        Content.styled(head, "$secondary"),
        *(_line(one, i == 0, across, bars, valued, calibrated) for i, one in enumerate(tried)),
    ]


def _line(
    one: Tried, first: bool, across: int, bars: int, valued: bool, calibrated: bool
) -> Content:
    option, rate = one.option, one.rate
    label = option.label if option.admissible is not False else f"✘ {option.label}"
    parts = [
        ("▸ " if first else "  ", "bold $accent"),
        (fitted(label, across), "bold" if first else ""),
    ]
    if valued:
        if bars:
            drawn, track = bar(option.chance or 0.0, bars)
            parts += [(" ", ""), (drawn, level(option.chance)), (track, "$panel")]
        told = percent(option.chance) if calibrated else f"{option.value or 0.0:.3f}"
        parts.append((f"{told:>9}", ""))
    if bars:
        low, middle, high = span(rate.low, rate.share, rate.high, bars) if rate else ("", "", "")
        hue = level(rate.share if rate else None)
        parts += [(" ", ""), (low, "$panel"), (middle, hue), (high, "$panel")]
        parts.append((" " * (bars - len(low + middle + high)), ""))
    counts = f"{one.won}/{one.played}"
    interval = f"{100 * rate.low:.0f}-{100 * rate.high:.0f} %" if rate else ""
    parts.append((f"{counts:>7}{interval:>11}", "bold" if first else ""))
    if one.broke:
        parts.append((f"  {one.broke} broke", "$error"))
    return Content.assemble(*parts)
