"""What V is worth as a probability: a monotone map from V to the chance of success, and its errors.

V is trained toward discounted rewards less what the policy paid in KL, so it is no probability. The
map is fitted to how held-out episodes ended (`oreo_agent.learn.calibrating`). It never changes an
order: what chooses by V chooses alike by its probabilities.
"""

import itertools
from bisect import bisect_right
from typing import NamedTuple

import msgspec

FEW_EPISODES, FEW_INSTANCES, FEW_OUTCOMES = 100, 20, 10
"""With fewer a calibration warns of itself; the last is for won and for lost episodes."""


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
