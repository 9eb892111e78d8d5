"""Strategies that look at one reply: the likeliest, or a drawn one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from oreo_agent.agent.engines import Engine, Reply, Request
from oreo_agent.agent.strategies import Candidate, Decision, Reading, check_temperature, in_place_of


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
    only_admissible: bool = False
    """Where the world would refuse the command, and tells which it admits, say the nearest one."""

    def __post_init__(self) -> None:
        check_temperature(self.temperature)

    @property
    def name(self) -> str:
        """``greedy`` at temperature 0."""
        return "sample" if self.temperature > 0 else "greedy"

    def __call__(
        self, engine: Engine, read: Reading, requests: Sequence[Request]
    ) -> list[Decision]:
        """The reply that was drawn is the only candidate, unless it must give way."""
        drawn = engine.generate(
            requests,
            samples=1,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            whole=not self.values,
        )
        lines = [[candidate(reply, read)] for (reply,) in drawn]
        if self.only_admissible:
            for line, request in zip(lines, requests, strict=True):
                if (other := in_place_of(line, request, read.prompt)) is not None:
                    line.append(other)
        worth: list[list[float]] = [[] for _ in requests]
        if self.values:
            worth = engine.values(requests, [[(), *(one.ids for one in line)] for line in lines])
            lines = [
                [replace(one, value=v) for one, v in zip(line, told[1:], strict=True)]
                for line, told in zip(lines, worth, strict=True)
            ]
        return [
            Decision(
                strategy=self.name,
                chosen=len(line) - 1,
                candidates=tuple(line),
                value=v[0] if v else None,
                policy_tokens=line[0].tokens,
                value_tokens=sum(one.tokens for one in line) if v else 0,
            )
            for line, v in zip(lines, worth, strict=True)
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Greedy:
    """Takes the likeliest token each time."""

    max_tokens: int = 64
    """Longest reply."""
    values: bool = False
    """Ask for V before and after the reply, for those who watch; it decides nothing."""
    only_admissible: bool = False
    """As `Sample.only_admissible`."""

    def __call__(
        self, engine: Engine, read: Reading, requests: Sequence[Request]
    ) -> list[Decision]:
        """Sampling at temperature 0."""
        greedy = Sample(
            temperature=0.0,
            max_tokens=self.max_tokens,
            values=self.values,
            only_admissible=self.only_admissible,
        )
        return greedy(engine, read, requests)


def candidate(reply: Reply, read: Reading) -> Candidate:
    """A reply with what it says."""
    text, command = read(reply.ids)
    return Candidate(
        ids=reply.ids,
        logps=reply.logps,
        text=text,
        command=command,
        ended=reply.ended,
    )
