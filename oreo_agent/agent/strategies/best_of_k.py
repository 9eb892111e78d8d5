"""Propose K different actions, take the one that scores best (arXiv:2412.16145, sec. 4.4).

The controls are the same search with another score: what is gained over them is gained by V.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from oreo_agent.agent.engines import Engine, Request
from oreo_agent.agent.strategies import (
    Candidate,
    Decision,
    Reading,
    check_temperature,
    eligible,
    in_place_of,
)
from oreo_agent.agent.strategies.single import candidate

Score = Literal["value", "logp", "chance", "constant"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BestOfK:
    """Nothing is tried out in the world; the value alone looks ahead."""

    k: int = 5
    """Different actions a decision; 1 is plain sampling."""
    temperature: float = 0.5
    """Of the draws; 0 leaves the likeliest action alone."""
    score: Score = "value"
    """``value``: V at the end of the reply, plus ``weight`` * its log-probability. Controls:
    ``logp``: log-probability alone; ``chance``: any of the candidates; ``constant``: a value that
    is the same everywhere, so that the first that was drawn is taken."""
    weight: float = 0.0
    """Reward units per nat of log-probability, added to V; ties go to the likelier in any case."""
    greedy: bool = False
    """Make the likeliest reply one of the candidates."""
    draws: int = 2
    """Rounds of K draws in search of K different actions."""
    max_tokens: int = 64
    """Longest reply."""
    values: bool = False
    """Ask for V also where the score does not need it, for those who watch."""
    only_admissible: bool = False
    """Choose among commands that the world would admit, where it tells. The others stay candidates;
    where all are refused, the admissible command that is nearest to the likeliest one is added."""

    def __post_init__(self) -> None:
        if self.k < 1 or self.draws < 1:
            raise ValueError("k and draws must be at least 1")
        check_temperature(self.temperature)

    def __call__(
        self, engine: Engine, read: Reading, requests: Sequence[Request]
    ) -> list[Decision]:
        """All requests are drawn together; V of all candidates comes from one forward."""
        found, drawn = self._candidates(engine, read, requests)
        if self.only_admissible:
            for line, request in zip(found, requests, strict=True):
                if (other := in_place_of(line, request, read.prompt)) is not None:
                    line.append(other)
        worth: list[list[float]] = []
        if self.values or self.score == "value":
            worth = engine.values(requests, [[(), *(c.ids for c in line)] for line in found])
            found = [
                [replace(c, value=v) for c, v in zip(line, values[1:], strict=True)]
                for line, values in zip(found, worth, strict=True)
            ]
        return [
            Decision(
                strategy=f"best-of-k {self.score}",
                chosen=self._best(line, request),
                candidates=tuple(line),
                value=worth[i][0] if worth else None,
                policy_tokens=drawn[i],
                value_tokens=sum(one.tokens for one in line) if worth else 0,
            )
            for i, (line, request) in enumerate(zip(found, requests, strict=True))
        ]

    def _best(self, line: Sequence[Candidate], request: Request) -> int:
        may = eligible(line, request, only_admissible=self.only_admissible)
        if self.score == "chance":
            return may[Random(f"{request.seed}/chance").randrange(len(may))]
        if self.score == "constant":
            return may[0]
        return max(may, key=lambda i: (self._worth(line[i]), line[i].logp))

    def _worth(self, candidate: Candidate) -> float:
        if self.score == "logp":
            return candidate.logp
        assert candidate.value is not None
        return candidate.value + self.weight * candidate.logp

    def _candidates(
        self, engine: Engine, read: Reading, requests: Sequence[Request]
    ) -> tuple[list[list[Candidate]], list[int]]:
        """Up to K candidates a request with different commands, in the order they were drawn.

        A reply that was cut would end the episode: it stays only where nothing else was drawn.

        Returns:
            The candidates, and the number of tokens that were drawn for them.
        """
        found: list[dict[str, Candidate]] = [{} for _ in requests]
        tokens = [0] * len(requests)
        for draw in range(self.draws):
            short = [i for i, line in enumerate(found) if len(line) < self.k]
            if not short or (draw > 0 and self.temperature == 0):
                break
            asked = [replace(requests[i], seed=requests[i].seed + draw) for i in short]
            drawn = engine.generate(
                asked, samples=self.k, temperature=self.temperature, max_tokens=self.max_tokens
            )
            for i, replies in zip(short, drawn, strict=True):
                tokens[i] += sum(len(reply.ids) for reply in replies)
                for reply in replies:
                    new = candidate(reply, read)
                    if len(found[i]) < self.k:
                        found[i].setdefault(new.command or new.text, new)
        if self.greedy:
            likeliest = engine.generate(
                requests, samples=1, temperature=0.0, max_tokens=self.max_tokens
            )
            for i, (line, (reply,)) in enumerate(zip(found, likeliest, strict=True)):
                tokens[i] += len(reply.ids)
                new = candidate(reply, read)
                if len(line) == self.k and (new.command or new.text) not in line:
                    line.popitem()
                line.setdefault(new.command or new.text, new)
        lines = (list(line.values()) for line in found)
        return [[c for c in line if c.ended] or line for line in lines], tokens
