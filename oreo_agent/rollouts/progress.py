"""How far a run is: a moving line in a terminal, now and then a plain line elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from oreo_agent.records.episode import Episode

PLAIN_SECONDS = 10.0
"""Between two plain lines."""


class Line:
    """A line on standard error that moves in a terminal, and comes now and then elsewhere."""

    def __init__(
        self, *, console: Console | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Show nothing yet."""
        self._now = now
        self._began = self._told = now()
        self._console = console or Console(file=sys.stderr)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if last := self._last():
            self._show(last)
        if self._live is not None:
            self._live.stop()

    def _last(self) -> str:
        """What is shown at the end, if anything."""
        return ""

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._now() - self._began

    def _due(self) -> bool:
        """Whether it is time for another line; if so, the time until the next one begins."""
        now = self._now()
        if now - self._told < (0.2 if self._console.is_terminal else PLAIN_SECONDS):
            return False
        self._told = now
        return True

    def _show(self, line: str) -> None:
        if not self._console.is_terminal:
            self._console.print(line, highlight=False, soft_wrap=True)
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=False)
            self._live.start()
        self._live.update(Text(line), refresh=True)


class Progress(Line):
    """Counts finished episodes and tells of them."""

    def __init__(
        self,
        total: int,
        *,
        already: int = 0,
        console: Console | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with ``already`` of ``total`` episodes done in an earlier run."""
        super().__init__(console=console, now=now)
        self.total = total
        self.already = already
        self.played = self.won = self.tokens = self.steps = 0
        self.reasons = Counter[str]()

    def _last(self) -> str:
        return self.line() if self.played else ""

    @property
    def faults(self) -> int:
        """Episodes that broke."""
        return self.reasons.total()

    def add(self, episode: Episode) -> None:
        """Count an episode that is done for good."""
        self.played += 1
        self.won += episode.end == "won"
        if episode.end == "fault":
            self.reasons[episode.reason] += 1
        self.tokens += episode.tokens
        self.steps += episode.steps
        if self._due():
            self._show(self.line())

    def line(self) -> str:
        """Where the run stands."""
        seconds = max(self.seconds, 1e-9)
        rate = self.played / seconds
        done = self.already + self.played
        judged = self.played - self.faults
        parts = [
            f"{done}/{self.total} episodes",
            f"{rate:.1f} episodes/s",
            f"{self.tokens / seconds:,.0f} tokens/s",
            f"{self.won / judged:.1%} won" if judged else "none judged",
        ]
        if self.faults:
            parts.append(f"{self.faults} faults")
        if self.played and done < self.total:
            parts.append(f"{_duration((self.total - done) / rate)} left")
        return " · ".join(parts)


class Making(Line):
    """Tells how many of the games that are missing are made."""

    def tell(self, done: int, total: int) -> None:
        """Know that ``done`` of ``total`` are made."""
        if done < total and not self._due():
            return
        line = f"{done}/{total} games made"
        if done < total:
            line += f" · {_duration((total - done) * self.seconds / done)} left"
        self._show(line)


def _duration(seconds: float) -> str:
    """As minutes and seconds, or hours and minutes."""
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600} h {whole % 3600 // 60:02d}"
