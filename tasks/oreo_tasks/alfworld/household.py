"""Facts about real homes, counted on the official train games: what stands and lies where.

The counts come from `count_household` and are kept in ``household.json``. The generator furnishes
its homes by them, the expert searches by them. Classes are spelt as in the official problems
("SinkBasin", "AlarmClock"); the games print them in lower case.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

Histogram = Mapping[int, int]
"""How many things of a class a home has -> in how many homes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One kind of room."""

    homes: int
    """Homes counted; the numbers below are out of these."""
    receptacles: Mapping[str, Histogram]
    objects: Mapping[str, Histogram]
    """Only objects that lie in or on a receptacle are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """All that the counts say."""

    rooms: Mapping[str, Room]
    holds: Mapping[str, Mapping[str, tuple[int, int]]]
    """Object class -> receptacle class -> (receptacles that hold one, receptacles of the class),
    over the homes that have such an object; a pair never seen is left out."""
    openable: Mapping[str, tuple[int, int]]
    """Receptacle class -> (how many can be opened and closed, how many there are)."""
    fits: Mapping[str, tuple[str, ...]]
    """Receptacle class -> the object classes that may be put into it."""
    traits: Mapping[str, tuple[str, ...]]
    """Object class -> what holds of all its objects: ``pickupable``, ``heatable``, ..."""
    goals: Mapping[str, Mapping[str, Mapping[str, int]]]
    """Task type -> room -> "Object Target" -> games; the target is a receptacle or a lamp."""


def read_household(counts: Mapping[str, Any]) -> Household:
    """The counts as `count_household` writes them, with their types."""

    def histograms(table: Mapping[str, Mapping[str, int]]) -> dict[str, dict[int, int]]:
        return {name: {int(n): c for n, c in row.items()} for name, row in table.items()}

    return Household(
        rooms={
            kind: Room(
                homes=room["homes"],
                receptacles=histograms(room["receptacles"]),
                objects=histograms(room["objects"]),
            )
            for kind, room in counts["rooms"].items()
        },
        holds={
            thing: {place: (row[0], row[1]) for place, row in places.items()}
            for thing, places in counts["holds"].items()
        },
        openable={place: (row[0], row[1]) for place, row in counts["openable"].items()},
        fits={place: tuple(things) for place, things in counts["fits"].items()},
        traits={thing: tuple(names) for thing, names in counts["traits"].items()},
        goals=counts["goals"],
    )


@functools.cache
def household() -> Household:
    """The counts that come with the package."""
    text = resources.files(__package__ or "").joinpath("household.json").read_text("utf-8")
    return read_household(json.loads(text))
