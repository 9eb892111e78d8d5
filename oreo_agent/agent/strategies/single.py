"""Strategies that look at one reply: the likeliest, or a drawn one."""

from collections.abc import Sequence
from dataclasses import dataclass

from oreo_agent.agent.engines import Engine, Reply, Request
from oreo_agent.agent.strategies import Candidate, Decision, Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Draws one reply."""

    temperature: float = 1.0
    """Divides the logits; 0 takes the likeliest token."""
    max_tokens: int = 64
    """Longest reply."""
    values: bool = False
    """Ask for V before and after the reply, for those who watch; it decides nothing. Without it a
    solution is drawn in one go: the same tokens as step by step."""

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature must not be negative, got {self.temperature}")

    @property
    def name(self) -> str:
        """``greedy`` at temperature 0."""
        return "sample" if self.temperature > 0 else "greedy"

    def __call__(
        self, engine: Engine, read: Reading, requests: Sequence[Request]
    ) -> list[Decision]:
        """The reply that was drawn is the only candidate."""
        drawn = engine.generate(
            requests,
            samples=1,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            whole=not self.values,
        )
        worth: list[list[float]] = [[] for _ in requests]
        if self.values:
            worth = engine.values(requests, [[(), r.ids] for (r,) in drawn])
        return [
            Decision(
                strategy=self.name,
                chosen=0,
                candidates=(candidate(reply, read, v[1] if v else None),),
                value=v[0] if v else None,
            )
            for (reply,), v in zip(drawn, worth, strict=True)
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Greedy:
    """Takes the likeliest token each time."""

    max_tokens: int = 64
    """Longest reply."""
    values: bool = False
    """Ask for V before and after the reply, for those who watch; it decides nothing."""

    def __call__(
        self, engine: Engine, read: Reading, requests: Sequence[Request]
    ) -> list[Decision]:
        """Sampling at temperature 0."""
        greedy = Sample(temperature=0.0, max_tokens=self.max_tokens, values=self.values)
        return greedy(engine, read, requests)


def candidate(reply: Reply, read: Reading, value: float | None = None) -> Candidate:
    """A reply with what it says."""
    text, command = read(reply.ids)
    return Candidate(
        ids=reply.ids,
        logps=reply.logps,
        text=text,
        command=command,
        ended=reply.ended,
        value=value,
    )
