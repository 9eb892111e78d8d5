"""Homes without their movable things: which receptacles there are and where they stand.

A floor plan follows from its tier and its number alone. Numbers tell the kind of room and the
split: see `plan_numbers`. They lie outside the ranges of the official floor plans.
"""

import functools
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from oreo_tasks.alfworld.household import Histogram, household
from oreo_tasks.alfworld.pddl_ids import IdMaker

ROOMS = {"kitchen": 10_000, "livingroom": 20_000, "bedroom": 30_000, "bathroom": 40_000}
"""Kind of room -> its first plan number."""
TRAIN_PLANS = range(2000)
UNSEEN_PLANS = range(5000, 6000)
"""Numbers within a kind of room; plans of the second range are never trained on."""


@dataclass(frozen=True, slots=True)
class Tier:
    """How large homes are. A size is (smallest, largest), both included."""

    receptacles: tuple[int, int]
    objects: tuple[int, int] | None
    """None: as many as official homes have."""
    devices: int
    """How many of sink, microwave and fridge a kitchen has."""
    whole: bool
    """Whether all of a home drawn like an official one is kept, or a sample of it."""


TIER_SIZES: Mapping[str, Tier] = {
    "small": Tier((4, 6), (6, 10), devices=2, whole=False),
    "medium": Tier((10, 16), (16, 24), devices=3, whole=False),
    "full": Tier((8, 40), None, devices=3, whole=True),
}
_DEVICES = ("SinkBasin", "Microwave", "Fridge")
_SHARE_SPOT = {
    "StoveBurner": 0.5,
    "Toaster": 0.3,
    "CoffeeMachine": 0.25,
    "Drawer": 0.15,
    "Cabinet": 0.08,
    "Shelf": 0.08,
}
"""Chance that a receptacle stands where the agent already is at another one."""
_HOSTS = {
    "StoveBurner": ("StoveBurner",),
    "Toaster": ("CounterTop",),
    "CoffeeMachine": ("CounterTop",),
    "Cabinet": ("Cabinet",),
    "Shelf": ("Shelf",),
    "Drawer": ("Drawer", "Desk", "Dresser", "SideTable"),
}


@dataclass(frozen=True, slots=True)
class Fixture:
    """A receptacle in a plan."""

    kind: str
    id: str
    location: str
    openable: bool


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """The receptacles of a home, and where the agent starts."""

    number: int
    room: str
    fixtures: tuple[Fixture, ...]
    start: str
    """A location without receptacles."""


def room_of(number: int) -> str:
    """The kind of room that a plan number stands for.

    Raises:
        LookupError: there is no such plan.
    """
    for room, first in ROOMS.items():
        if number - first in TRAIN_PLANS or number - first in UNSEEN_PLANS:
            return room
    raise LookupError(f"no floor plan has the number {number}")


@functools.lru_cache(maxsize=4096)
def furniture(tier: str, number: int) -> Mapping[str, int]:
    """Class of receptacle -> how many the plan has."""
    room = room_of(number)
    size = TIER_SIZES[tier]
    rng = random.Random(f"furniture {tier} {number}")
    smallest, largest = size.receptacles
    left = draw_numbers(room, "receptacles", rng)
    while sum(left.values()) < smallest or (size.whole and sum(left.values()) > largest):
        left = draw_numbers(room, "receptacles", rng)
    if size.whole:
        return left
    chosen: Counter[str] = Counter()
    devices = [kind for kind in _DEVICES if kind in left]
    for kind in rng.sample(devices, min(size.devices, len(devices))):
        chosen[kind] += 1
        left[kind] -= 1
    if size.devices < len(devices):
        # a kitchen with all its devices has little room for anything else
        left = {kind: n for kind, n in left.items() if kind not in _DEVICES}
    for _ in range(rng.randint(smallest, largest) - chosen.total()):
        # by the root, so that a kitchen's twenty cabinets and drawers leave room for the rest
        weights = [n**0.5 for n in left.values()]
        if not any(weights):
            break
        (kind,) = rng.choices(list(left), weights)
        chosen[kind] += 1
        left[kind] -= 1
    return dict(sorted(chosen.items()))


@functools.lru_cache(maxsize=256)
def floor_plan(tier: str, number: int) -> FloorPlan:
    """The plan with this number: the same for ever.

    Raises:
        LookupError: there is no such plan.
    """
    kinds = furniture(tier, number)
    rng = random.Random(f"plan {tier} {number}")
    make = IdMaker(rng)
    fixtures: list[Fixture] = []
    for kind, count in kinds.items():
        closing, standing = household().openable[kind]
        for _ in range(count):
            location = ""
            if rng.random() < _SHARE_SPOT.get(kind, 0.0):
                hosts = [f.location for f in fixtures if f.kind in _HOSTS[kind]]
                location = rng.choice(hosts) if hosts else ""
            openable = rng.random() * standing < closing
            fixtures.append(Fixture(kind, make.thing(kind), location or make.location(), openable))
    return FloorPlan(number, room_of(number), tuple(fixtures), make.location())


def draw_numbers(room: str, what: str, rng: random.Random) -> dict[str, int]:
    """How many of each class a home has, each class by itself, as in real homes.

    Args:
        room: kind of room.
        what: ``receptacles`` or ``objects``.
        rng: where chance comes from.
    """
    numbers: dict[str, int] = {}
    for kind, steps in _steps(room, what):
        chance = rng.random()
        for count, bound in steps:
            if chance < bound:
                if count:
                    numbers[kind] = count
                break
    return numbers


@functools.cache
def _steps(room: str, what: str) -> list[tuple[str, list[tuple[int, float]]]]:
    """Class -> rows of (number, chance of at most as much as its row and those before)."""
    facts = household().rooms[room]
    tables: Mapping[str, Histogram] = getattr(facts, what)
    table: list[tuple[str, list[tuple[int, float]]]] = []
    for kind, histogram in tables.items():
        counts = {0: facts.homes - sum(histogram.values()), **histogram}
        bounds = [n / facts.homes for n in accumulate(counts.values())]
        table.append((kind, list(zip(counts, bounds, strict=True))))
    return table
