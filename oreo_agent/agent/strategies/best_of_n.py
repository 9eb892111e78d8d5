"""Draw N whole solutions, take one: by value, by majority, or by a majority that V weighs.

What majority needs of V is nothing, so it stands beside every gain by value as a control.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from oreo_agent.agent.engines import Engine, Request
from oreo_agent.agent.strategies import Candidate, Decision, Reading, check_temperature
from oreo_agent.model.trust import PAPERS_BETA

ROWS = 1024
"""Solutions that are drawn side by side, unless those to one problem are more: each holds a line of
the engine's cache."""
By = Literal["value", "majority", "weighted-majority", "logp", "chance"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BestOfN:
    """The solutions to all problems of a batch are drawn side by side."""

    n: int = 8
    """Solutions a problem."""
    temperature: float = 1.0
    """Of the draws."""
    by: By = "value"
    """``value``: V at the solution's end, plus ``weight`` * its log-probability; ``majority``: the
    answer that most give, of these the likeliest solution; ``weighted-majority``: the answer with
    the largest sum of V; ``logp``: the likeliest; ``chance``: any."""
    weight: float = PAPERS_BETA
    """Reward units per nat of log-probability, added to V; ties go to the likelier. Of an agent it
    is the weight found where its value was judged, unless another is given."""
    max_tokens: int = 1024
    """Longest solution."""

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n must be at least 1, got {self.n}")
        check_temperature(self.temperature)

    @property
    def k(self) -> int:
        """N, as reports have it."""
        return self.n

    @property
    def score(self) -> str:
        """What decides, as reports have it."""
        return self.by

    def __call__(
        self, engine: Engine, read: Reading, requests: Sequence[Request]
    ) -> list[Decision]:
        """Solutions that were cut are chosen only where all were; equal ones are judged once."""
        size = max(1, ROWS // self.n)
        groups = [requests[i : i + size] for i in range(0, len(requests), size)]
        return [one for group in groups for one in self._decided(engine, read, group)]

    def _decided(
        self, engine: Engine, read: Reading, requests: Sequence[Request]
    ) -> list[Decision]:
        judged = self.by in ("value", "weighted-majority")
        asked = [self._asked(request) for request in requests]
        flat = [one for line in asked for one in line]
        nothing = [[()] for _ in requests]
        engine.logps(requests, nothing)  # problems are read here, and not again with each solution
        before = engine.values(requests, nothing) if judged else [[None] for _ in requests]
        for request, line in zip(requests, asked, strict=True):
            for one in line:
                engine.fork(request.session, one.session)
        try:
            drawn = engine.generate(
                flat,
                samples=1,
                temperature=self.temperature,
                max_tokens=self.max_tokens,
                whole=True,
            )
            found = [_solution(reply.ids, reply.logps, reply.ended, read) for (reply,) in drawn]
            lines = [found[i : i + self.n] for i in range(0, len(found), self.n)]
            if judged:
                lines = _valued(engine, asked, lines)
        finally:
            for one in flat:
                engine.close(one.session)
        spent = [
            sum(len(r.ids) for (r,) in drawn[i : i + self.n]) for i in range(0, len(drawn), self.n)
        ]
        return [
            Decision(
                strategy=f"best-of-n {self.by}",
                chosen=self._best(line, read, request),
                candidates=tuple(line),
                value=value,
                policy_tokens=tokens,
                value_tokens=len(request.ids) + sum(map(len, {one.ids for one in line}))
                if judged
                else 0,
            )
            for line, request, (value,), tokens in zip(lines, requests, before, spent, strict=True)
        ]

    def _asked(self, request: Request) -> list[Request]:
        """N sessions that go on from the same state, each with a seed of its own."""
        seeds = [Random(f"{request.seed}/solution/{i}").getrandbits(63) for i in range(self.n)]
        return [
            replace(request, session=f"{request.session}#{i}", seed=seed, drawn=0)
            for i, seed in enumerate(seeds)
        ]

    def _best(self, line: list[Candidate], read: Reading, request: Request) -> int:
        ended = [i for i, one in enumerate(line) if one.ended] or list(range(len(line)))
        if self.by == "chance":
            return Random(f"{request.seed}/chance").choice(ended)
        if self.by in ("majority", "weighted-majority"):
            ended = self._most(line, ended, read)
        if self.by == "value":
            return max(ended, key=lambda i: (self._worth(line[i]), line[i].logp))
        return max(ended, key=lambda i: (line[i].value or 0.0, line[i].logp))

    def _worth(self, one: Candidate) -> float:
        assert one.value is not None
        return one.value + self.weight * one.logp

    def _most(self, line: list[Candidate], ended: list[int], read: Reading) -> list[int]:
        """Those whose answer most give, or weigh most; solutions without an answer give none."""
        votes: dict[str, list[int]] = defaultdict(list)
        for i in ended:
            answer = read.answer(line[i].text) if read.answer is not None else line[i].text
            if answer is not None:
                votes[answer].append(i)
        if not votes:
            return ended

        def weight(of: list[int]) -> float:
            if self.by == "majority":
                return len(of)
            return sum(line[i].value or 0.0 for i in of)

        return max(votes.values(), key=lambda of: (weight(of), max(line[i].logp for i in of)))


def _valued(
    engine: Engine, asked: Sequence[Sequence[Request]], lines: Sequence[Sequence[Candidate]]
) -> list[list[Candidate]]:
    """Solutions with V at their ends, which of equal ones is read where the first was drawn."""
    firsts: list[dict[tuple[int, ...], Request]] = []
    for line, sessions in zip(lines, asked, strict=True):
        firsts.append({})
        for one, request in zip(line, sessions, strict=True):
            firsts[-1].setdefault(one.ids, request)
    requests = [request for line in firsts for request in line.values()]
    worth = iter(engine.values(requests, [[ids] for line in firsts for ids in line]))
    known = [{ids: next(worth)[0] for ids in line} for line in firsts]
    return [
        [replace(one, value=told[one.ids]) for one in line]
        for line, told in zip(lines, known, strict=True)
    ]


def _solution(
    ids: tuple[int, ...], logps: tuple[float, ...], ended: bool, read: Reading
) -> Candidate:
    """A reply up to the step with which it is over."""
    end = 0
    for step in read.prompt.steps.cut(ids) if read.prompt.steps is not None else [ids]:
        end += len(step)
        if end < len(ids) and read.ends(ids[:end]):
            ids, logps, ended = ids[:end], logps[:end], True
            break
    text, command = read(ids)
    return Candidate(ids=ids, logps=logps, text=text, command=command, ended=ended)
