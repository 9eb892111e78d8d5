"""Ranking within a state, against its definition."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.data import read_episodes
from oreo_agent.learn.ranking import (
    Reply,
    State,
    parted,
    ranking_figures,
    weigh,
)
from oreo_agent.learn.settings import TrainSettings
from oreo_agent.records.episode import BranchRecord, Episode


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
    first, second = state.replies
    assert state.instance == "i"
    assert (first.rewards, second.rewards) == ([1.0, 0.0], [0.0])
    assert (first.value, first.logp, second.value) == (0.9, -0.1, 0.2)
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
    assert [reply.value for reply in state.replies] == [0.2, 0.3]


def test_a_value_that_orders_replies_backwards_has_no_concordance():
    good, bad = Reply(0.2, 0.2, -1.0, [1.0, 1.0]), Reply(0.8, 0.8, -1.0, [0.0])
    figures = ranking_figures([State("i", [good, bad])])
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
        State("i", [Reply(float(value), -float(value), 0.0, list(won)) for value, won in line])
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
    trust = weigh([], "nowhere")
    assert (trust.trusted, trust.states, trust.estimates) == ("unknown", 0, {})


def test_of_equal_replies_none_is_taken_before_the_other():
    tied = State("i", [Reply(0.5, 0.5, -1.0, [1.0]), Reply(0.5, 0.5, -2.0, [0.0])])
    figures = ranking_figures([tied])
    assert (figures["taken_value"], figures["taken_logp"]) == (0.5, 1.0)


def test_branches_are_judged_where_they_were_tried_and_never_by_what_they_repeat():
    own = [
        episode("a", (5, 4), (6, 4), reward=1.0),
        episode("b", (8, 4), reward=0.0),
    ]
    branches = [
        replace(episode(name, (5, 4), reply, reward=reward), lent=1)
        for name, reply, reward in (("c", (6, 4), 0.0), ("d", (7, 4), 1.0), ("e", (7, 4), 0.0))
    ]

    def rewards(episodes: Sequence[Tokens]) -> list[list[list[float]]]:
        lines = [[0.5] * len(e.ends) for e in episodes]
        return sorted(
            [reply.rewards for reply in state.replies]
            for state in parted(episodes, lines, lines, lines)
        )

    assert rewards(own + branches) == [[[0.0], [1.0, 0.0]], [[1.0], [0.0]]]
    assert rewards(branches) == [[[0.0], [1.0, 0.0]]]
    assert rewards(own + branches) == rewards((own + branches)[::-1])


def test_replies_of_different_players_are_not_compared():
    episodes = [
        replace(episode("a", (5, 4), reward=1.0), player="expert"),
        replace(episode("b", (6, 4), reward=0.0), player="model"),
    ]
    lines = [[0.5], [0.5]]
    assert parted(episodes, lines, lines, lines) == []


@given(replies)
def test_tau_is_kendalls(line: list[tuple[int, list[float]]]):
    state = State("i", [Reply(float(value), 0.0, -float(value), list(won)) for value, won in line])
    trust = weigh([state], "made up")
    expected = kendalltau([r.value for r in state.replies], [r.success for r in state.replies])
    if math.isnan(expected.statistic):
        assert trust.tau is None
    else:
        assert trust.tau is not None
        assert trust.tau_logp is not None
        assert trust.tau.value == pytest.approx(expected.statistic)
        assert trust.tau_logp.value == pytest.approx(-expected.statistic)


def test_regret_is_against_the_best_that_half_of_the_continuations_find_and_the_other_judges():
    # first halves (every other one) .5, 1, 0; second halves 1, 0, 0
    state = State(
        "i",
        [
            Reply(0.9, 0.0, -3.0, [1.0, 1.0, 0.0, 1.0]),
            Reply(0.1, 0.0, -2.0, [1.0, 0.0, 1.0, 0.0]),
            Reply(0.5, 0.0, -1.0, [0.0, 0.0, 0.0, 0.0]),
        ],
    )
    trust = weigh([state], "made up")
    told = {name: estimate.value for name, estimate in trust.estimates.items()}
    # found by the first half: the second reply, 0 by the other; by the second: the first, .5
    best, chance = 0.25, (0.75 + 0.5) / 3
    assert told["regret"] == pytest.approx(best - 0.75)
    assert told["regret_most"] == pytest.approx(0.0)
    assert told["regret_logp"] == pytest.approx(best - 0.0)
    assert told["regret_chance"] == pytest.approx(best - chance)
    assert told["over_chance"] == pytest.approx(0.75 - chance)
    assert told["over_logp"] == pytest.approx(0.75)
    once = State("i", [*state.replies, Reply(0.0, 0.0, 0.0, [1.0])])
    assert weigh([once], "made up").regret is None


def drawn(rng: Random, prefers: Callable[[float], float], games: int = 60) -> list[State]:
    """Three replies a state with chances of success .2, .5 and .8, each continued four times."""
    return [
        State(
            f"game {game}",
            [
                Reply(
                    prefers(chance),
                    0.0,
                    rng.random(),
                    [float(rng.random() < chance) for _ in "four"],
                )
                for chance in (0.2, 0.5, 0.8)
            ],
        )
        for game in range(games)
        for _ in range(2)
    ]


def test_the_best_of_noisy_means_is_not_taken_for_the_best():
    rng = Random(0)
    alike = [
        State(
            f"game {game}",
            [
                Reply(rng.random(), 0.0, 0.0, [float(rng.random() < 0.5) for _ in "four"])
                for _ in "12345"
            ],
        )
        for game in range(400)
    ]
    trust = weigh(alike, "made up")
    assert trust.regret is not None
    assert trust.regret_most is not None
    assert trust.regret.low < 0 < trust.regret.high
    assert trust.regret_most.low > 0.2


def test_good_useless_and_harmful_values_are_told_apart():
    rng = Random(0)
    good = weigh(drawn(rng, lambda chance: chance), "made up")
    useless = weigh(drawn(rng, lambda _: rng.random()), "made up")
    harmful = weigh(drawn(rng, lambda chance: -chance), "made up")
    assert [trust.trusted for trust in (good, useless, harmful)] == ["yes", "unknown", "no"]
    for trust, gain in ((good, 0.3), (useless, 0.0), (harmful, -0.3)):
        assert (trust.states, trust.instances) == (120, 60)
        for told in (trust.over_chance, trust.over_logp):
            assert told is not None
            assert told.low < gain < told.high
    few = weigh(drawn(rng, lambda chance: -chance, games=5), "made up")
    assert few.trusted == "unknown"


def test_a_value_that_knows_nothing_is_not_trusted_beside_a_policy_that_does():
    rng = Random(0)
    lines = [
        [Reply(rng.random(), 0.0, chance, [float(rng.random() < chance)]) for chance in (0.1, 0.9)]
        for _ in range(60)
    ]
    trust = weigh([State(f"game {i}", line) for i, line in enumerate(lines)], "made up")
    assert trust.trusted == "no"
    assert "points a choice here against log-probability" in trust.sentence


def test_a_store_of_branches_tells_whose_opinion_of_dens_is_worth_something(
    an_episode, a_store, prompt, tmp_path: Path
):
    def branches() -> Iterator[Episode]:
        for game in range(60):
            rng = Random(game)
            parent = an_episode(game, turns=1)
            for den in rng.sample(range(1, 7), 2):
                command = f"walk to den {den}"
                reply = msgspec.structs.replace(
                    parent.segments[-1], ids=prompt.reply(command), command=command
                )
                for repeat in range(3):
                    won = rng.random() < (0.9 if den % 2 == 0 else 0.2)
                    yield an_episode(
                        0,
                        id=f"{game}-{den}-{repeat}",
                        instance=f"dens/{game}",
                        segments=(*parent.segments[:-1], reply),
                        reward=float(won),
                        end="won" if won else "lost",
                        branch=BranchRecord(parent=parent.id, turn=0),
                    )

    even = {prompt.reply(f"walk to den {den}") for den in (2, 4, 6)}
    store = a_store(tmp_path / "branches", list(branches()))
    episodes, _, _ = read_episodes((store,), TrainSettings())
    assert len(episodes) == 360
    known = [[float(e.ids[e.actions[0] :] in even)] for e in episodes]
    guessed, likely = (
        [[Random(f"{by} {e.instance} {e.ids}").random()] for e in episodes] for by in "ab"
    )
    opposite = [[-value for value in line] for line in known]
    for values, trusted in ((known, "yes"), (guessed, "unknown"), (opposite, "no")):
        trust = weigh(parted(episodes, values, values, likely), "branches")
        assert (trust.states, trust.instances) == (60, 60)
        assert trust.trusted == trusted, trust.sentence


def test_intervals_are_over_instances_and_the_same_every_time():
    def widths(games: int) -> tuple[float, float]:
        rng = Random(1)
        lines = [
            (f"game {i % games}", [1.0, 0.0] if i % games % 2 else [0.0, 1.0]) for i in range(80)
        ]
        states = [
            State(name, [Reply(1.0, 0.0, rng.random(), wins[:1]), Reply(0.0, 0.0, 0.0, wins[1:])])
            for name, wins in lines
        ]
        trust = weigh(states, "made up")
        assert trust == weigh(states, "made up")
        assert weigh(states[::-1], "made up").over_chance == trust.over_chance
        assert trust.over_chance is not None
        return trust.over_chance.low, trust.over_chance.high

    many, few = widths(80), widths(8)
    # a gain of half a win or a loss of it, by game: twice its standard error of n games
    assert many == pytest.approx((-0.5 * 1.96 / 80**0.5, 0.5 * 1.96 / 80**0.5), abs=0.02)
    assert few == pytest.approx((-0.5 * 1.96 / 8**0.5, 0.5 * 1.96 / 8**0.5), abs=0.06)
