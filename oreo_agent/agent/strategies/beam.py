"""Search over solutions step by step: keep the B beginnings whose next state is worth most.

Each of B beginnings goes on by E different steps, and of all that come of it B are kept
(arXiv:2412.16145, sec. 4.4). A solution that has ended keeps its place as long as it is worth it.
The controls are the same search with another score: what is gained over them is gained by V.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from oreo_agent.agent.engines import Engine, Reply, Request
from oreo_agent.agent.strategies import Candidate, Decision, Reading, check_temperature
from oreo_agent.agent.strategies.best_of_k import Score
from oreo_agent.model.trust import PAPERS_BETA


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A solution so far."""

    ids: tuple[int, ...] = ()
    logps: tuple[float, ...] = ()
    value: float | None = None
    """V at its end."""
    done: bool = False
    """Whether it ended, by an end mark or with an answer."""
    cut: bool = False
    """Whether the token limit cut it: it has not ended, and nothing can follow."""
    place: int = 0
    """Which session of the engine has read what it grew from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beam:
    """All problems of a batch are searched side by side, each with beginnings of its own."""

    beams: int = 5
    """B, beginnings that are kept; with one expansion of one it is plain sampling."""
    expansions: int = 0
    """E, steps that are drawn from each; 0 stands for as many as ``beams``."""
    temperature: float = 1.0
    """Of the draws."""
    score: Score = "value"
    """``value``: V at the end of the step, plus ``weight`` * the beginning's log-probability.
    Controls: ``logp``: log-probability alone; ``chance``: any of them; ``constant``: a value that
    is the same everywhere, so that the first draw of each beginning is taken."""
    weight: float = PAPERS_BETA
    """Reward units per nat of log-probability, added to V; ties go to the likelier. Of an agent it
    is the weight found where its value was judged, unless another is given."""
    depth: int = 20
    """Steps after which the search ends."""
    budget: int = 0
    """Tokens that are drawn for a problem, after which its search ends; 0 sets no end."""
    max_tokens: int = 1024
    """Longest solution."""

    def __post_init__(self) -> None:
        if self.beams < 1 or self.depth < 1:
            raise ValueError("beams and depth must be at least 1")
        if min(self.expansions, self.budget) < 0:
            raise ValueError("expansions and budget must not be negative")
        check_temperature(self.temperature)

    @property
    def k(self) -> int:
        """B, as reports have it."""
        return self.beams

    @property
    def width(self) -> int:
        """Draws of each beginning."""
        return self.expansions or self.beams

    def __call__(
        self, engine: Engine, read: Reading, requests: Sequence[Request]
    ) -> list[Decision]:
        """The rest of a solution to each request, beside the others that were kept."""
        searches = [_Search(self, read, request) for request in requests]
        try:
            for search in searches:
                search.begin(engine)
            while running := [search for search in searches if search.open]:
                self._grow(engine, running)
        finally:
            for search in searches:
                search.close(engine)
        return [search.decision() for search in searches]

    def _grow(self, engine: Engine, running: "Sequence[_Search]") -> None:
        """One more step of every open beginning of every problem."""
        begins = not any(search.steps for search in running)
        samples = self.width * (self.beams if begins else 1)
        asked = [request for search in running for request in search.requests(samples)]
        drawn = engine.generate(
            asked, samples=samples, temperature=self.temperature, max_tokens=self.max_tokens
        )
        worth: list[list[float]] = [[] for _ in drawn]
        if self.score == "value":
            worth = engine.values(asked, [[(), *(r.ids for r in line)] for line in drawn])
        at = 0
        for search in running:
            end = at + len(search.open)
            search.take(drawn[at:end], worth[at:end])
            search.settle(engine)
            at = end


class _Search:
    """One problem's."""

    def __init__(self, beam: Beam, read: Reading, request: Request) -> None:
        self.beam, self.read, self.request = beam, read, request
        self.limit = beam.max_tokens if request.limit is None else request.limit
        self.kept = [Beginning()]
        self.value: float | None = None
        self.steps = self.drawn = self.read_by_value = 0

    @property
    def open(self) -> list[Beginning]:
        """The beginnings that go on; none once the search has ended."""
        beam = self.beam
        if self.steps >= beam.depth or 0 < beam.budget <= self.drawn:
            return []
        return [one for one in self.kept if not (one.done or one.cut)]

    def begin(self, engine: Engine) -> None:
        """Start from what the engine has read of the episode already."""
        engine.fork(self.request.session, self._session(0))

    def close(self, engine: Engine) -> None:
        """Let the engine forget all but the episode itself."""
        for place in range(self.beam.beams):
            engine.close(self._session(place))

    def requests(self, samples: int) -> list[Request]:
        """What is asked of the engine for each open beginning."""
        return [self._request(one, alone=samples == 1 == self.beam.beams) for one in self.open]

    def take(self, drawn: Sequence[Sequence[Reply]], worth: Sequence[Sequence[float]]) -> None:
        """Add the steps that were drawn to what is kept; the same ones count once."""
        parents = self.open
        children: list[list[Beginning]] = []
        for parent, replies, values in zip(parents, drawn, worth, strict=True):
            told = values[1:] or [None] * len(replies)
            children.append([self._child(parent, r, v) for r, v in zip(replies, told, strict=True)])
            self.drawn += sum(len(reply.ids) for reply in replies)
            self.read_by_value += sum(len(r.ids) for r in replies) if values else 0
        if not self.steps and worth[0]:
            self.value = worth[0][0]
            self.read_by_value += len(self.request.ids)
        found = {one.ids: one for one in self.kept if one not in parents}
        for nth in zip(*children, strict=True):  # the first draw of each, the second, ...
            for one in nth:
                found.setdefault(one.ids, one)
        self.kept = self._best(list(found.values()))
        self.steps += 1

    def settle(self, engine: Engine) -> None:
        """Give each open beginning a session that has read what it grew from."""
        free = set(range(self.beam.beams))
        homeless: list[int] = []
        for i, one in enumerate(self.kept):
            if one in self.open and one.place in free:
                free.remove(one.place)
            else:
                homeless.append(i)
        for i in homeless:
            if self.kept[i] in self.open:
                place = min(free)
                free.remove(place)
                engine.fork(self._session(self.kept[i].place), self._session(place))
                self.kept[i] = replace(self.kept[i], place=place)

    def decision(self) -> Decision:
        """The best that ended; if none did, the best."""
        ended = [one for one in self.kept if one.done]
        chosen = self._best(ended or self.kept)[0]
        return Decision(
            strategy=f"beam {self.beam.score}",
            chosen=self.kept.index(chosen),
            candidates=tuple(map(self._candidate, self.kept)),
            value=self.value,
            policy_tokens=self.drawn,
            value_tokens=self.read_by_value,
        )

    def _best(self, pool: list[Beginning]) -> list[Beginning]:
        """At most B of them, best first; what was cut comes last."""
        beam = self.beam
        if beam.score == "chance":
            Random(f"{self.request.seed}/chance/{self.steps}").shuffle(pool)
        elif beam.score != "constant":
            pool = sorted(pool, key=lambda one: (self._worth(one), sum(one.logps)), reverse=True)
        return sorted(pool, key=lambda one: one.cut)[: beam.beams]

    def _worth(self, one: Beginning) -> float:
        if self.beam.score == "logp":
            return sum(one.logps)
        assert one.value is not None
        return one.value + self.beam.weight * sum(one.logps)

    def _child(self, parent: Beginning, reply: Reply, value: float | None) -> Beginning:
        ids = parent.ids + reply.ids
        return Beginning(
            ids=ids,
            logps=parent.logps + reply.logps,
            value=value,
            done=reply.ended and self.read.ends(ids),
            cut=not reply.ended or len(ids) >= self.limit,
            place=parent.place,
        )

    def _request(self, one: Beginning, *, alone: bool) -> Request:
        asked = replace(
            self.request,
            session=self._session(one.place),
            ids=self.request.ids + one.ids,
            limit=self.limit - len(one.ids),
        )
        if alone:  # what plain sampling draws
            return replace(asked, drawn=self.request.drawn + len(one.ids))
        seed = Random(f"{self.request.seed}/{self.steps}/{one.place}").getrandbits(63)
        return replace(asked, seed=seed, drawn=0)

    def _session(self, place: int) -> str:
        return f"{self.request.session}#{place}"

    def _candidate(self, one: Beginning) -> Candidate:
        text, command = self.read(one.ids)
        return Candidate(
            ids=one.ids,
            logps=one.logps,
            text=text,
            command=command,
            ended=one.done,
            value=one.value,
        )
