"""Ranking within a state, against its definition."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.ranking import Reply, parted, ranking_figures


def episode(name: str, *turns: tuple[int, ...], reward: float, instance: str = "i") -> Tokens:
    """Turns are replies; the world answers each with token 99."""
    ids: list[int] = [1]
    actions: list[int] = []
    ends: list[int] = []
    for reply in turns:
        actions += range(len(ids), len(ids) + len(reply))
        ids += reply
        ends.append(len(ids) - 1)
        ids.append(99)
    return Tokens(
        id=name,
        instance=instance,
        ids=tuple(ids[:-1]),
        actions=tuple(actions),
        ends=tuple(ends),
        reward=reward,
    )


def test_states_are_where_episodes_of_one_instance_part():
    episodes = [
        episode("a", (5, 4), (6, 4), reward=1.0),
        episode("b", (5, 4), (7, 8, 4), reward=0.0),
        episode("c", (5, 4), (6, 4), reward=0.0),
        episode("d", (5, 4), (9, 4), reward=1.0, instance="another"),
    ]
    ends = [[0.5, 0.9], [0.5, 0.2], [0.5, 0.9], [0.5, 0.1]]
    seen = [[0.5, 0.9], [0.5, 0.95], [0.5, 0.9], [0.5, 0.1]]
    logps = [[-1.0, -0.1], [-1.0, -2.0], [-1.0, -0.1], [-1.0, -3.0]]
    (state,) = parted(episodes, ends, seen, logps)
    assert set(state) == {(6, 4), (7, 8, 4)}
    assert state[6, 4].rewards == [1.0, 0.0]
    assert (state[6, 4].value, state[6, 4].logp) == (0.9, -0.1)
    figures = ranking_figures([state])
    assert figures["states"] == 1
    assert figures["concordance"] == figures["concordance_logp"] == 1.0
    assert figures["concordance_seen"] == 0.0
    assert figures["taken_value"] == figures["taken_logp"] == 0.5
    assert figures["taken_chance"] == 0.25


def test_replies_that_follow_one_another_are_told_apart():
    twice = Tokens(
        id="a", instance="i", ids=(1, 5, 4, 6, 4), actions=(1, 2, 3, 4), ends=(2, 4), reward=1.0
    )
    once = replace(twice, id="b", ids=(1, 5, 4, 7), actions=(1, 2, 3), ends=(2, 3), reward=0.0)
    (state,) = parted(
        [twice, once],
        [[0.1, 0.2], [0.1, 0.3]],
        [[0.1, 0.2], [0.1, 0.3]],
        [[-1.0, -1.0], [-1.0, -1.0]],
    )
    assert set(state) == {(6, 4), (7,)}


def test_a_value_that_orders_replies_backwards_has_no_concordance():
    good, bad = Reply(0.2, 0.2, -1.0, [1.0, 1.0]), Reply(0.8, 0.8, -1.0, [0.0])
    figures = ranking_figures([{(1,): good, (2,): bad}])
    assert figures["concordance"] == 0.0
    assert figures["concordance_logp"] == 0.5
    assert (figures["taken_value"], figures["taken_chance"]) == (0.0, 0.5)


rewards = st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=3)
replies = st.lists(st.tuples(st.integers(-2, 2), rewards), min_size=2, max_size=4)


@given(st.lists(replies, min_size=1, max_size=4))
def test_concordance_is_the_share_of_won_and_lost_pairs_that_v_orders_rightly(
    lines: list[list[tuple[int, list[float]]]],
):
    states = [
        {
            (i,): Reply(float(value), -float(value), 0.0, list(won))
            for i, (value, won) in enumerate(line)
        }
        for line in lines
    ]
    pairs = [
        1.0 if v > w else 0.5 if v == w else 0.0
        for line in lines
        for i, (v, first) in enumerate(line)
        for j, (w, second) in enumerate(line)
        if i != j
        for a in first
        for b in second
        if a > b
    ]
    found = ranking_figures(states)["concordance"]
    if pairs:
        assert found == pytest.approx(sum(pairs) / len(pairs))
    else:
        assert math.isnan(found)


def test_without_states_there_are_no_figures():
    assert parted([episode("a", (5, 4), reward=1.0)], [[0.5]], [[0.5]], [[-1.0]]) == []
    assert ranking_figures([]) == {}
