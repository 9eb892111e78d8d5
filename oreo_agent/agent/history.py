"""What an agent has heard and said, for callers who run their own world."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from oreo_agent.agent.engines import Request
from oreo_agent.errors import EngineError
from oreo_agent.model.prompt import PromptFormat, ids_of, spent
from oreo_agent.records.episode import Segment

_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """An episode so far. Frozen: what comes later is another one, so a caller may go back."""

    segments: tuple[Segment, ...]
    """What was shown and said, as the agent's prompt format tells it."""
    admissible: tuple[str, ...] | None = None
    """Commands that the world would admit now; None if it does not tell."""
    seed: int = 0
    """Of the random choices in this episode."""
    session: str = field(default_factory=lambda: f"history {next(_NUMBERS)}")
    """Names the episode: the engine keeps what it has read of it."""

    @property
    def turn(self) -> int:
        """Replies so far."""
        return sum(segment.kind == "action" for segment in self.segments)

    def request(self, prompt: PromptFormat) -> Request:
        """What an engine is asked with; the same history asks the same.

        Raises:
            EngineError: a solution has as many tokens as it may have.
        """
        if prompt.steps is None:
            turn, drawn, limit = self.turn, 0, None
        else:  # one seed decides a solution, whose steps share one limit
            turn, drawn = 0, spent(self.segments)
            limit = prompt.max_reply_tokens - drawn
            if limit < 1:
                raise EngineError(
                    f"a solution of {drawn} tokens leaves no room for a step: its limit is "
                    f"{prompt.max_reply_tokens}; it is over"
                )
        return Request(
            session=self.session,
            ids=ids_of(self.segments),
            seed=Random(f"{self.seed}/{turn}").getrandbits(63),
            drawn=drawn,
            limit=limit,
            admissible=self.admissible,
        )


def apart(requests: Sequence[Request]) -> list[Request]:
    """Requests with a session each: where several share one, all but the first are renamed."""
    seen: dict[str, int] = {}
    named: list[Request] = []
    for request in requests:
        count = seen[request.session] = seen.get(request.session, -1) + 1
        named.append(
            request if not count else replace(request, session=f"{request.session}~{count}")
        )
    return named
