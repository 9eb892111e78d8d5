"""How likely a kind of place is to hold a kind of thing, counted on the official train games."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from oreo_tasks.alfworld.household import Household, household

_UNSEEN = 1e-4
"""Share given to a pair that was never counted: a place of last resort, but a place."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What one may know about homes before entering one; classes as printed ("sinkbasin")."""

    shares: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """(object class, receptacle class) -> the share of such receptacles that hold such an object,
    in homes that have one."""
    closed: Mapping[str, float] = field(default_factory=dict[str, float])
    """Receptacle class -> the share that has to be opened."""

    def holds(self, thing: str, place: str) -> float:
        """The chance that a receptacle of class ``place`` holds an object of class ``thing``."""
        return self.shares.get((thing, place), _UNSEEN)

    def opens(self, place: str) -> float:
        """The chance that a receptacle of class ``place`` has to be opened."""
        return self.closed.get(place, 0.0)

    @classmethod
    def of(cls, counts: Household) -> "Prior":
        """The shares of some counts."""
        return cls(
            shares={
                (thing.lower(), place.lower()): holding / standing
                for thing, places in counts.holds.items()
                for place, (holding, standing) in places.items()
            },
            closed={
                place.lower(): closing / all_ for place, (closing, all_) in counts.openable.items()
            },
        )


@functools.cache
def train_prior() -> Prior:
    """The prior counted on the 3,553 official train games."""
    return Prior.of(household())
