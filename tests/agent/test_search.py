"""Search over solutions: what is kept, what it costs, and that problems do not mix."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
import torch
from stirring import drawn, stirred
from word_questions import PROMPT, requests

from oreo_agent.agent.engines import Reply, Request
from oreo_agent.agent.engines.local import LocalEngine
from oreo_agent.agent.strategies import Decision, Reading, best_of_n
from oreo_agent.agent.strategies.beam import Beam
from oreo_agent.agent.strategies.best_of_n import BestOfN
from oreo_agent.agent.strategies.single import Greedy, Sample
from oreo_agent.model.networks import ValueNetwork, new_policy
from oreo_agent.model.steps import Steps
from oreo_agent.model.vocabulary import END


def answer(text: str) -> str | None:
    """What follows the last mark."""
    return text.rpartition("#")[2].strip() or None if "#" in text else None


READ = Reading(PROMPT, answer)


@pytest.fixture(scope="module")
def networks():
    """64x2 in double precision, whose steps are short and whose values differ."""
    torch.set_num_threads(1)
    policy = new_policy(len(PROMPT.tokens), "64x2", bos=1, eos=END, pad=0, seed=0)
    rng = drawn(3)
    stirred(policy, 0.2, rng)
    value = stirred(ValueNetwork.of_policy(policy), 0.2, rng)
    return policy.double(), value.double()


@pytest.fixture
def engine(networks) -> LocalEngine:
    policy, value = networks
    return LocalEngine(policy, value, stop_ids=PROMPT.stop_ids, max_context=600, steps=PROMPT.steps)


def stepwise(engine: LocalEngine, request: Request, **draw: Any) -> list[Reply]:
    """A solution that is asked for step by step."""
    found: list[Reply] = []
    drawn: tuple[int, ...] = ()
    while request.limit and not (found and (found[-1].ids[-1] == END or not found[-1].ended)):
        asked = replace(request, ids=request.ids + drawn, drawn=len(drawn))
        asked = replace(asked, limit=request.limit - len(drawn))
        if not asked.limit:
            break
        ((reply,),) = engine.generate([asked], samples=1, max_tokens=100, **draw)
        found.append(reply)
        drawn += reply.ids
    return found


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_solution_drawn_in_one_go_is_the_one_drawn_step_by_step(
    engine: LocalEngine, temperature: float
):
    draw = {"temperature": temperature}
    asked = [
        replace(r, seed=r.seed + 100 * n, session=f"{r.session}/{n}")
        for n in range(6)
        for r in requests()
    ]
    wholes = engine.generate(asked, samples=1, max_tokens=100, whole=True, **draw)
    several = 0
    for request, (whole,) in zip(asked, wholes, strict=True):
        steps = stepwise(engine, request, **draw)
        assert tuple(t for step in steps for t in step.ids) == whole.ids
        assert [step.ids for step in steps] == PROMPT.steps.cut(whole.ids)
        told = [logp for step in steps for logp in step.logps]
        assert whole.logps == pytest.approx(told, abs=1e-9)
        assert whole.ended == (whole.ids[-1] == END)
        several += len(steps) > 1
    assert several or temperature == 0


def test_a_session_that_was_forked_knows_what_the_other_has_read(engine: LocalEngine):
    request = requests()[2]
    engine.generate([request], samples=2, temperature=1.0, max_tokens=5)
    longer = replace(request, ids=(*request.ids, 9, 8))
    plain = engine.values([longer], [[(), (7, 8)]])
    engine.fork(request.session, "other")
    read: list[int] = []
    body = engine.value.body.forward

    def counted(*args: Any, **told: Any) -> Any:
        read.append(told["input_ids"].numel())
        return body(*args, **told)

    engine.value.body.forward = counted
    try:
        forked = engine.values([replace(longer, session="other")], [[(), (7, 8)]])
    finally:
        del engine.value.body.forward
    assert forked[0] == pytest.approx(plain[0], abs=1e-9)
    assert sum(read) <= 2 * 3  # the reply and one token before it, in two lines at most
    engine.fork("nobody", "other")
    assert engine.values([replace(request, session="other")], [[()]])[0] == pytest.approx(
        engine.values([request], [[()]])[0], abs=1e-9
    )


SEARCHES: list[Any] = [
    Beam(beams=2, max_tokens=24), Beam(beams=3, expansions=2, score="logp"),
    Beam(beams=2, score="chance"), Beam(beams=2, score="constant", depth=3),
    Beam(beams=2, weight=0.1, budget=30),
    *(BestOfN(n=3, by=by, max_tokens=24)
      for by in ("value", "majority", "weighted-majority", "logp", "chance")),
]  # fmt: skip


@pytest.mark.parametrize("strategy", SEARCHES, ids=repr)
def test_a_batch_of_problems_is_searched_as_each_alone(
    engine: LocalEngine, networks, strategy: Any
):
    together = strategy(engine, READ, requests())
    policy, value = networks
    for request, decision in zip(requests(), together, strict=True):
        fresh = LocalEngine(
            policy, value, stop_ids=PROMPT.stop_ids, max_context=600, steps=PROMPT.steps
        )
        (alone,) = strategy(fresh, READ, [request])
        assert [c.ids for c in alone.candidates] == [c.ids for c in decision.candidates]
        assert alone.chosen == decision.chosen
        assert alone.policy_tokens == decision.policy_tokens > 0
        by_value = "value" in decision.strategy or "weighted" in decision.strategy
        assert (decision.value_tokens > 0) == by_value
        assert fresh._reader._line.keys() <= {request.session}
        for candidate in decision.candidates:
            assert len(candidate.ids) <= PROMPT.max_reply_tokens
            if candidate.value is not None:
                ((worth,),) = fresh.values([request], [[candidate.ids]])
                assert candidate.value == pytest.approx(worth, abs=1e-9)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_problem_is_read_once_and_equal_solutions_are_judged_once(networks, temperature: float):
    policy, value = networks
    fresh = LocalEngine(
        policy, value, stop_ids=PROMPT.stop_ids, max_context=600, steps=PROMPT.steps
    )
    decisions = BestOfN(n=5, temperature=temperature, max_tokens=24)(fresh, READ, requests())
    judged = 0
    for request, decision in zip(requests(), decisions, strict=True):
        different = {one.ids for one in decision.candidates}
        assert len(different) == 1 or temperature > 0
        assert decision.value_tokens == len(request.ids) + sum(map(len, different))
        ((before,),) = fresh.values([request], [[()]])
        assert decision.value == pytest.approx(before, abs=1e-9)
        judged += decision.value_tokens
    assert fresh._judge.reader.encoded == judged
    assert fresh._reader.encoded <= sum(len(r.ids) for r in requests()) + 24 * 5 * len(decisions)


def test_few_problems_at_a_time_are_solved_as_many(engine: LocalEngine, monkeypatch):
    many = BestOfN(n=3, max_tokens=24)
    together = many(engine, READ, requests())
    monkeypatch.setattr(best_of_n, "ROWS", 7)
    for one, other in zip(many(engine, READ, requests()), together, strict=True):
        assert [c.ids for c in one.candidates] == [c.ids for c in other.candidates]
        assert one.chosen == other.chosen


def test_one_beginning_with_one_step_is_plain_sampling(engine: LocalEngine):
    beams = Beam(beams=1, max_tokens=100)(engine, READ, requests())
    plain = Sample(max_tokens=100)(engine, READ, requests())
    for beam, sample in zip(beams, plain, strict=True):
        ids = sample.choice.ids
        assert beam.choice.ids == ids[: len(beam.choice.ids)]
        assert beam.choice.ids == ids or answer(beam.choice.text) is not None
    greedy = Greedy(max_tokens=100)(engine, READ, requests())
    cold = Beam(beams=1, temperature=0.0)(engine, READ, requests())
    assert [d.choice.ids for d in greedy] == [d.choice.ids for d in cold]


class Tree:
    """An engine of a written world: `step(history, draw)` is a reply, `worth(history)` is V."""

    def __init__(
        self,
        step: Callable[[tuple[int, ...], int], tuple[int, ...]],
        worth: Callable[[tuple[int, ...]], float],
    ) -> None:
        self.step, self.worth = step, worth
        self.asked: list[list[Request]] = []

    def generate(self, requests: Any, *, samples: int, **told: Any) -> list[list[Reply]]:
        self.asked.append(list(requests))
        drawn = [[self.step(r.ids, n) for n in range(samples)] for r in requests]
        return [[self.reply(ids) for ids in line] for line in drawn]

    def reply(self, ids: tuple[int, ...]) -> Reply:
        """One that neither a line's end nor an end mark closes was cut."""
        return Reply(ids=ids, logps=(-1.0,) * len(ids), ended=ids[-1] in (LINE, END))

    def values(self, requests: Any, replies: Any) -> list[list[float]]:
        pairs = zip(requests, replies, strict=True)
        return [[self.worth(r.ids + reply) for reply in line] for r, line in pairs]

    def logps(self, requests: Any, replies: Any, **told: Any) -> list[list[tuple[float, ...]]]:
        return [[(-1.0,) * len(reply) for reply in line] for line in replies]

    def fork(self, session: str, other: str) -> None: ...

    def close(self, session: str) -> None: ...


class ByRequest(Tree):
    """Each request of a batch is another draw."""

    def generate(self, requests: Any, *, samples: int, **told: Any) -> list[list[Reply]]:
        return [[self.reply(self.step(r.ids, n))] for n, r in enumerate(requests)]


LINE = PROMPT.ids["\n"]
A, B, C = (PROMPT.ids[letter] for letter in "abc")
QUESTION = Request(session="q", ids=(1,), seed=5, limit=24)


def words(decision: Decision) -> list[str]:
    return [candidate.text for candidate in decision.candidates]


def test_the_beginnings_worth_most_are_kept_and_an_end_competes_with_them():
    """From each state a, b or c; "c" ends at once and is worth .5, two b are worth .9."""

    def step(history: tuple[int, ...], draw: int) -> tuple[int, ...]:
        letter = (A, B, C)[draw % 3]
        ends = letter == C or history.count(LINE) == 2
        return (letter, END) if ends else (letter, LINE)

    def worth(history: tuple[int, ...]) -> float:
        if C in history:
            return 0.5 if history.count(LINE) == 0 else 0.1
        return {0: 0.2, 1: 0.4, 2: 0.9, 3: 0.95}[history.count(B)]

    tree = Tree(step, worth)
    (decision,) = Beam(beams=2, expansions=3)(tree, READ, [QUESTION])
    assert words(decision) == ["b\nb\nb", "b\nb\na"]
    assert decision.choice.text == "b\nb\nb"
    assert decision.value == 0.2
    # six draws of the question, then three of what is open beside the end that keeps its place
    assert [len(asked) for asked in tree.asked] == [1, 1, 1]
    assert decision.policy_tokens == 6 * 2 + 3 * 2 + 3 * 2
    assert decision.value_tokens == 1 + decision.policy_tokens  # the question too
    (narrow,) = Beam(beams=1, expansions=3)(tree, READ, [QUESTION])
    assert words(narrow) == ["c"]  # one end holds the only place


def test_equal_steps_count_once_and_a_budget_ends_the_search():
    tree = Tree(lambda history, draw: (A, LINE), lambda history: 0.5)
    (decision,) = Beam(beams=3, depth=4)(tree, READ, [QUESTION])
    assert words(decision) == ["a\n" * 4]
    assert not decision.choice.ended
    assert [len(asked) for asked in tree.asked] == [1] * 4
    (short,) = Beam(beams=3, depth=4, budget=20)(tree, READ, [QUESTION])
    assert (words(short), short.policy_tokens) == (["a\n" * 2], 9 * 2 + 3 * 2)


def test_an_end_is_chosen_before_a_beginning_that_is_worth_more():
    tree = Tree(
        lambda history, draw: (C, END) if draw % 2 else (A, LINE),
        lambda history: 0.1 if C in history else 0.9,
    )
    (decision,) = Beam(beams=2, expansions=2, depth=1)(tree, READ, [QUESTION])
    assert words(decision) == ["a\n", "c"]
    assert (decision.choice.text, decision.choice.ended) == ("c", True)


def test_what_was_cut_comes_last_and_neither_ends_nor_goes_on():
    """An answer that is cut may be the beginning of a longer one: "2" of "23"."""
    mark, two = PROMPT.ids["#"], PROMPT.ids["2"]
    tree = Tree(
        lambda history, draw: (mark, two) if draw % 2 else (A, LINE),
        lambda history: 0.9 if two in history else 0.1,
    )
    (decision,) = Beam(beams=2, expansions=2, depth=1)(tree, READ, [QUESTION])
    assert words(decision) == ["a\n", "#2"]
    assert not any(candidate.ended for candidate in decision.candidates)
    (narrow,) = Beam(beams=1, expansions=2, depth=3)(tree, READ, [QUESTION])
    assert words(narrow) == ["a\n" * 3]  # beside each of which a cut one was worth more
    full = Tree(lambda history, draw: (A, LINE), lambda history: 0.5)
    (decision,) = Beam(beams=2)(full, READ, [replace(QUESTION, limit=6)])
    assert words(decision) == ["a\n" * 3]
    assert [[request.limit for request in asked] for asked in full.asked] == [[6], [4], [2]]


def tokens_read(engine: LocalEngine, search: Any, *, forks: bool) -> int:
    """By policy and value while long questions are searched that the policy has read before."""
    long = [replace(r, ids=r.ids[:1] + r.ids[1:-1] * 20 + r.ids[-1:]) for r in requests()]
    engine.generate(long, samples=1, temperature=1.0, max_tokens=1)
    tokens = 0
    bodies = [engine.policy.base_model, engine.value.body]
    plain = [body.forward for body in bodies]

    def counting(forward: Any) -> Any:
        def counted(*args: Any, **told: Any) -> Any:
            nonlocal tokens
            tokens += told["input_ids"].numel()
            return forward(*args, **told)

        return counted

    for body, forward in zip(bodies, plain, strict=True):
        body.forward = counting(forward)
    fork = engine.fork
    if not forks:
        engine.fork = lambda session, other: None
    try:
        search(engine, READ, long)
    finally:
        engine.fork = fork
        for body in bodies:
            del body.forward
        for request in long:
            engine.close(request.session)
    return tokens


@pytest.mark.parametrize(
    "search", [Beam(beams=3, score="constant", max_tokens=24), BestOfN(n=4, by="logp")], ids=repr
)
def test_what_was_read_is_not_read_again_where_the_search_goes_on(networks, search: Any):
    policy, value = networks
    often = Steps(["a", "b", "c", "0", "1"], PROMPT.steps._piece)  # and nothing else ends
    engine = LocalEngine(policy, value, stop_ids=frozenset(), max_context=600, steps=often)
    forked, alone = (tokens_read(engine, search, forks=forks) for forks in (True, False))
    assert forked < 0.8 * alone


def test_every_beginning_draws_anew_at_every_step():
    tree = Tree(lambda history, draw: ((A, B)[draw % 2], LINE), lambda history: 0.5)
    Beam(beams=2, depth=3)(tree, READ, [QUESTION])
    seeds = [request.seed for asked in tree.asked for request in asked]
    assert len(seeds) == len(set(seeds)) == 1 + 2 + 2


def test_solutions_are_worth_v_and_a_share_of_their_likelihood():
    """The longer one is worth .05 more and four nats less likely."""
    tree = Tree(
        lambda history, draw: (A, B, A, B, A, END) if draw % 2 else (C, END),
        lambda history: 0.4 if C in history else 0.45,
    )
    beam, many = {"beams": 2, "expansions": 2}, {"n": 2}
    for weight, text in (({}, "c"), ({"weight": 0.0}, "ababa")):
        (decision,) = Beam(**beam, **weight)(tree, READ, [QUESTION])
        assert decision.choice.text == text
        (decision,) = BestOfN(**many, **weight)(ByRequest(tree.step, tree.worth), READ, [QUESTION])
        assert decision.choice.text == text


def test_an_answer_ends_a_solution_though_its_author_goes_on():
    mark, two = PROMPT.ids["#"], PROMPT.ids["2"]
    tree = Tree(
        lambda history, draw: (mark, two, LINE) if LINE in history else (A, LINE),
        lambda history: 0.5,
    )
    (decision,) = Beam(beams=2)(tree, READ, [QUESTION])
    assert words(decision) == ["a\n#2\n"]
    assert decision.choice.ended
    talk = Tree(lambda history, draw: (A, LINE, mark, two, LINE, B, END), lambda history: 0.5)
    (decision,) = BestOfN(n=1)(talk, READ, [QUESTION])
    assert decision.choice.text == "a\n#2\n"


def test_majorities_count_answers_or_weigh_them():
    mark = PROMPT.ids["#"]
    digits = [PROMPT.ids[digit] for digit in "0123"]
    seeds: dict[int, int] = {}

    class Drawn(Tree):
        def generate(self, requests: Any, *, samples: int, **told: Any) -> list[list[Reply]]:
            said = [(1, 2, 2, 3, 0)[seeds.setdefault(r.seed, len(seeds)) % 5] for r in requests]
            return [
                [Reply(ids=(mark, digits[n], END), logps=(-0.1 * n,) * 3, ended=True)] for n in said
            ]

    worth = {1: 0.2, 2: 0.3, 3: 0.9, 0: 0.1}
    tree = Drawn(lambda *_: (), lambda ids: worth[digits.index(ids[-2])] if ids[1:] else 0.5)

    def chosen(by: Any) -> str | None:
        seeds.clear()
        (decision,) = BestOfN(n=5, by=by)(tree, READ, [QUESTION])
        return answer(decision.choice.text)

    assert chosen("majority") == "2"
    assert chosen("weighted-majority") == "3"
    assert chosen("value") == "3"
    assert chosen("logp") == "0"


def test_solutions_without_an_answer_or_an_end_are_chosen_where_there_are_no_others():
    mark, two, three = (PROMPT.ids[text] for text in ("#", "2", "3"))
    said = {"no answer": (A, END), "two": (A, mark, two, END), "three": (mark, three, END)}

    def chosen(by: Any, *names: str) -> str:
        replies = [said.get(name, (mark, two)) for name in names]  # that one is cut
        tree = ByRequest(lambda history, draw: replies[draw], lambda history: -len(history))
        (decision,) = BestOfN(n=len(names), by=by)(tree, READ, [QUESTION])
        return decision.choice.text

    assert chosen("majority", "no answer", "no answer", "two") == "a#2"
    assert chosen("majority", "two", "three") == "#3"  # as many, and likelier
    assert chosen("majority", "no answer", "no answer") == "a"
    for by in ("majority", "value", "logp", "chance"):
        assert chosen(by, "cut", "cut", "two") == "a#2"
        assert chosen(by, "cut", "cut") == "#2"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [(Beam, {"beams": 0}), (Beam, {"depth": 0}), (Beam, {"budget": -1}), (BestOfN, {"n": 0}),
     (Beam, {"temperature": -1.0}), (BestOfN, {"temperature": -1.0}),
     (Beam, {"temperature": nan}), (BestOfN, {"temperature": inf})],
)  # fmt: skip
def test_settings_out_of_range_are_refused(kind: Any, settings: dict[str, Any]):
    with pytest.raises(ValueError, match="must"):
        kind(**settings)
