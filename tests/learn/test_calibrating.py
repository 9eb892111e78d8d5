"""The map from V to a chance of success: what always holds of it, and what it recovers."""

import math
from collections.abc import Callable
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oreo_agent.learn.calibrating import KNOTS, Point, ValuedEpisode, calibrate, fit
from oreo_agent.learn.metrics import auc
from oreo_agent.model.calibration import Calibration, Knots

NAMES = "abcdefgh"


def episode(
    won: bool, *ends: float, begins: tuple[float, ...] = (), instance: str = "i", lent: int = 0
) -> ValuedEpisode:
    """V before the replies is as at their ends unless it is given."""
    return ValuedEpisode(instance=instance, won=won, begins=begins or ends, ends=ends, lent=lent)


def fitted(episodes: list[ValuedEpisode]) -> Calibration:
    found = calibrate(episodes, "made up")
    assert found is not None
    return found


def drawn(
    number: int, chance: Callable[[float], float], rng: Random, states: int = 1
) -> list[ValuedEpisode]:
    """Episodes of instances of their own, with V even in [0, 1] and won with ``chance(V)``."""
    found: list[ValuedEpisode] = []
    for i in range(number):
        value = rng.random()
        won = rng.random() < chance(value)
        found.append(episode(won, *[value] * states, instance=f"game {i}"))
    return found


values = st.integers(-40, 40).map(lambda n: n / 8)
lines = st.lists(values, min_size=1, max_size=4).map(tuple)
episodes = st.lists(
    st.builds(
        lambda won, ends, name: episode(won, *ends, instance=name),
        st.booleans(),
        lines,
        st.sampled_from(NAMES),
    ),
    min_size=1,
    max_size=60,
)


@given(episodes, st.lists(st.floats(-9, 9), min_size=2))
def test_a_higher_value_never_means_a_lower_chance_and_none_is_certain(
    given_episodes: list[ValuedEpisode], asked: list[float]
):
    found = fitted(given_episodes)
    chances = [found.probability(value) for value in sorted(asked)]
    assert chances == sorted(chances)
    assert chances[0] > 0
    assert chances[-1] < 1
    assert len(found.values) <= KNOTS
    assert found == msgspec.json.decode(msgspec.json.encode(found), type=Calibration)


@given(episodes)
def test_only_the_order_of_v_counts(given_episodes: list[ValuedEpisode]):
    def moved(rising: Callable[[float], float]) -> Calibration:
        return fitted(
            [episode(e.won, *map(rising, e.ends), instance=e.instance) for e in given_episodes]
        )

    def bent(value: float) -> float:
        return value**3 + value

    plain, steep, doubled = fitted(given_episodes), moved(bent), moved(lambda v: 2 * v - 3)
    assert steep.chances == plain.chances
    assert steep.values == tuple(map(bent, plain.values))
    for value in (v for e in given_episodes for v in e.ends):
        assert doubled.probability(2 * value - 3) == pytest.approx(plain.probability(value))
    assert doubled.ece == pytest.approx(plain.ece)
    assert (steep.auc, steep.auc_by_turn) == (plain.auc, plain.auc_by_turn)


@given(episodes, st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_length_of_episodes_counts(
    given_episodes: list[ValuedEpisode], rng: Random
):
    plain = fitted(given_episodes)
    mixed = list(given_episodes)
    rng.shuffle(mixed)
    assert fitted(mixed).chances == pytest.approx(plain.chances)
    twice = [
        episode(e.won, *(v for v in e.ends for _ in range(2)), instance=e.instance) for e in mixed
    ]
    again = fitted(twice)
    assert again.values == plain.values
    assert again.chances == pytest.approx(plain.chances)
    assert again.ece_raw == pytest.approx(plain.ece_raw)
    assert again.brier == pytest.approx(plain.brier)


def test_it_finds_the_map_that_made_the_outcomes():
    found = fitted(drawn(8000, lambda value: value**2, Random(1), states=3))
    for value in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert found.probability(value) == pytest.approx(value**2, abs=0.05)
    # the mean distance of v from v^2, with v even in [0, 1], is 1/6
    assert found.ece_raw == pytest.approx(1 / 6, abs=0.02)
    assert found.ece is not None
    assert found.ece < 0.03
    assert found.brier is not None
    assert found.brier < found.brier_raw
    # E[p(1-p)] of p = v^2
    assert found.brier == pytest.approx(1 / 3 - 1 / 5, abs=0.01)


def test_the_error_of_a_map_of_noise_is_no_smaller_than_on_new_episodes():
    inside: list[float] = []
    honest: list[float] = []
    fresh: list[float] = []

    def error(found: Calibration, judged: list[ValuedEpisode]) -> float:
        gaps = [0.0] * 10
        for e in judged:
            chance = found.probability(e.ends[0])
            gaps[int(chance * 10)] += chance - e.won
        return sum(map(abs, gaps)) / len(judged)

    for seed in range(30):
        rng = Random(seed)
        noise = drawn(200, lambda _: 0.5, rng)
        found = fitted(noise)
        assert found.ece is not None
        inside.append(error(found, noise))
        honest.append(found.ece)
        fresh.append(error(found, drawn(200, lambda _: 0.5, rng)))
    assert sum(honest) > 1.5 * sum(inside)
    assert sum(honest) > sum(fresh)
    assert sum(honest) < 2 * sum(fresh)


def test_an_instance_is_judged_by_the_map_of_others():
    won = [episode(True, 0.2, instance="a") for _ in range(9)]
    lost = [episode(False, 0.8, instance="b") for _ in range(9)]
    found = fitted(won + lost)
    # each half knows one outcome only, 9.5 of 10, and the other half is the opposite
    assert found.brier == pytest.approx(0.95**2)
    assert found.ece == pytest.approx(0.95)
    alone = fitted(won)
    assert (alone.ece, alone.brier) == (None, None)
    assert alone.ece_raw == pytest.approx(0.8)


@pytest.mark.parametrize("number", [1, 4, 30])
def test_few_episodes_make_no_certainty(number: int):
    found = fitted([episode(False, 0.1 * i) for i in range(number)])
    assert found.probability(-1) >= 0.5 / (number + 1)
    assert fitted([episode(True, 0.5)]).chances == (0.75,)


def test_a_constant_value_says_how_often_episodes_are_won():
    found = fitted([episode(i % 4 == 0, 0.3) for i in range(40)])
    assert found.values == (0.3,)
    assert found.probability(0.9) == found.probability(0.1) == pytest.approx(10.5 / 41)
    assert found.auc == (0.5, 0.5, 0.5, 0.5)


def test_groups_of_five_episodes_are_pooled_until_chances_rise():
    told = [(0, 1), (1, 1), (2, 0), (3, 0), (4, 1), *((v, 0) for v in range(5, 10))]
    told += [(v, 1) for v in range(10, 15)]
    knots = fit(Point(float(value), float(won), 1.0) for value, won in told)
    # shares 3.5/6, .5/6 and 5.5/6: the first two fall, so they share 4/12
    assert knots.values == (2.0, 7.0, 12.0)
    assert knots.chances == pytest.approx((1 / 3, 1 / 3, 5.5 / 6))
    assert knots(9.5) == pytest.approx((1 / 3 + 5.5 / 6) / 2)


def test_what_is_left_over_joins_the_last_group():
    knots = fit(Point(float(v), float(v >= 5), 1.0) for v in range(14))
    assert knots.values == (2.0, 9.0)
    assert knots.chances == pytest.approx((0.5 / 6, 9.5 / 10))


def test_rounding_lifts_no_chance_above_the_next_knots():
    # V is so near the upper knot that the share of the way is 1, and .03 + (.29 - .03) > .29
    knots = Knots((-1.0, 1e-17), (0.03, 0.29))
    assert knots(0.0) <= knots(1.0) == 0.29


def test_of_a_flat_run_of_knots_the_ends_are_kept():
    knots = fit(Point(float(v), float(v % 2), 1.0) for v in range(60))
    # twelve groups with 2 and 3 wins of 5 in turn: all but the first and the last are pooled
    assert knots.values == (2.0, 7.0, 52.0, 57.0)
    assert knots.chances == pytest.approx((2.5 / 6, 0.5, 0.5, 3.5 / 6))


@given(st.lists(st.tuples(st.integers(-3, 3).map(float), st.booleans()), max_size=15))
def test_auc_is_the_chance_that_a_won_episode_scores_above_a_lost_one(
    found: list[tuple[float, bool]],
):
    won = [score for score, w in found if w]
    lost = [score for score, w in found if not w]
    area = auc([score for score, _ in found], [w for _, w in found])
    if not won or not lost:
        assert math.isnan(area)
        return
    counted = sum((w > v) + 0.5 * (w == v) for w in won for v in lost)
    assert area == pytest.approx(counted / len(won) / len(lost))


def test_auc_is_told_by_quarters_of_episodes_and_by_turns_of_those_that_came_so_far():
    found = fitted(
        [
            episode(True, 0.9, 0.1),
            episode(False, 0.5, 0.6, 0.2, 0.0),
            episode(False, 0.5, 0.05, 0.2, 0.3),
        ]
    )
    assert found.auc == (1.0, 1.0, 0.0, 0.5)
    assert [(t.turn, t.auc, t.won, t.lost) for t in found.auc_by_turn] == [
        (1, 1.0, 1, 2),
        (2, 0.5, 1, 2),
    ]
    assert fitted([episode(True, 0.5)]).auc == (None,) * 4


def test_what_another_episode_lent_is_no_evidence():
    plain = [episode(i % 2 == 0, 0.1 * i, 0.9 - 0.1 * i) for i in range(8)]
    lent = [episode(e.won, 5.0, *e.ends, begins=(-5.0, *e.begins), lent=1) for e in plain]
    assert fitted(lent).values == fitted(plain).values
    assert fitted(lent).brier_raw == pytest.approx(fitted(plain).brier_raw)
    assert [told.turn for told in fitted(lent).auc_by_turn] == [2]
    assert fitted(lent).auc[0] is None


def test_a_value_that_is_no_number_is_passed_over():
    odd = [episode(True, math.nan, math.inf), episode(True, 0.5, math.nan), episode(False, 0.5)]
    found = fitted(odd)
    assert (found.episodes, found.values) == (2, (0.5,))
    assert calibrate(odd[:1], "") is None
    assert calibrate([], "") is None


def test_it_warns_of_itself_when_it_rests_on_little():
    enough = [episode(i % 5 == 0, 0.5, instance=f"game {i % 25}") for i in range(100)]
    assert fitted(enough).warning == ""
    assert fitted(enough).sentence.endswith("100 episodes (20 won) of 25 instances, made up")
    few = enough[:99]
    lopsided = [episode(i == 0, 0.5, instance=f"game {i}") for i in range(100)]
    one = [episode(i % 5 == 0, 0.5) for i in range(100)]
    for little in (few, lopsided, one):
        assert "that is little" in fitted(little).warning
        assert fitted(little).sentence.endswith(fitted(little).warning)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"values": (0.5, 0.5)}, "knots of a calibration rise"),
        ({"values": (0.1, math.nan)}, "knots of a calibration rise"),
        ({"chances": (0.5, 0.4)}, "never fall"),
        ({"chances": (0.5, 1.1)}, r"in \[0, 1\]"),
        ({"chances": (0.5,)}, "one probability for each"),
        ({"values": (), "chances": ()}, "at least 1"),
    ],
)
def test_what_is_no_monotone_map_of_chances_is_refused(changes: dict[str, object], told: str):
    rising = fit(Point(float(v), float(v > 5), 1.0) for v in range(10))
    whole = msgspec.structs.replace(
        fitted([episode(True, 0.5)]), values=rising.values, chances=rising.chances
    )
    with pytest.raises(ValueError, match=told):
        msgspec.structs.replace(whole, **changes)
