"""What of the stores is learned from."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.errors import SettingError
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.data import balanced, split
from oreo_agent.learn.settings import TrainSettings
from oreo_agent.model.trust import PAPERS_BETA
from oreo_agent.model.words import WordsPrompt

OUTCOMES = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=40)


def made(outcomes: list[tuple[str, bool]]) -> list[Tokens]:
    return [
        Tokens(
            id=f"{k}", instance=name, ids=(1, 2), actions=(1,), ends=(1,), reward=float(won)
        )
        for k, (name, won) in enumerate(outcomes)
    ]  # fmt: skip


@given(OUTCOMES, st.integers(1, 5), st.randoms(use_true_random=False))
def test_a_balanced_instance_has_few_of_either_kind_and_no_more_won_than_lost_beyond_one(
    outcomes: list[tuple[str, bool]], most: int, rng: Random
):
    episodes = made(outcomes)
    settings = TrainSettings(balance=most)
    kept = balanced(episodes, settings)
    there, left = (Counter((e.instance, e.won) for e in some) for some in (episodes, kept))
    for name in {e.instance for e in episodes}:
        lost = min(most, there[name, False])
        assert left[name, False] == lost
        assert left[name, True] == min(most, there[name, True], max(1, there[name, False]))
    shuffled = rng.sample(episodes, len(episodes))
    assert {e.id for e in balanced(shuffled, settings)} == {e.id for e in kept}
    assert [e.id for e in kept] == sorted((e.id for e in kept), key=int)
    assert balanced(episodes, TrainSettings()) == episodes


def test_what_is_held_out_is_not_balanced():
    episodes = made([(f"{n % 40}", bool(n % 3)) for n in range(400)])
    data = split(episodes, TrainSettings(balance=2, held_out=0.3), None)
    plain = split(episodes, TrainSettings(held_out=0.3), None)
    assert data.held_out == plain.held_out
    assert len(data.train) == 4 * len({e.instance for e in plain.train}) < len(plain.train)


def test_all_of_several_instances_are_not_held_out_but_a_single_one_is_learned_from():
    several = made([(f"{n}", True) for n in range(4)])
    with pytest.raises(SettingError, match=r"train.held_out 0.999 .* all 4 instances .* lower it"):
        split(several, TrainSettings(held_out=0.999), None)
    alone = split(several[:1], TrainSettings(held_out=0.999), None)
    assert (alone.train, alone.held_out) == (several[:1], [])


def test_steps_of_solutions_are_compared_by_value_and_likelihood():
    words = WordsPrompt(["a", "1"], ["\n"])
    for prompt, weight in ((None, 0.0), (words, PAPERS_BETA)):
        choice = split(made([("a", True)]), TrainSettings(), prompt).choice
        assert (choice.weight, choice.open) == (weight, prompt is words)
