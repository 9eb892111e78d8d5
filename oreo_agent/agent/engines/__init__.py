"""Engines: what produces tokens and values.

An engine is asked with whole histories and remembers, by session, what it has already encoded; so
a caller may go back, branch or forget at will and pays only for tokens that are new.

To add one: write a file beside this one, then add its line to `ENGINES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from oreo_agent.errors import SettingError, nearest
from oreo_agent.model.steps import Steps
from oreo_agent.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A history that waits for a reply."""

    session: str
    """Names the episode; the engine keeps one cache a session until `Engine.close`."""
    ids: tuple[int, ...]
    """All tokens so far, up to where the reply begins."""
    seed: int = 0
    """Decides the sampling noise of this reply, whatever else is in the batch."""
    drawn: int = 0
    """Tokens that were drawn by this seed before: a reply that goes on where another one stopped is
    what that one would have gone on with."""
    limit: int | None = None
    """The longest reply to this request, where that is less than to the others."""
    admissible: tuple[str, ...] | None = None
    """Commands that the world would admit now; None if it does not tell. Engines look away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Tokens that the policy produced."""

    ids: tuple[int, ...]
    logps: tuple[float, ...]
    """Log-probability of each id at temperature 1, in nats."""
    ended: bool
    """True if it closed itself (by an end-of-turn token, or a step by its delimiter); False if the
    token limit cut it."""


class Engine(Protocol):
    """Produces replies and values for a batch of histories."""

    def generate(
        self,
        requests: Sequence[Request],
        *,
        samples: int,
        temperature: float,
        max_tokens: int,
        whole: bool = False,
    ) -> list[list[Reply]]:
        """``samples`` replies to each request, in the order they were drawn.

        Args:
            requests: distinct sessions.
            samples: replies a request; they may be equal.
            temperature: divides the logits; 0 takes the likeliest token.
            max_tokens: the longest reply.
            whole: of a format with steps, draw on to the solution's end, not to the step's.
        """
        ...

    def values(
        self, requests: Sequence[Request], replies: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[list[float]]:
        """V at the end of each reply (the state after the action, before the world answers).

        An empty reply asks for V of the history itself: the state before the reply.
        """
        ...

    def logps(
        self,
        requests: Sequence[Request],
        replies: Sequence[Sequence[tuple[int, ...]]],
        *,
        reference: bool = False,
    ) -> list[list[tuple[float, ...]]]:
        """Log-probability of each token of each reply at temperature 1, in nats.

        Args:
            requests: distinct sessions.
            replies: to each request; whoever wrote them.
            reference: under the policy that this one learned from, not under this one.

        Raises:
            EngineError: there is no reference.
        """
        ...

    def fork(self, session: str, other: str) -> None:
        """Let ``other`` know of what ``session`` has read; what it knew before is forgotten."""
        ...

    def close(self, session: str) -> None:
        """Forget a session. Unknown sessions are ignored."""
        ...


USUAL_DTYPE = "auto"
"""As the weights are stored; the transformers engine takes float32 on a CPU all the same."""
DTYPES = (USUAL_DTYPE, "float32", "bfloat16", "float16")


def check_dtype(name: str) -> None:
    """Refuse a name that is not in `DTYPES`.

    Raises:
        SettingError: it is not.
    """
    if name not in DTYPES:
        raise SettingError(f"no dtype of weights is called {name!r}; {nearest(name, DTYPES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an engine is opened with: folders in Hugging Face format, and how replies end."""

    policy: Path
    value: Path | None = None
    reference: Path | None = None
    """The policy that ``policy`` learned from; None leaves its log-probabilities unknown."""
    stop_ids: frozenset[int]
    steps: Steps | None = None
    max_context: int | None = None
    """Longest history with its reply, in tokens; None takes what the policy was built for."""
    device: str = "auto"
    """``auto`` takes a GPU if there is one."""
    dtype: str = USUAL_DTYPE
    """One of `DTYPES`, of the weights in memory."""
    threads: int = 1
    """Of the CPU."""

    def __post_init__(self) -> None:
        check_dtype(self.dtype)


USUAL_ENGINE = "transformers"
ONE_PROCESS = frozenset({"vllm"})
"""Engines that fill the machine from one process."""
ENGINES: Registry[Callable[[Parts], Engine]] = Registry(
    "engine",
    {
        "transformers": "oreo_agent.agent.engines.local:open_engine",
        "vllm": "oreo_agent.agent.engines.vllm:open_engine",
    },
)
