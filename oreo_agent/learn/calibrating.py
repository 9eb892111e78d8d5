"""How a calibration is fitted: isotonic regression of success on V, and the errors of that map."""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scipy.optimize import isotonic_regression

from oreo_agent.learn.metrics import auc
from oreo_agent.model.calibration import Calibration, Knots, TurnAUC

BINS = 10
"""Of the calibration error: equal parts of the scale from 0 to 1."""
QUARTERS = 4
KNOTS = 20
"""At most so many groups of states make a map."""
LEAST = 5.0
"""A group rests on at least so many episodes."""
ROUNDING = 1e-9
"""Sums of weights are only so exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuedEpisode:
    """A stored episode as V saw it."""

    instance: str
    won: bool
    begins: Sequence[float]
    """V in the state before each reply."""
    ends: Sequence[float]
    """V at the end of each reply."""
    lent: int = 0
    """So many first replies are another episode's, which was taken for how it ended: of the states
    before them this episode's outcome tells nothing."""


class Point(NamedTuple):
    """A state of an episode, and how that ended."""

    value: float
    """V there."""
    won: float
    """1, or 0."""
    weight: float
    """Of the episode's 1."""


def calibrate(episodes: Sequence[ValuedEpisode], source: str) -> Calibration | None:
    """Fit the map to episodes that V was not trained on.

    Isotonic regression of won/lost on V (`fit`). The errors of the map are found on each half of
    the instances with the map of the other half.

    Args:
        episodes: each counts alike, in any order.
        source: where they are from, for people.

    Returns:
        None if there is no episode with a finite V.
    """
    known = [(episode, points) for episode in episodes if (points := _points(episode))]
    if not known:
        return None
    seen = [point for _, points in known for point in points]
    knots = fit(seen)
    raw = [(_clip(point.value), point) for point in seen]
    crossed = _crossed(known)
    kept = [episode for episode, _ in known]
    return Calibration(
        values=knots.values,
        chances=knots.chances,
        ece_raw=_ece(raw),
        ece=_ece(crossed) if crossed else None,
        brier_raw=_brier(raw),
        brier=_brier(crossed) if crossed else None,
        auc=tuple(_auc_at_quarter(kept, quarter) for quarter in range(1, QUARTERS + 1)),
        auc_by_turn=tuple(_auc_by_turn(kept)),
        episodes=len(kept),
        won=sum(episode.won for episode in kept),
        instances=len({episode.instance for episode in kept}),
        source=source,
    )


def _points(episode: ValuedEpisode) -> list[Point]:
    """Before each reply of its own and at its end, where V is a number."""
    told = [*episode.begins[episode.lent :], *episode.ends[episode.lent :]]
    finite = [value for value in told if math.isfinite(value)]
    return [Point(value, float(episode.won), 1 / len(finite)) for value in finite]


def _crossed(
    known: Sequence[tuple[ValuedEpisode, Sequence[Point]]],
) -> list[tuple[float, Point]]:
    """Each state with its probability by a map that no episode of its instance has touched."""
    names = {episode.instance for episode, _ in known}
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    if len(order) < 2:
        return []
    sides = (set(order[::2]), set(order[1::2]))
    found: list[tuple[float, Point]] = []
    for fitted, judged in (sides, sides[::-1]):
        knots = fit(p for e, line in known if e.instance in fitted for p in line)
        found += [
            (knots(point.value), point)
            for episode, line in known
            if episode.instance in judged
            for point in line
        ]
    return found


def _auc_at_quarter(episodes: Sequence[ValuedEpisode], quarter: int) -> float | None:
    """Where the last reply of the episode's quarter ends."""
    return _auc_at(episodes, lambda episode: -(-quarter * len(episode.ends) // QUARTERS) - 1)[0]


def _auc_by_turn(episodes: Sequence[ValuedEpisode]) -> Iterator[TurnAUC]:
    longest = max(len(episode.ends) for episode in episodes)
    for turn in itertools.takewhile(lambda n: n <= longest, (2**i for i in itertools.count())):
        area, won, lost = _auc_at(episodes, lambda _, reply=turn - 1: reply)
        if area is not None:
            yield TurnAUC(turn=turn, auc=area, won=won, lost=lost)


def _auc_at(
    episodes: Sequence[ValuedEpisode], place: Callable[[ValuedEpisode], int]
) -> tuple[float | None, int, int]:
    """AUC at the end of a reply, and how many won and lost episodes have it as their own."""
    there = [e for e in episodes if e.lent <= place(e) < len(e.ends)]
    won = [episode.won for episode in there]
    area = auc([episode.ends[place(episode)] for episode in there], won)
    return None if math.isnan(area) else area, sum(won), len(won) - sum(won)


def _ece(told: Sequence[tuple[float, Point]]) -> float:
    """Mean distance between what was said and what came, over equal parts of the scale."""
    gaps = [0.0] * BINS
    for chance, point in told:
        gaps[min(BINS - 1, int(chance * BINS))] += point.weight * (chance - point.won)
    return sum(map(abs, gaps)) / sum(point.weight for _, point in told)


def _brier(told: Sequence[tuple[float, Point]]) -> float:
    total = sum(point.weight * (chance - point.won) ** 2 for chance, point in told)
    return total / sum(point.weight for _, point in told)


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))


def fit(points: Iterable[Point]) -> Knots:
    """Least squares under the order alone.

    Fitted are groups of neighbouring states (equal ones together) that rest on `LEAST` episodes and
    a share 1 / `KNOTS` of all or more. Half a win and half a loss are added to each, so that few
    episodes make no certainty. Knots stand at the middles of groups; a flat run keeps its ends.

    Args:
        points: at least one.
    """
    parts = _grouped(sorted(points))
    weights = [sum(p.weight for p in part) + 1 for part in parts]
    won = [sum(p.won * p.weight for p in part) + 0.5 for part in parts]
    shares = [wins / weight for wins, weight in zip(won, weights, strict=True)]
    chances = isotonic_regression(shares, weights=weights).x.tolist()
    knots = list(zip(map(_middle, parts), chances, strict=True))
    told = [
        knot
        for i, knot in enumerate(knots)
        if i in (0, len(knots) - 1) or not knots[i - 1][1] == knot[1] == knots[i + 1][1]
    ]
    return Knots(*zip(*told, strict=True))


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
