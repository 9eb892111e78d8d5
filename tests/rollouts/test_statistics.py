"""Known values, symmetries and coverage of the statistics that every score carries."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as student

from oreo_agent.rollouts.statistics import (
    bootstrap_difference,
    holm,
    mcnemar,
    paired_difference,
    sign_flips,
    wilson,
)
from oreo_agent.rollouts.student import crossed_difference, mean_difference

outcomes = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
tables = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 80)).filter(any)


@pytest.mark.parametrize(("wins", "n"), [(130, 140), (0, 7), (7, 7), (1, 1), (3, 1000)])
def test_wilson_has_the_values_of_scipy(wins, n):
    rate = wilson(wins, n)
    expected = binomtest(wins, n).proportion_ci(0.95, method="wilson")
    assert (rate.low, rate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert rate.share == wins / n


@given(outcomes)
def test_wilson_is_within_0_and_1_holds_the_rate_and_is_never_a_point(case):
    wins, n = case
    rate = wilson(wins, n)
    assert 0 <= rate.low <= wins / n <= rate.high <= 1
    assert rate.low < rate.high
    mirror = wilson(n - wins, n)
    assert (mirror.low, mirror.high) == pytest.approx((1 - rate.high, 1 - rate.low))


@pytest.mark.parametrize(("wins", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_a_rate_of_nothing_or_of_too_much_is_refused(wins, n):
    with pytest.raises(ValueError, match="wins"):
        wilson(wins, n)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        (0, 0, 1.0),
        (0, 5, 0.0625),
        (0, 6, 0.03125),
        (1, 7, 0.0703125),
        (4, 4, 1.0),
        (10, 2, 79 / 2048),
    ],
)
def test_mcnemar_is_the_tail_of_a_fair_coin(first, second, p):
    assert mcnemar(first, second) == pytest.approx(p)


@pytest.mark.parametrize(("first", "second"), [(3, 11), (40, 61), (500, 420), (1, 0)])
def test_mcnemar_has_the_values_of_scipy(first, second):
    expected = binomtest(first, first + second, 0.5).pvalue
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 100), st.integers(0, 100))
def test_mcnemar_does_not_care_who_is_first(first, second):
    assert mcnemar(first, second) == mcnemar(second, first)
    assert 0 < mcnemar(first, second) <= 1


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 9))
def test_sign_flips_of_games_played_once_are_mcnemar(first, second, ties):
    leads = [-1] * first + [1] * second + [0] * ties
    assert sign_flips(leads) == pytest.approx(mcnemar(first, second))


@given(st.lists(st.integers(-3, 3), max_size=8))
def test_sign_flips_count_the_tosses_that_lead_as_far(leads):
    tosses = [sum(s * lead for s, lead in zip(signs, leads, strict=True))
              for signs in product((-1, 1), repeat=len(leads))]  # fmt: skip
    far = sum(abs(toss) >= abs(sum(leads)) for toss in tosses)
    assert sign_flips(leads) == pytest.approx(far / len(tosses))


def test_a_game_that_is_played_thrice_with_one_result_says_no_more_than_once():
    assert sign_flips([3, 3, 3, -3]) == sign_flips([1, 1, 1, -1])


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=30))
def test_the_interval_over_games_holds_the_difference_mirrors_and_is_never_a_point(leads):
    found, mirror = mean_difference(leads, 2), mean_difference([-n for n in leads], 2)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert (mirror.low, mirror.high) == pytest.approx((-found.high, -found.low))
    assert found.value == pytest.approx(sum(leads) / 2 / len(leads))


def test_the_interval_over_games_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        hard = rng.random(100)  # games differ, so plays of one game are alike
        second = rng.binomial(3, np.clip(hard + 0.1, 0, 1))
        first = rng.binomial(3, np.clip(hard - 0.05, 0, 1))
        truth = np.mean(np.clip(hard + 0.1, 0, 1) - np.clip(hard - 0.05, 0, 1))
        found = mean_difference((second - first).tolist(), 3)
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 1.0


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=5))
def test_the_bootstrap_counts_every_resample(leads):
    found = bootstrap_difference(leads, 2)
    if len(set(leads)) == 1:
        assert found is None
        return
    sums = sorted(sum(drawn) for drawn in product(leads, repeat=len(leads)))
    cut = 0.025 * len(sums)
    low = next(one for one in sums if sum(other <= one for other in sums) >= cut)
    high = next(one for one in sums[::-1] if sum(other >= one for other in sums) >= cut)
    assert found is not None
    bounds = (low / 2 / len(leads), high / 2 / len(leads))
    assert (found.low, found.high) == pytest.approx(bounds)
    assert found.value == pytest.approx(sum(leads) / 2 / len(leads))


@pytest.mark.parametrize(("first", "second", "ties"), [(7, 23, 170), (20, 20, 100), (0, 3, 40)])
def test_the_bootstrap_is_what_drawing_many_resamples_comes_to(first, second, ties):
    leads = [-1] * first + [1] * second + [0] * ties
    rng = np.random.default_rng(0)
    means = np.asarray(leads)[rng.integers(0, len(leads), (20_000, len(leads)))].mean(1)
    found = bootstrap_difference(leads)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(means, [0.025, 0.975])), abs=1.01 / len(leads)
    )


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=300), st.randoms())
def test_the_bootstrap_mirrors_and_does_not_hang_on_the_order_of_the_games(leads, rng):
    found, mirror = (bootstrap_difference([sign * n for n in leads], 3) for sign in (1, -1))
    assert (found is None) == (mirror is None) == (len(set(leads)) == 1)
    rng.shuffle(leads)
    assert bootstrap_difference(leads, 3) == found
    if found is not None and mirror is not None:
        assert -1 <= found.low < found.high <= 1
        assert (mirror.low, mirror.high) == pytest.approx((-found.high, -found.low))


def test_the_interval_over_seeds_and_games_has_the_values_of_a_worked_example():
    found = crossed_difference([[1, 1, 0, 0], [0, 0, 0, 0]], confidence=0.5)
    # over games .5, .5, 0, 0 and the two added; over seeds .5 and 0
    games, seeds = (0.5 + 2 - 1 / 6) / 5 / 6, 0.125 / 2
    freedom = (games + seeds) ** 2 / (games**2 / 5 + seeds**2)
    half = student.ppf(0.75, freedom) * (games + seeds) ** 0.5
    assert (found.low, found.high) == pytest.approx((0.25 - half, 0.25 + half))
    assert found.value == 0.25


@pytest.mark.parametrize(("seeds", "shift"), [(2, 0.05), (3, 0.0), (3, 0.08), (6, 0.05)])
def test_the_interval_over_seeds_and_games_covers_what_other_seeds_would_give(seeds, shift):
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        hard, better = 0.5 + rng.normal(0, 0.25, 100), rng.normal(0, 0.1, 100)
        first, second = rng.normal(0, shift, (2, seeds, 1))
        first = rng.random((seeds, 100)) < np.clip(hard + first, 0, 1)
        second = rng.random((seeds, 100)) < np.clip(hard + better + second, 0, 1)
        found = crossed_difference((second.astype(int) - first).tolist())
        covered += found.low <= 0 <= found.high
    assert 0.92 <= covered / 300 <= 1.0


def test_holm_has_the_values_of_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8), st.randoms())
def test_holm_raises_keeps_the_order_and_follows_a_permutation(p_values, rng):
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [a for _, a in pairs] == sorted(adjusted)
    order = list(range(len(p_values)))
    rng.shuffle(order)
    assert holm([p_values[i] for i in order]) == [adjusted[i] for i in order]


def test_the_paired_interval_has_the_values_of_a_published_example():
    """Airway responsiveness before and after transplantation: 1 and 7 of 21 pairs differ."""
    difference = paired_difference(7, 1, 21)
    assert difference.value == pytest.approx(-6 / 21)
    assert (difference.low, difference.high) == pytest.approx((-0.517, -0.026), abs=6e-4)


@given(tables)
def test_the_paired_interval_holds_the_difference_and_mirrors(case):
    first, second, both = case
    n = first + second + both
    found = paired_difference(first, second, n)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    mirror = paired_difference(second, first, n)
    assert (mirror.low, mirror.high) == pytest.approx((-found.high, -found.low), abs=1e-6)


@given(tables)
def test_the_paired_interval_leaves_out_0_exactly_if_the_score_test_rejects(case):
    first, second, both = case
    found = paired_difference(first, second, first + second + both)
    score = abs(first - second) / max((first + second) ** 0.5, 1)
    if abs(score - 1.96) > 1e-3:
        assert (found.low > 0 or found.high < 0) == (score > 1.96)


def test_the_paired_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    chances = [0.6, 0.05, 0.12, 0.23]  # both, only first, only second, neither
    covered = 0
    for _, first, second, _ in (draws := rng.multinomial(100, chances, size=400)):
        found = paired_difference(int(first), int(second), 100)
        covered += found.low <= 0.07 <= found.high
    assert 0.925 <= covered / len(draws) <= 0.98


@pytest.mark.parametrize(("first", "second", "n"), [(3, 3, 5), (-1, 2, 5), (0, 0, 0)])
def test_a_table_that_does_not_add_up_is_refused(first, second, n):
    with pytest.raises(ValueError, match="won by one only"):
        paired_difference(first, second, n)
