"""A plan follows from the settings, names every episode, and grows without renaming any."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.errors import DataError, SettingError
from oreo_agent.rollouts.plan import make_plan, spread
from oreo_tasks.task import Instance


def instances(count, split="train"):
    return [
        Instance(id=f"game-{i:04d}", task="alfworld", split=split, task_type="t")
        for i in range(count)
    ]


def plan(count=10, **changes):
    wanted = {"policy": "expert", "world": "w 40", "episodes": None, "repeats": 2, "seed": 0}
    split = changes.pop("split", "train")
    return make_plan(instances(count, split), **wanted | changes)


@given(st.integers(1, 300), st.data())
def test_spreading_keeps_every_item_and_each_beginning_covers_the_list(size, data):
    order = spread(range(size))
    assert sorted(order) == list(range(size))
    first = data.draw(st.integers(1, size))
    marks = [0, *sorted(order[:first]), size]
    assert max(b - a for a, b in itertools.pairwise(marks)) <= 4 * size / first + 1


@pytest.mark.parametrize("seed", [-(2**63) - 1, 2**64, 10**40])
def test_a_seed_that_no_record_holds_is_refused(seed):
    with pytest.raises(SettingError, match=f"a seed is from .* got {seed}; take another"):
        plan(seed=seed)
    assert plan(seed=-(2**63))
    assert plan(seed=2**64 - 1)


@given(st.integers(1, 40), st.integers(1, 4), st.data())
def test_a_plan_has_the_wanted_number_of_distinct_names(size, repeats, data):
    episodes = data.draw(st.integers(1, size * repeats))
    works = plan(size, repeats=repeats, episodes=episodes)
    assert len({work.id for work in works}) == len(works) == episodes


@given(st.integers(2, 40), st.data())
def test_a_bigger_plan_begins_with_the_smaller_one(size, data):
    less = data.draw(st.integers(1, size - 1))
    more = plan(size, repeats=1, episodes=less + 1)
    assert plan(size, repeats=1, episodes=less) == more[:less]


def test_each_instance_is_played_once_before_any_is_played_again():
    works = plan(7, repeats=3)
    for repeat in range(3):
        lot = works[7 * repeat : 7 * repeat + 7]
        assert {work.repeat for work in lot} == {repeat}
        assert len({work.instance.id for work in lot}) == 7


@pytest.mark.parametrize(
    "change", [{"policy": "expert epsilon=0.1"}, {"world": "w 50"}, {"seed": 1}]
)
def test_names_tell_apart_all_that_may_play_otherwise(change):
    assert not {work.id for work in plan()} & {work.id for work in plan(**change)}


def test_the_name_of_an_episode_does_not_depend_on_the_split_it_was_asked_from():
    assert [w.id for w in plan()] == [w.id for w in plan(split="valid_train")]


def test_every_turn_draws_from_a_seed_of_its_own():
    draws = [work.draw(turn) for work in plan() for turn in range(-1, 40)]
    assert len(set(draws)) == len(draws)
    assert all(0 <= draw < 2**63 for draw in draws)


def test_more_episodes_than_there_are_is_refused_with_the_most_there_can_be():
    with pytest.raises(SettingError, match="10 instances x 2 repeats = 20"):
        plan(episodes=21)


@pytest.mark.parametrize("wrong", [{"episodes": 0}, {"repeats": 0}])
def test_numbers_below_one_are_refused(wrong):
    with pytest.raises(SettingError, match="1 or more"):
        plan(**wrong)


def test_an_empty_split_is_refused():
    with pytest.raises(DataError, match="no instances"):
        plan(0)
