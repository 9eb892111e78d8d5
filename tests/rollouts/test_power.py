"""How many games a difference needs: held against binomials that are added up exactly."""

from functools import cache
from itertools import product
from math import ceil

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom

from oreo_agent.errors import SettingError
from oreo_agent.rollouts.power import (
    detectable_difference,
    independent_split,
    least_significant_lead,
    needed_games,
    plan_games,
)
from oreo_agent.rollouts.statistics import mcnemar, sign_flips

rates = st.floats(0.01, 1.0)


@cache
def critical(apart: int) -> int:
    """The most that the lesser may win alone of ``apart`` games for p <= .05; -1 if nothing is."""
    counts = np.arange(apart + 1)
    return int(counts[2 * binom.cdf(counts, apart, 0.5) <= 0.05].max(initial=-1))


def exact_power(n: int, split: float, difference: float) -> float:
    """Chance that `mcnemar` of n games is at most .05, by adding up what can happen."""
    apart = np.arange(n + 1)
    lesser = np.array([critical(games) for games in apart.tolist()])
    second = (1 + difference / split) / 2
    shown = binom.cdf(lesser, apart, second) + binom.sf(apart - lesser - 1, apart, second)
    return float(binom.pmf(apart, n, split) @ shown)


CASES = [(0.5, 0.5), (0.5, 0.3), (0.3, 0.2), (0.2, 0.1), (0.15, 0.15), (0.1, 0.07), (1.0, 0.25)]


@pytest.mark.parametrize(("split", "difference"), CASES)
def test_so_many_games_as_are_said_to_be_needed_give_80_percent_power(split, difference):
    n = needed_games(difference, split)
    assert exact_power(n, split, difference) == pytest.approx(0.8, abs=0.03)
    assert exact_power(int(0.9 * n) - 2, split, difference) < 0.8
    assert exact_power(ceil(1.1 * n) + 2, split, difference) >= 0.8


@pytest.mark.parametrize(("split", "difference"), [(0.2, 0.05), (0.5, 0.05), (0.15, 0.05)])
def test_many_games_are_as_near(split, difference):
    n = needed_games(difference, split)
    assert exact_power(n, split, difference) == pytest.approx(0.8, abs=0.005)


def test_six_games_won_alone_are_the_least_that_can_be_significant():
    assert least_significant_lead() == 6
    assert detectable_difference(5, 0.2) is None
    assert detectable_difference(6, 0.2) == 1.0
    assert needed_games(1.0, 1.0) == 6
    # with three seeds, six games that one of the seeds won alone
    assert detectable_difference(6, 0.0, plays=3) == pytest.approx(1 / 3)


def test_a_difference_brings_games_with_it_that_only_one_wins():
    assert needed_games(0.1, 0.0) == needed_games(0.1, 0.1)
    assert needed_games(0.1, 0.0, plays=2) == needed_games(0.1, 0.05, plays=2)


@given(rates, rates, st.integers(1, 5))
def test_the_difference_that_can_be_detected_is_the_one_that_needs_so_many_games(d, square, plays):
    n = needed_games(d, square, plays)
    assume(n > 10)
    found = detectable_difference(n, square, plays)
    fewer = detectable_difference(n - 1, square, plays)
    assert found is not None
    assert fewer is not None
    assert found <= d + 1e-6
    assert fewer >= d - 1e-6


def test_seeds_that_play_independently_give_the_power_that_is_planned():
    difference, split, seeds = 0.1, 0.3, 3
    square = (split - difference**2) / seeds + difference**2
    n = needed_games(difference, square, seeds)
    rng = np.random.default_rng(0)
    chances = [(split - difference) / 2, 1 - split, (split + difference) / 2]
    leads = rng.choice([-1, 0, 1], p=chances, size=(400, seeds, n)).sum(1)
    shown = np.mean([sign_flips(game.tolist()) < 0.05 for game in leads])
    assert 0.74 <= shown <= 0.86
    d = detectable_difference(n, square, seeds)
    assert d == pytest.approx(difference, abs=0.001)


def test_a_difference_that_can_be_detected_is_detected_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    n, split = 140, 0.2
    d = detectable_difference(n, split)
    assert d is not None
    chances = [0.5, (split - d) / 2, (split + d) / 2, 0.5 - split]
    draws = rng.multinomial(n, chances, size=400)
    shown = np.mean([mcnemar(int(a), int(b)) < 0.05 for _, a, b, _ in draws])
    assert 0.75 <= shown <= 0.85


def test_more_games_show_smaller_differences_and_noise_hides_them():
    sizes, shares = (10, 50, 140, 1000), (0.0, 0.1, 0.3, 0.9)
    found = {(n, s): detectable_difference(n, s) for n, s in product(sizes, shares)}
    for s in shares:
        column = [found[n, s] for n in sizes]
        assert column == sorted(column, reverse=True)
    for n in sizes:
        row = [found[n, s] for s in shares]
        assert row == pytest.approx(sorted(row))
    assert all(0 < d <= 1 for d in found.values() if d is not None)


@pytest.mark.parametrize(
    ("success", "difference", "share"),
    [
        (0.5, 0.1, 0.5),
        (0.9, 0.1, 0.26),  # with 0.8: 0.9 * 0.2 + 0.8 * 0.1; with 1.0 it were 0.1
        (0.0, 0.3, 0.3),
        (1.0, 1.0, 1.0),
    ],
)
def test_independent_agents_part_as_often_as_two_coins(success, difference, share):
    assert independent_split(success, difference) == pytest.approx(share)


@given(st.floats(0, 1), st.floats(0.5, 20))
def test_a_plan_is_the_same_for_a_rate_and_its_mirror_and_seeds_save_games(success, points):
    plan, mirror = plan_games(points, success=success), plan_games(points, success=1 - success)
    for one, other in zip(plan.assumptions, mirror.assumptions, strict=True):
        assert one.split_share == pytest.approx(other.split_share)
        assert one.games[1] == pytest.approx(other.games[1], rel=0.01, abs=1)
        assert one.games[1] >= one.games[3] >= one.games[5] >= 6
        # what several seeds save in games they never save in plays
        assert 3 * one.games[3] >= one.games[1] - 3
    typical, worst = plan.assumptions
    assert points / 100 <= typical.split_share <= worst.split_share
    assert plan_games(points).assumptions[1].games[1] >= worst.games[1] - 1


def test_a_plan_takes_the_split_share_it_is_told():
    (told,) = plan_games(5, split_share=0.2).assumptions
    assert (told.split_share, told.games[1]) == (0.2, needed_games(0.05, 0.2))
    (least,) = plan_games(7, split_share=0.07).assumptions  # 7 / 100 is a little more than 0.07
    assert least.games[1] == needed_games(0.07, 0.07)


@pytest.mark.parametrize(
    ("points", "given", "message"),
    [
        (0, {}, "a difference of 0 points"),
        (-5, {}, "above 0"),
        (101, {}, "at most 100"),
        (5, {"success": 55}, "a success rate of 55: name a share between 0 and 1"),
        (60, {"success": 0.5}, "no room for 60 points"),
        (5, {"split_share": 0.04}, "a split share of 0.04 cannot give 5 points"),
        (5, {"split_share": 20}, "between 0.05 and 1"),
        (float("nan"), {}, "nan points"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_the_reason(points, given, message):
    with pytest.raises(SettingError, match=message):
        plan_games(points, **given)
