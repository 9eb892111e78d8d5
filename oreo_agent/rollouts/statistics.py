"""What a number of games can and cannot show: rates, paired comparisons, and their limits.

Everything is exact or has good coverage at the sizes that we see (tens to hundreds of games, rates
near 0 or 1), where the textbook intervals of the normal approximation fail.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from math import comb
from statistics import NormalDist

import msgspec
import numpy as np

CONFIDENCE = 0.95


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Wins of n games, with Wilson's interval for the chance of winning."""

    wins: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Wins divided by n."""
        return self.wins / self.n


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Second rate minus first, over the same games, with its interval."""

    value: float
    low: float
    high: float


def wilson(wins: int, n: int, confidence: float = CONFIDENCE) -> Rate:
    """A rate with Wilson's score interval; always within [0, 1], never of width 0.

    Raises:
        ValueError: no games, or more wins than games.
    """
    if n < 1 or not 0 <= wins <= n:
        raise ValueError(f"a rate needs 0 <= wins <= n and n >= 1, got {wins} of {n}")
    z = normal_quantile(0.5 + confidence / 2)
    centre = (wins + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * (wins * (n - wins) / n + z * z / 4) ** 0.5
    # At 0 and n wins the bound is the rate itself; rounding may put it on the wrong side.
    low = 0.0 if wins == 0 else centre - half
    high = 1.0 if wins == n else centre + half
    return Rate(wins=wins, n=n, low=low, high=high)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of paired outcomes: are the two equally often the only one to win?

    Args:
        only_first: games that only the first won.
        only_second: games that only the second won.
    """
    games = only_first + only_second
    tail = sum(comb(games, lead) for lead in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**games)


def sign_flips(leads: Sequence[int]) -> float:
    """Exact two-sided p of paired games that were each played several times.

    Under the hypothesis that the two are exchangeable, each game's lead had its sign by the toss of
    a fair coin; a game counts once, however often it was played. With leads of -1, 0 and 1 alone
    this is `mcnemar`.

    Args:
        leads: for each game, how many times more the second won it than the first.
    """
    ways = {0: 1}  # how many of the 2^n choices of signs add up to a sum
    for size, games in Counter(abs(lead) for lead in leads if lead).items():
        tosses = {size * (2 * heads - games): comb(games, heads) for heads in range(games + 1)}
        found: Counter[int] = Counter()
        for total, count in ways.items():
            for step, times in tosses.items():
                found[total + step] += count * times
        ways = dict(found)
    reached = abs(sum(leads))
    return sum(n for total, n in ways.items() if abs(total) >= reached) / sum(ways.values())


def bootstrap_difference(
    leads: Sequence[int], plays: int = 1, confidence: float = CONFIDENCE
) -> Difference | None:
    """Second rate minus first, with the interval of the paired bootstrap over games, exactly.

    Games are drawn with replacement, each with its lead, so a pair is never torn; the interval
    holds what is left of the means when equal tails are cut off (Efron and Tibshirani,
    An Introduction to the Bootstrap, 1993, chapter 13). Leads are whole numbers, so the means
    of all n^n resamples are counted by convolution: nothing is drawn, no seed is needed.

    It stands beside the exact test, not in its place: where few games told the two apart it is too
    narrow, and leaves out 0 before the test rejects.

    Args:
        leads: for each game, how many times more the second won it than the first; at least one.
        plays: how often each agent played each game.
        confidence: share of the resamples' means that the interval holds.

    Returns:
        None if all games have one lead: resampling cannot know what it has not seen.
    """
    least, n = min(leads), len(leads)
    if least == max(leads):
        return None
    counts = np.bincount(np.asarray(leads) - least)
    sums = n * (len(counts) - 1) + 1
    # the distribution of a sum of n draws is the n-th convolution power of that of one
    chances = np.fft.irfft(np.fft.rfft(counts / n, sums) ** n, sums)
    tail = (1 - confidence) / 2 - 1e-9  # a sum on the very edge is kept, however it was rounded
    low = int(np.searchsorted(np.cumsum(chances), tail))
    high = sums - 1 - int(np.searchsorted(np.cumsum(chances[::-1]), tail))
    scale = n * plays
    return Difference(
        value=sum(leads) / scale,
        low=(low + n * least) / scale,
        high=(high + n * least) / scale,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values, raised for having been several (Holm's step-down), in their given order."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = floor
    return adjusted


def paired_difference(
    only_first: int, only_second: int, n: int, confidence: float = CONFIDENCE
) -> Difference:
    """Second rate minus first, with Tango's score interval (Statistics in Medicine 17, 1998).

    The interval holds the differences that a score test on the same pairs would not reject; it
    has a width above 0 also when no game told the two apart.

    Args:
        only_first: games that only the first won.
        only_second: games that only the second won.
        n: games that both played.
        confidence: chance that such an interval covers the true difference.

    Raises:
        ValueError: fewer games than were won by only one.
    """
    if n < 1 or only_first < 0 or only_second < 0 or only_first + only_second > n:
        raise ValueError(f"{only_first} and {only_second} games won by one only, of {n}")
    z = normal_quantile(0.5 + confidence / 2)
    value = (only_second - only_first) / n

    def gap(difference: float) -> float:
        return _tango(only_second, only_first, n, difference) - z

    def other_gap(difference: float) -> float:
        return _tango(only_second, only_first, n, difference) + z

    # The score falls from above +z to below -z as the assumed difference goes from -1 to 1,
    # unless all games went one way: then the bound is the end of the scale itself.
    edge = 1 - 1e-12
    low = falling_root(gap, -edge, value) if value > -1 else -1.0
    high = falling_root(other_gap, value, edge) if value < 1 else 1.0
    return Difference(value=value, low=low, high=high)


def normal_quantile(share: float) -> float:
    """Below which a standard normal variable is with the chance ``share``."""
    return NormalDist().inv_cdf(share)


def falling_root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that falls from above 0 to 0 or below does so, by bisection."""
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2


def _tango(b: int, c: int, n: int, difference: float) -> float:
    """Score statistic of the hypothesis that the true rates differ by ``difference``.

    ``b`` and ``c`` count the games that only the second and only the first won.
    """
    # Restricted maximum likelihood of the chance that only the first wins: root of a quadratic.
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    root = max(linear * linear - 8 * n * constant, 0.0) ** 0.5
    chance = (root - linear) / (4 * n)
    variance = n * (2 * chance + difference * (1 - difference))
    lead = b - c - n * difference
    if variance <= 0:
        return 0.0 if lead == 0 else float("inf") if lead > 0 else float("-inf")
    return lead / variance**0.5
