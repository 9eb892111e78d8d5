"""What V is worth as a probability: a monotone map from V to the chance of success, and its errors.

V is trained toward discounted rewards less what the policy paid in KL, so it is no probability. The
map is fitted to how held-out episodes ended. It never changes an order: what chooses by V chooses
alike by its probabilities.
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from oreo_agent.model.isotonic import Knots, Point, fit

BINS = 10
"""Of the calibration error: equal parts of the scale from 0 to 1."""
QUARTERS = 4
FEW_EPISODES, FEW_INSTANCES, FEW_OUTCOMES = 100, 20, 10
"""With fewer a calibration warns of itself; the last is for won and for lost episodes."""


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


class TurnAUC(msgspec.Struct, frozen=True, kw_only=True):
    """How well V tells won from lost episodes at the end of one turn, of those that came so far."""

    turn: int
    """Counted from 1."""
    auc: float
    """Chance that V is higher in a won episode than in a lost one; .5 without knowledge."""
    won: int
    lost: int


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """A monotone, piecewise linear map from V to the probability of success, and what it is worth.

    Every episode counts alike in all figures, however long it is.
    """

    values: tuple[float, ...]
    """V at the knots, strictly rising."""
    chances: tuple[float, ...]
    """Probability of success there, in [0, 1], never falling."""
    ece_raw: float
    """Expected calibration error of V itself, clipped to [0, 1]."""
    ece: float | None
    """That of the map on instances that it was not fitted to; None with a single instance."""
    brier_raw: float
    """Mean squared distance of V, clipped to [0, 1], from 0 (lost) or 1 (won)."""
    brier: float | None
    """That of the map on instances that it was not fitted to."""
    auc: tuple[float | None, ...]
    """At the end of each quarter of the episodes' replies; None without won or without lost ones.
    How far an episode has come is known only when it is over, which flatters V where lost episodes
    are the longer ones; ``auc_by_turn`` does not."""
    auc_by_turn: tuple[TurnAUC, ...]
    """At turns 1, 2, 4, 8 and so on, where both won and lost episodes came so far."""
    episodes: int
    won: int
    instances: int
    """Of the episodes that all of this rests on."""
    source: str
    """Where these episodes are from."""

    def __post_init__(self) -> None:
        if len(self.values) != len(self.chances) or not self.values:
            raise ValueError("a calibration has one probability for each of its knots, at least 1")
        if not all(a < b for a, b in itertools.pairwise(self.values)):
            raise ValueError("the knots of a calibration rise")
        if not all(a <= b for a, b in itertools.pairwise((0.0, *self.chances, 1.0))):
            raise ValueError("the probabilities of a calibration lie in [0, 1] and never fall")

    def probability(self, value: float) -> float:
        """Chance of success where V is ``value``: linear between knots, constant beyond them."""
        return Knots(self.values, self.chances)(value)

    @property
    def warning(self) -> str:
        """Why not to lean on it; empty where the evidence is enough."""
        outcomes = min(self.won, self.episodes - self.won)
        if (
            self.episodes >= FEW_EPISODES
            and self.instances >= FEW_INSTANCES
            and outcomes >= FEW_OUTCOMES
        ):
            return ""
        return (
            f"that is little: under {FEW_EPISODES} episodes, {FEW_INSTANCES} instances or "
            f"{FEW_OUTCOMES} won and {FEW_OUTCOMES} lost ones, read its probabilities as rough"
        )

    @property
    def sentence(self) -> str:
        """What it rests on and how far off it is, for people."""
        mapped = "" if self.ece is None else f", {self.ece:.3f} through the map"
        told = (
            f"read as a chance of success, V is off by {self.ece_raw:.3f} on average{mapped}: "
            f"{self.episodes} episodes ({self.won} won) of {self.instances} instances, "
            f"{self.source}"
        )
        return f"{told}; {self.warning}" if self.warning else told


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


def auc(scores: Sequence[float], won: Sequence[bool]) -> float:
    """Chance that a won episode scores above a lost one (ties count half); nan without both."""
    wins = sum(won)
    losses = len(won) - wins
    if not wins or not losses:
        return math.nan
    above = beaten = 0.0
    pairs = sorted(zip(scores, won, strict=True))
    for _, tied in itertools.groupby(pairs, key=lambda pair: pair[0]):
        outcomes = [outcome for _, outcome in tied]
        lost = len(outcomes) - sum(outcomes)
        above += sum(outcomes) * (beaten + lost / 2)
        beaten += lost
    return above / (wins * losses)


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
