"""Counters of what was asked and done, in the text format of Prometheus."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from oreo_agent.agent.strategies import Decision
from oreo_agent.serving.mind import Answer
from oreo_agent.serving.telling import drawn

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Histogram:
    """How often a figure was at most so much."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, figure: float) -> None:
        """Count one."""
        self._counts[bisect_left(self.bounds, figure)] += 1
        self._sum += figure

    def lines(self, name: str, labels: str = "") -> list[str]:
        """Of Prometheus: buckets that hold all below them, sum and count."""
        told, total, comma = list[str](), 0, "," if labels else ""
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self._counts, strict=True):
            total += count
            told.append(f'{name}_bucket{{{labels}{comma}le="{bound}"}} {total}')
        braces = f"{{{labels}}}" if labels else ""
        return [*told, f"{name}_sum{braces} {self._sum:.6f}", f"{name}_count{braces} {total}"]


class Metrics:
    """What a server counts; used on its event loop alone."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, Histogram] = {}
        self._batches = Histogram(_SIZES)
        self._engine = 0.0
        self._tokens: Counter[str] = Counter()

    def request(self, endpoint: str, status: int, seconds: float) -> None:
        """A request was answered; 499 if nobody was there any more to hear it."""
        self._requests[endpoint, status] += 1
        self._seconds.setdefault(endpoint, Histogram(_SECONDS)).add(seconds)

    @contextmanager
    def engine(self, together: int) -> Generator[None]:
        """Count a batch and how long the engine had to do with it."""
        self._batches.add(together)
        began = time.perf_counter()
        yield
        self._engine += time.perf_counter() - began

    def answered(self, answer: Answer) -> None:
        """Count the tokens of an answer."""
        self._tokens["prompt"] += answer.prompt_tokens
        told = answer.told
        if isinstance(told, Decision):
            self._tokens["policy"] += drawn(told)

    def text(self, gauges: Mapping[str, tuple[str, int]]) -> str:
        """All of it.

        Args:
            gauges: name to what it says and its figure now.
        """
        lines = _head("requests_total", "counter", "Requests, by endpoint and status.")
        for (endpoint, status), count in sorted(self._requests.items()):
            lines.append(f'oreo_requests_total{{endpoint="{endpoint}",status="{status}"}} {count}')
        lines += _head("request_seconds", "histogram", "From a request's head to its answer.")
        for endpoint, histogram in sorted(self._seconds.items()):
            lines += histogram.lines("oreo_request_seconds", f'endpoint="{endpoint}"')
        lines += _head("batch_size", "histogram", "Requests that were decided in one call.")
        lines += self._batches.lines("oreo_batch_size")
        lines += _head("engine_seconds_total", "counter", "Seconds that the engine was at work.")
        lines.append(f"oreo_engine_seconds_total {self._engine:.6f}")
        lines += _head(
            "tokens_total", "counter", "Tokens of histories, and those drawn for decisions."
        )
        lines += [
            f'oreo_tokens_total{{kind="{k}"}} {self._tokens[k]}' for k in ("policy", "prompt")
        ]
        for name, (what, figure) in gauges.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [*_head(name, kind, what), f"oreo_{name} {figure}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, what: str) -> list[str]:
    return [f"# HELP oreo_{name} {what}", f"# TYPE oreo_{name} {kind}"]
