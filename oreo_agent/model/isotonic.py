"""Isotonic regression on grouped states: a monotone map from V to the chance of success."""

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

KNOTS = 20
"""At most so many groups of states make a map."""
LEAST = 5.0
"""A group rests on at least so many episodes."""
ROUNDING = 1e-9
"""Sums of weights are only so exact."""


class Point(NamedTuple):
    """A state of an episode, and how that ended."""

    value: float
    """V there."""
    won: float
    """1, or 0."""
    weight: float
    """Of the episode's 1."""


class Knots(NamedTuple):
    """A piecewise linear map, constant beyond its ends."""

    values: tuple[float, ...]
    """Where its pieces meet; strictly rising."""
    chances: tuple[float, ...]
    """What it says there; never falling."""

    def __call__(self, value: float) -> float:
        """The chance where V is ``value``."""
        after = bisect_right(self.values, value)
        if after == 0:
            return self.chances[0]
        if after == len(self.values):
            return self.chances[-1]
        left, right = self.values[after - 1 : after + 1]
        low, high = self.chances[after - 1 : after + 1]
        return min(high, low + (value - left) / (right - left) * (high - low))


@dataclass(slots=True)
class _Group:
    """Neighbouring states that share a probability."""

    won: float
    weight: float

    @property
    def chance(self) -> float:
        return self.won / self.weight


def fit(points: Iterable[Point]) -> Knots:
    """Least squares under the order alone, by pooling adjacent violators.

    Fitted are groups of neighbouring states (equal ones together) that rest on `LEAST` episodes and
    a share 1 / `KNOTS` of all or more. Half a win and half a loss are added to each, so that few
    episodes make no certainty. Knots stand at the middles of groups; a flat run keeps its ends.

    Args:
        points: at least one.
    """
    parts = _grouped(sorted(points))
    groups = [
        _Group(sum(p.won * p.weight for p in part) + 0.5, sum(p.weight for p in part) + 1)
        for part in parts
    ]
    knots = list(zip(map(_middle, parts), _pooled(groups), strict=True))
    told = [
        knot
        for i, knot in enumerate(knots)
        if i in (0, len(knots) - 1) or not knots[i - 1][1] == knot[1] == knots[i + 1][1]
    ]
    values, chances = zip(*told, strict=True)
    return Knots(values, chances)


def _grouped(points: Sequence[Point]) -> list[list[Point]]:
    """Sorted points in groups of equal weight, equal values together."""
    least = max(LEAST, sum(point.weight for point in points) / KNOTS)
    groups: list[list[Point]] = []
    room = 0.0
    for _, tied in itertools.groupby(points, key=lambda point: point.value):
        if room <= ROUNDING:
            groups.append([])
            room = least
        line = list(tied)
        groups[-1].extend(line)
        room -= sum(point.weight for point in line)
    if room > ROUNDING and len(groups) > 1:
        groups[-2].extend(groups.pop())
    return groups


def _middle(points: Sequence[Point]) -> float:
    """The value below and above which half of the weight lies."""
    half = sum(point.weight for point in points) / 2 - ROUNDING
    sums = itertools.accumulate(point.weight for point in points)
    return next(p.value for p, total in zip(points, sums, strict=True) if total >= half)


def _pooled(groups: Sequence[_Group]) -> list[float]:
    """The non-falling sequence next to the groups' shares of won episodes."""
    pools: list[tuple[_Group, int]] = []
    for group in groups:
        pool, members = group, 1
        while pools and pools[-1][0].chance >= pool.chance:
            before, more = pools.pop()
            pool = _Group(before.won + pool.won, before.weight + pool.weight)
            members += more
        pools.append((pool, members))
    return [pool.chance for pool, members in pools for _ in range(members)]
