"""Whole solutions side by side, and the weight at which the likelihood of one counts beside V."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.ranking import Reply, State, weigh
from oreo_agent.learn.solutions import WEIGHTS, choice_figures, crossed, mixed, solutions
from oreo_agent.model.trust import LEAST_INSTANCES, PAPERS_BETA, Choice


def told(name: str, *, reward: float, instance: str = "i") -> Tokens:
    """A solution of two steps."""
    return Tokens(
        id=name, instance=instance, ids=(1, 5, 6), actions=(1, 2), ends=(1, 2), reward=reward
    )


def drawn(rng: np.random.Generator, problems: int, of_value: float, of_logp: float) -> list[State]:
    """Problems with eight solutions each; what V and likelihood know of whether they are right."""
    states: list[State] = []
    for at in range(problems):
        right = rng.random(8) < 0.4
        value = of_value * right + 0.3 * rng.standard_normal(8)
        logp = 10 * (of_logp * right + 0.3 * rng.standard_normal(8)) - 20
        lines = zip(value, logp, right, strict=True)
        states.append(State(f"{at:04}", [Reply(v, v, lp, [float(r)]) for v, lp, r in lines]))
    return states


def test_whole_solutions_of_a_problem_are_chosen_among_by_where_they_end():
    """V looks away from what a step promises: only the end of a solution is compared."""
    episodes = [
        told("a", reward=1.0),
        told("b", reward=0.0),
        told("c", reward=1.0),  # says the same as b: each draw is one
        told("d", reward=1.0, instance="solved once"),
        replace(told("e", reward=0.0), lent=0),  # a branch
        replace(told("f", reward=0.0), player="another"),
        replace(told("g", reward=0.0), cut=True),
    ]
    ends = [[0.1, 0.6], [0.9, 0.5], [0.9, 0.5], [0.1, 0.1], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    logps = [[-1.0, -4.0], [-1.0, -1.0], [-1.0, -1.0], *[[-1.0, -1.0]] * 4]
    (problem,) = solutions(episodes, ends, logps)
    first = problem.replies[0]
    assert (problem.instance, first.value, first.logp) == ("i", 0.6, -5.0)
    assert [reply.rewards for reply in problem.replies] == [[1.0], [0.0], [1.0]]
    assert choice_figures([problem]) == {
        "problems": 1,
        "chosen_value": 1.0,
        "chosen_logp": 0.5,
        "chosen_chance": pytest.approx(2 / 3),
    }
    (backwards,) = mixed(solutions(episodes[::-1], ends[::-1], logps[::-1]), 0.1)
    assert [reply.value for reply in backwards.replies] == pytest.approx([0.3, 0.3, 0.1])
    assert choice_figures([backwards])["chosen_value"] == 0.5
    assert solutions(episodes[:1], ends[:1], logps[:1]) == []
    assert choice_figures([]) == {}
    trust = weigh([problem], "made up", Choice(weight=0.1, whole=True))
    assert (trust.whole, trust.weight) == (True, 0.1)
    assert (trust.over_chance.value, trust.over_logp.value) == (pytest.approx(1 / 3), 0.5)


def test_a_value_that_knows_nothing_leaves_the_choice_to_likelihood_and_the_other_way_round():
    rng = np.random.default_rng(0)
    _, by_likelihood = crossed(drawn(rng, 300, of_value=0.0, of_logp=1.0))
    _, by_value = crossed(drawn(rng, 300, of_value=1.0, of_logp=0.0))
    assert by_value < PAPERS_BETA < by_likelihood


def test_two_that_know_different_things_choose_better_together():
    problems = drawn(np.random.default_rng(1), 400, of_value=0.5, of_logp=0.5)
    judged, weight = crossed(problems)
    together = choice_figures(judged)["chosen_value"]
    alone = choice_figures(problems)
    assert together > max(alone["chosen_value"], alone["chosen_logp"])
    assert 0 < weight < max(WEIGHTS)


def test_from_few_problems_no_weight_is_found():
    problems = drawn(np.random.default_rng(0), LEAST_INSTANCES - 1, of_value=0.0, of_logp=1.0)
    assert crossed(problems) == (mixed(problems, PAPERS_BETA), PAPERS_BETA)
    assert crossed([]) == ([], PAPERS_BETA)


def best(problems: Sequence[State]) -> float:
    """The weight that wins most, of equal ones the first, by its definition."""
    wins = [sum(state.taken("value") for state in mixed(problems, weight)) for weight in WEIGHTS]
    return next(w for w, won in zip(WEIGHTS, wins, strict=True) if won >= max(wins) - 1e-9)


@given(st.integers(0, 10_000), st.integers(LEAST_INSTANCES, 60), st.floats(0, 1), st.floats(0, 1))
def test_no_problem_has_a_part_in_the_weight_that_it_is_judged_by(
    seed: int, problems: int, of_value: float, of_logp: float
):
    states = drawn(np.random.default_rng(seed), problems, of_value, of_logp)
    judged, weight = crossed(states)
    assert weight == best(states)
    for at in range(problems):
        others = [state for place, state in enumerate(states) if (place - at) % 5]
        (alone,) = mixed([states[at]], best(others))
        assert judged[at] == alone


def test_solutions_of_one_problem_by_two_players_are_judged_by_the_same_weight():
    rng = np.random.default_rng(3)
    states = drawn(rng, 40, 0.3, 0.3)
    twice = sorted(states + drawn(rng, 40, 0.3, 0.3), key=lambda state: state.instance)
    judged, _ = crossed(twice)
    for at in range(0, 80, 2):
        others = [state for place, state in enumerate(twice) if (place // 2 - at // 2) % 5]
        assert judged[at : at + 2] == mixed(twice[at : at + 2], best(others))
