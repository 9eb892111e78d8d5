"""How far a run is: a moving line in a terminal, now and then a plain line elsewhere."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from oreo_agent.records.episode import Episode

PLAIN_SECONDS = 10.0
"""Between two plain lines."""


class Progress:
    """Counts finished episodes and tells of them on standard error."""

    def __init__(
        self,
        total: int,
        *,
        already: int = 0,
        console: Console | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with ``already`` of ``total`` episodes done in an earlier run."""
        self.total = total
        self.already = already
        self.played = self.won = self.faults = self.tokens = self.steps = 0
        self._now = now
        self._began = self._told = now()
        self._console = console or Console(file=sys.stderr)
        self._live = (
            Live(console=self._console, auto_refresh=False, transient=False)
            if self._console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.played:
            self._tell()
        if self._live is not None:
            self._live.stop()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._now() - self._began

    def add(self, episode: Episode) -> None:
        """Count an episode that is done for good."""
        self.played += 1
        self.won += episode.end == "won"
        self.faults += episode.end == "fault"
        self.tokens += episode.tokens
        self.steps += episode.steps
        now = self._now()
        if now - self._told >= (PLAIN_SECONDS if self._live is None else 0.2):
            self._told = now
            self._tell()

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

    def _tell(self) -> None:
        if self._live is not None:
            self._live.update(Text(self.line()), refresh=True)
        else:
            self._console.print(self.line(), highlight=False, soft_wrap=True)


class Making:
    """Tells on standard error how many of the games that are missing are made."""

    def __init__(
        self, *, console: Console | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Say nothing until there is something to make."""
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
        if self._live is not None:
            self._live.stop()

    def tell(self, done: int, total: int) -> None:
        """Know that ``done`` of ``total`` are made."""
        if self._live is None and self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=False)
            self._live.start()
        now = self._now()
        if done < total and now - self._told < (PLAIN_SECONDS if self._live is None else 0.2):
            return
        self._told = now
        line = f"{done}/{total} games made"
        if done < total:
            line += f" · {_duration((total - done) * (now - self._began) / done)} left"
        if self._live is not None:
            self._live.update(Text(line), refresh=True)
        else:
            self._console.print(line, highlight=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    """As minutes and seconds, or hours and minutes."""
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600} h {whole % 3600 // 60:02d}"
