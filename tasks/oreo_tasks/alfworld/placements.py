"""What lies where in a generated home, and which errands a home allows."""

import functools
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from oreo_tasks.alfworld.floor_plans import TIER_SIZES, FloorPlan, draw_numbers, furniture, room_of
from oreo_tasks.alfworld.household import household
from oreo_tasks.alfworld.pddl_ids import IdMaker

PICK = "pick_and_place_simple"
LOOK = "look_at_obj_in_light"
TWO = "pick_two_obj_and_place"
DEVICES = {
    "pick_clean_then_place_in_recep": "SinkBasin",
    "pick_heat_then_place_in_recep": "Microwave",
    "pick_cool_then_place_in_recep": "Fridge",
}
"""Task type -> the receptacle class that it needs."""
_TRIES = 8
"""Errands drawn blindly before all possible ones are listed."""
_CROWDED = 4
"""Objects on a receptacle at which it looks half as attractive for the next one."""
_TWIN = 0.4
"""Chance, in homes with few objects, of one more object of the wanted class than needed."""


@dataclass(frozen=True, slots=True)
class Goal:
    """An errand."""

    task_type: str
    thing: str
    """Class of the wanted object."""
    target: str
    """Class of the receptacle it goes to; for `LOOK` class of the lamp."""


@dataclass(frozen=True, slots=True)
class Thing:
    """An object of a home."""

    kind: str
    id: str
    place: int
    """Number of the fixture in or on which it lies."""


class _Errand(NamedTuple):
    """A row of the table of goals; receptacle classes as bits, as thousands of plans are asked."""

    goal: Goal
    games: int
    """How many official games ask for it."""
    needed: int
    """The classes that must be there: the target's and the device's; none for `LOOK`."""
    source: int
    """Classes of which one must be there: the object can lie there."""
    light: int
    """Classes of which one must be there: the lamp can stand there; for others as ``source``."""

    def fits(self, here: int) -> bool:
        """Whether a home with these receptacle classes allows it."""
        return bool(here & self.needed == self.needed and here & self.source and here & self.light)


def draw_goal(task_type: str, tier: str, number: int, rng: random.Random) -> Goal | None:
    """An errand that a floor plan allows, as often as official games ask for it; None if none."""
    here = _mask(furniture(tier, number))
    table, weights = _errands(task_type, room_of(number))
    if not weights:
        return None
    for errand in rng.choices(table, cum_weights=weights, k=_TRIES):
        if errand.fits(here):
            return errand.goal
    possible = [errand for errand in table if errand.fits(here)]
    if not possible:
        return None
    return rng.choices(possible, [errand.games for errand in possible])[0].goal


def is_possible(goal: Goal, tier: str, number: int) -> bool:
    """Whether a floor plan allows a goal, and official games in such rooms ask for it."""
    here = _mask(furniture(tier, number))
    table, _ = _errands(goal.task_type, room_of(number))
    return any(errand.goal == goal and errand.fits(here) for errand in table)


@functools.cache
def _errands(task_type: str, room: str) -> tuple[list[_Errand], list[int]]:
    """All errands of a type in a kind of room, and the running sums of their games."""
    table: list[_Errand] = []
    for key, games in household().goals.get(task_type, {}).get(room, {}).items():
        goal = Goal(task_type, *key.split(" "))
        homes = _mask(household().holds.get(goal.thing, ()))
        if task_type == LOOK:
            lamps = _mask(household().holds.get(goal.target, ()))
            table.append(_Errand(goal, games, 0, homes, lamps))
        elif goal.thing in household().fits.get(goal.target, ()):
            target = _mask([goal.target])
            source = homes & ~target if task_type in (PICK, TWO) else homes
            device = _mask([DEVICES[task_type]]) if task_type in DEVICES else 0
            table.append(_Errand(goal, games, target | device, source, source))
    return table, list(accumulate(errand.games for errand in table))


def _mask(kinds: Iterable[str]) -> int:
    """A set of receptacle classes as bits."""
    return sum(1 << _bits()[kind] for kind in kinds)


@functools.cache
def _bits() -> Mapping[str, int]:
    return {kind: n for n, kind in enumerate(household().openable)}


def _homes_of(kind: str, standing: Mapping[str, int]) -> list[str]:
    """The receptacle classes present where such an object may lie."""
    return [place for place in household().holds.get(kind, {}) if place in standing]


def furnish(goal: Goal, tier: str, plan: FloorPlan, rng: random.Random) -> list[Thing]:
    """The objects of a home, so that the goal can be reached and is not reached yet."""
    make = IdMaker(rng)
    loads = [0] * len(plan.fixtures)
    things: list[Thing] = []
    for kind in _kinds(goal, tier, plan, rng):
        barred = _barred(goal, kind, plan, things)
        weights = [
            0.0 if f in barred else share / (1 + loads[f] / _CROWDED)
            for f, share in enumerate(_shares(kind, plan))
        ]
        if not any(weights):
            continue  # every place it could lie at would already reach the goal
        (place,) = rng.choices(range(len(weights)), weights)
        loads[place] += 1
        things.append(Thing(kind, make.thing(kind), place))
    return things


def _kinds(goal: Goal, tier: str, plan: FloorPlan, rng: random.Random) -> list[str]:
    """The classes of the objects that a home has: those of the goal first, then the others."""
    size = TIER_SIZES[tier].objects
    drawn = draw_numbers(plan.room, "objects", rng)
    needed = 2 if goal.task_type == TWO else 1
    # more than needed now and then, so that the number of such objects gives nothing away
    own = drawn.pop(goal.thing, 0) if size is None else needed + (rng.random() < _TWIN)
    wanted = [goal.thing] * max(needed, own)
    if goal.task_type == LOOK:
        wanted += [goal.target] * max(1, drawn.pop(goal.target, 0))
    drawn.pop(goal.thing, None)
    standing = Counter(f.kind for f in plan.fixtures)
    others = [kind for kind, n in drawn.items() if _homes_of(kind, standing) for _ in range(n)]
    if size is not None:
        others = rng.sample(others, min(len(others), max(0, rng.randint(*size) - len(wanted))))
    return wanted + others


def _shares(kind: str, plan: FloorPlan) -> Sequence[float]:
    """How likely each fixture is to hold such an object."""
    table = _share_table(kind)
    return [table.get(fixture.kind, 0.0) for fixture in plan.fixtures]


@functools.cache
def _share_table(kind: str) -> dict[str, float]:
    places = household().holds.get(kind, {})
    return {place: holding / standing for place, (holding, standing) in places.items()}


def _barred(goal: Goal, kind: str, plan: FloorPlan, things: Sequence[Thing]) -> set[int]:
    """The fixtures where one more such object would reach the goal."""
    if kind != goal.thing or goal.task_type not in (PICK, TWO):
        return set()
    targets = {f for f, fixture in enumerate(plan.fixtures) if fixture.kind == goal.target}
    if goal.task_type == PICK:
        return targets
    return {t.place for t in things if t.kind == kind} & targets
