"""Strategies over an engine whose replies and values are written down."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from oreo_agent.agent.engines import Reply, Request
from oreo_agent.agent.strategies import STRATEGIES, Candidate, Decision, Reading
from oreo_agent.agent.strategies.best_of_k import BestOfK
from oreo_agent.agent.strategies.single import Greedy, Sample

STOP = 0


class ScriptedEngine:
    """Draw n of a seed is `draws(seed, n)`; the likeliest reply is (1, STOP); V is `worth(ids)`."""

    def __init__(
        self,
        draws: Callable[[int, int], tuple[int, ...]],
        worth: Callable[[tuple[int, ...]], float] = lambda ids: 0.5,
    ) -> None:
        self.draws, self.worth = draws, worth
        self.generated: list[tuple[list[str], int, float]] = []
        self.valued = 0

    def generate(
        self,
        requests: Sequence[Request],
        *,
        samples: int,
        temperature: float,
        max_tokens: int,
        whole: bool = False,
    ) -> list[list[Reply]]:
        self.generated.append(([r.session for r in requests], samples, temperature))
        return [
            [
                self._reply((1, STOP) if temperature == 0 else self.draws(request.seed, n))
                for n in range(samples)
            ]
            for request in requests
        ]

    def _reply(self, ids: tuple[int, ...]) -> Reply:
        return Reply(ids=ids, logps=tuple(-0.1 * i for i in ids), ended=ids[-1] == STOP)

    def values(
        self, requests: Sequence[Request], replies: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[list[float]]:
        self.valued += 1
        return [[self.worth(ids) for ids in line] for line in replies]

    def logps(
        self,
        requests: Sequence[Request],
        replies: Sequence[Sequence[tuple[int, ...]]],
        *,
        reference: bool = False,
    ) -> list[list[tuple[float, ...]]]:
        return [[tuple(-0.1 * i for i in ids) for ids in line] for line in replies]

    def fork(self, session: str, other: str) -> None:
        """Nothing is kept."""

    def close(self, session: str) -> None:
        """Nothing is kept."""


class Wording:
    """Tokens above 90 are babble; 2 and 12, 3 and 13 ... are two wordings of one command."""

    steps = None
    stop_ids = frozenset((STOP,))

    def read(self, ids: tuple[int, ...]) -> tuple[str, str]:
        text = " ".join(map(str, ids))
        return text, "" if ids[0] > 90 else f"command {ids[0] % 10}"


read: Any = Reading(Wording())


def cycle(*ids: int) -> Callable[[int, int], tuple[int, ...]]:
    """Draws that follow from the seed and the number of the draw."""
    return lambda seed, n: (ids[(seed + n) % len(ids)], STOP)


REQUESTS = [Request(session=f"s{i}", ids=(5,), seed=10 * i) for i in range(3)]
EVERY: list[Any] = [
    Greedy(), Greedy(values=True), Sample(), Sample(temperature=0.5, values=True),
    *(BestOfK(k=k, score=score, greedy=greedy, values=values)
      for k in (1, 2, 4) for score in ("value", "logp", "chance", "constant")
      for greedy in (False, True) for values in (False, True)),
]  # fmt: skip


def commands(decision: Decision) -> list[str]:
    return [candidate.command for candidate in decision.candidates]


@pytest.mark.parametrize("strategy", EVERY, ids=repr)
def test_the_choice_is_among_different_candidates_and_follows_from_the_seed(strategy: Any):
    def decide(requests: list[Request]) -> list[Decision]:
        engine = ScriptedEngine(cycle(2, 12, 3, 93, 94, 4), worth=lambda ids: sum(ids) / 100)
        return strategy(engine, read, requests)

    decisions = decide(REQUESTS)
    assert len(decisions) == len(REQUESTS)
    for request, decision in zip(REQUESTS, decisions, strict=True):
        assert decision.choice is decision.candidates[decision.chosen]
        keys = [c.command or c.text for c in decision.candidates]
        assert len(set(keys)) == len(keys) <= getattr(strategy, "k", 1)
        (alone,) = decide([request])
        assert alone == decision
        asked = getattr(strategy, "values", False) or getattr(strategy, "score", "") == "value"
        assert (decision.value is not None) == asked
        assert all((c.value is not None) == asked for c in decision.candidates)


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_every_registered_strategy_answers_each_request_in_order(name: str):
    engine = ScriptedEngine(lambda seed, n: (seed // 10 + 1, STOP))
    decisions = STRATEGIES.load(name)()(engine, read, REQUESTS)
    if name in ("sample", "best-of-k"):  # which draw by the request's own seed
        assert [d.choice.command for d in decisions] == ["command 1", "command 2", "command 3"]


@pytest.mark.parametrize("score", ["value", "logp", "chance", "constant"])
def test_the_best_of_one_is_plain_sampling_at_the_same_seed(score: Any):
    draws = cycle(2, 12, 3, 93, 4)
    best = BestOfK(k=1, temperature=0.7, score=score)(ScriptedEngine(draws), read, REQUESTS)
    drawn = Sample(temperature=0.7)(ScriptedEngine(draws), read, REQUESTS)
    assert [d.choice.ids for d in best] == [d.choice.ids for d in drawn]
    assert [d.choice.logps for d in best] == [d.choice.logps for d in drawn]


def test_greedy_is_sampling_at_temperature_zero():
    engine = ScriptedEngine(cycle(2))
    decisions = Greedy()(engine, read, REQUESTS)
    assert [d.choice.ids for d in decisions] == [(1, STOP)] * 3
    assert {d.strategy for d in decisions} == {"greedy"}
    assert engine.generated == [(["s0", "s1", "s2"], 1, 0.0)]


def decided(strategy: BestOfK, *ids: int, worth: dict[int, float] | None = None) -> Decision:
    def value(reply: tuple[int, ...]) -> float:
        return (worth or {}).get(reply[0], 0.0) if reply else 0.25

    (decision,) = strategy(ScriptedEngine(cycle(*ids), value), read, REQUESTS[:1])
    return decision


def test_the_highest_value_wins_and_every_candidate_keeps_its_own():
    decision = decided(BestOfK(k=3), 2, 3, 4, worth={2: 0.1, 3: 0.7, 4: 0.4})
    assert decision.choice.command == "command 3"
    assert [c.value for c in decision.candidates] == [0.1, 0.7, 0.4]
    assert decision.value == 0.25
    assert decision.strategy == "best-of-k value"


def test_ties_go_to_the_likelier():
    assert decided(BestOfK(k=3), 4, 2, 3).choice.command == "command 2"


def test_the_weight_trades_value_for_log_probability():
    worth = {2: 0.1, 6: 0.4}
    assert decided(BestOfK(k=2), 2, 6, worth=worth).choice.command == "command 6"
    heavy = BestOfK(k=2, weight=1.0)  # 0.1 - 0.2 against 0.4 - 0.6
    assert decided(heavy, 2, 6, worth=worth).choice.command == "command 2"


def test_the_controls_do_not_listen_to_the_value():
    worth = {3: 0.9}
    assert decided(BestOfK(k=3, score="logp"), 4, 2, 3, worth=worth).choice.command == "command 2"
    constant = BestOfK(k=3, score="constant")
    assert decided(constant, 4, 2, 3, worth=worth).choice.command == "command 4"
    watched = replace(constant, values=True)
    assert decided(watched, 4, 2, 3, worth=worth).choice.value == 0.0
    chance = BestOfK(k=3, score="chance")
    many = [Request(session=f"s{i}", ids=(5,), seed=i) for i in range(300)]
    engine = ScriptedEngine(lambda seed, n: (2 + n, STOP), lambda ids: worth.get((*ids, 0)[0], 0.0))
    chosen = [d.chosen for d in chance(engine, read, many)]
    assert all(70 < chosen.count(i) < 130 for i in range(3))
    assert engine.valued == 0


def test_two_wordings_of_one_command_are_one_candidate_and_babble_is_told_apart_by_its_text():
    decision = decided(BestOfK(k=4), 2, 12, 93, 94, 22)
    assert [c.ids[0] for c in decision.candidates] == [2, 93, 94]
    assert commands(decision) == ["command 2", "", ""]


def test_only_those_who_lack_candidates_are_asked_again_with_other_chance():
    seen: list[int] = []

    def draws(seed: int, n: int) -> tuple[int, ...]:
        seen.append(seed)
        return (2 + n, STOP) if seed == 10 else (2 + seed % 10, STOP)

    engine = ScriptedEngine(draws)
    decisions = BestOfK(k=2, draws=3)(engine, read, REQUESTS)
    assert [len(d.candidates) for d in decisions] == [2, 2, 2]
    assert [sessions for sessions, *_ in engine.generated] == [["s0", "s1", "s2"], ["s0", "s2"]]
    assert len(set(seen)) == 5


def test_at_temperature_zero_there_is_one_candidate_and_one_round():
    engine = ScriptedEngine(cycle(2))
    (decision, *_) = BestOfK(k=3, temperature=0.0)(engine, read, REQUESTS)
    assert commands(decision) == ["command 1"]
    assert len(engine.generated) == 1


@pytest.mark.parametrize(("ids", "others"), [((2, 3, 4), [2, 3]), ((2, 11, 3), [2, 11, 3])])
def test_the_likeliest_reply_can_be_made_one_of_the_candidates(ids: tuple[int, ...], others: list):
    decision = decided(BestOfK(k=3, greedy=True), *ids)
    firsts = [c.ids[0] for c in decision.candidates]
    assert firsts == (others if 11 in ids else [*others, 1])
    assert "command 1" in commands(decision)


def test_a_reply_that_was_cut_is_a_candidate_that_says_so():
    (decision,) = Sample()(ScriptedEngine(lambda seed, n: (2, 2)), read, REQUESTS[:1])
    assert decision.choice.ended is False
    assert decision.choice.logp == pytest.approx(-0.4)
    assert isinstance(decision.choice, Candidate)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: BestOfK(k=0), "k and draws"),
        (lambda: BestOfK(draws=0), "k and draws"),
        (lambda: BestOfK(temperature=-1.0), "temperature"),
        (lambda: BestOfK(temperature=inf), "temperature"),
        (lambda: Sample(temperature=-0.1), "temperature"),
        (lambda: Sample(temperature=nan), "temperature"),
    ],
)
def test_settings_out_of_range_are_refused(make: Callable[[], Any], name: str):
    with pytest.raises(ValueError, match=name):
        make()


def test_a_reply_that_was_cut_is_no_candidate_unless_there_is_no_other():
    cut, whole = (5, 6), (7, STOP)

    def chosen(*replies: tuple[int, ...]) -> list[tuple[int, ...]]:
        engine = ScriptedEngine(
            lambda seed, n: replies[n % len(replies)], lambda ids: 0.9 if ids == cut else 0.1
        )
        (decision,) = BestOfK(k=2)(engine, read, REQUESTS[:1])
        return [c.ids for c in decision.candidates]

    assert chosen(cut, whole) == [whole]
    assert chosen(cut) == [cut]
