"""The text of a generated game: rules, problem and walkthrough in the official file layout."""

import functools
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib import resources

from oreo_tasks.alfworld.floor_plans import FloorPlan
from oreo_tasks.alfworld.household import household
from oreo_tasks.alfworld.pddl_ids import printed_names
from oreo_tasks.alfworld.placements import DEVICES, LOOK, PICK, TWO, Goal, Thing

_NEEDS = {
    "pick_clean_then_place_in_recep": ("cleanable", "isClean", "clean"),
    "pick_heat_then_place_in_recep": ("heatable", "isHot", "heat"),
    "pick_cool_then_place_in_recep": ("coolable", "isCool", "cool"),
}
"""Task type -> what an object must allow, what must be done to it, the verb."""
_SENTENCES = {
    PICK: ("put a {} in {}.", "put some {} on {}."),
    LOOK: ("examine the {} with the {}.", "look at {} under the {}."),
    TWO: ("put two {} in {}.", "find two {} and put them in {}."),
    "pick_clean_then_place_in_recep": (
        "put a clean {} in {}.", "clean some {} and put it in {}.",
    ),
    "pick_heat_then_place_in_recep": ("put a hot {} in {}.", "heat some {} and put it in {}."),
    "pick_cool_then_place_in_recep": ("put a cool {} in {}.", "cool some {} and put it in {}."),
}  # fmt: skip
"""Task type -> the official ways to say it."""
_ALWAYS = {
    "rtype": {"SinkBasinType", "MicrowaveType", "FridgeType"},
    "otype": {"KnifeType", "ButterKnifeType"},
}
"""Types that the rules name, whether or not a home has such a thing."""


@functools.cache
def rules(file: str) -> str:
    """The text of ``household.pddl`` or ``household.twl2``."""
    return resources.files(__package__ or "").joinpath("rules", file).read_text("utf-8")


def sentences(goal: Goal) -> tuple[str, str]:
    """The two ways to state a goal."""
    first, second = _SENTENCES[goal.task_type]
    names = goal.thing.lower(), goal.target.lower()
    return first.format(*names), second.format(*names)


def game_json(goal: Goal, sentence: str, plan: FloorPlan, things: Sequence[Thing]) -> str:
    """The content of ``game.tw-pddl``.

    Args:
        goal: what the game asks for.
        sentence: how it is said.
        plan: the receptacles.
        things: the objects; the goal must be reachable and not yet reached.
    """
    return json.dumps(
        {
            "pddl_domain": rules("household.pddl"),
            "grammar": rules("household.twl2").replace("GOAL", sentence, 1),
            "pddl_problem": _problem(goal, plan, things),
            "solvable": True,
            "walkthrough": walkthrough(goal, plan, things),
        }
    )


def walkthrough(goal: Goal, plan: FloorPlan, things: Sequence[Thing]) -> list[str]:
    """Commands that reach the goal, by somebody who knows where everything is."""
    walk = _Walk(plan, things)
    wanted = [t for t in things if t.kind == goal.thing]
    if goal.task_type == LOOK:
        lamp = next(t for t in things if t.kind == goal.target)
        walk.take(wanted[0])
        walk.go(lamp.place)
        walk.commands.append(f"use {walk.names[lamp.id]}")
        return walk.commands
    targets = [f for f, fixture in enumerate(plan.fixtures) if fixture.kind == goal.target]
    target = targets[0]
    if goal.task_type == TWO:
        there = [t.place for t in wanted if t.place in targets]
        target = there[0] if there else target
        wanted = [t for t in wanted if t.place != target][: 1 if there else 2]
    else:
        wanted = wanted[:1]
    for thing in wanted:
        walk.take(thing)
        if goal.task_type in DEVICES:
            walk.treat(thing, _NEEDS[goal.task_type][2], DEVICES[goal.task_type])
        walk.reach(target)
        walk.commands.append(f"move {walk.names[thing.id]} to {walk.name(target)}")
    return walk.commands


class _Walk:
    """Where the agent of a walkthrough stands and what it has opened."""

    def __init__(self, plan: FloorPlan, things: Sequence[Thing]) -> None:
        self._plan = plan
        self._location = plan.start
        self._opened: set[int] = set()
        self.names = printed_names([*(f.id for f in plan.fixtures), *(t.id for t in things)])
        self.commands: list[str] = []

    def name(self, fixture: int) -> str:
        return self.names[self._plan.fixtures[fixture].id]

    def go(self, fixture: int) -> None:
        location = self._plan.fixtures[fixture].location
        if location != self._location:
            self._location = location
            self.commands.append(f"go to {self.name(fixture)}")

    def reach(self, fixture: int) -> None:
        self.go(fixture)
        if self._plan.fixtures[fixture].openable and fixture not in self._opened:
            self._opened.add(fixture)
            self.commands.append(f"open {self.name(fixture)}")

    def take(self, thing: Thing) -> None:
        self.reach(thing.place)
        self.commands.append(f"take {self.names[thing.id]} from {self.name(thing.place)}")

    def treat(self, thing: Thing, verb: str, device: str) -> None:
        kinds = [fixture.kind for fixture in self._plan.fixtures]
        fixture = kinds.index(device)
        self.go(fixture)
        self.commands.append(f"{verb} {self.names[thing.id]} with {self.name(fixture)}")


def _problem(goal: Goal, plan: FloorPlan, things: Sequence[Thing]) -> str:
    """The PDDL problem."""
    declared = "\n".join(
        f"    {' '.join(sorted(names))} - {kind}"
        for kind, names in _declarations(plan, things).items()
    )
    facts = "\n".join(f"    ({fact})" for fact in _facts(plan, things))
    return (
        "(define (problem home)\n  (:domain household)\n"
        f"  (:objects\n{declared})\n  (:init\n{facts})\n  (:goal (and {_condition(goal)})))\n"
    )


def _declarations(plan: FloorPlan, things: Sequence[Thing]) -> dict[str, set[str]]:
    """Type -> the names of that type."""
    names: dict[str, set[str]] = defaultdict(set, agent={"agent1"})
    names["location"] = {plan.start, *(f.location for f in plan.fixtures)}
    names["receptacle"] = {f.id for f in plan.fixtures}
    names["object"] = {t.id for t in things}
    names["rtype"] = _ALWAYS["rtype"] | {f"{f.kind}Type" for f in plan.fixtures}
    names["otype"] = _ALWAYS["otype"] | {f"{t.kind}Type" for t in things}
    return names


def _facts(plan: FloorPlan, things: Sequence[Thing]) -> Iterable[str]:
    """What holds at the start."""
    yield f"atLocation agent1 {plan.start}"
    for fixture in plan.fixtures:
        yield f"receptacleType {fixture.id} {fixture.kind}Type"
        yield f"receptacleAtLocation {fixture.id} {fixture.location}"
        if fixture.openable:
            yield f"openable {fixture.id}"
    traits = household().traits
    for thing in things:
        fixture = plan.fixtures[thing.place]
        yield f"objectType {thing.id} {thing.kind}Type"
        yield f"inReceptacle {thing.id} {fixture.id}"
        yield f"objectAtLocation {thing.id} {fixture.location}"
        for trait in traits[thing.kind]:
            yield f"{trait} {thing.id}"
    kinds = sorted({thing.kind for thing in things})
    for place in sorted({fixture.kind for fixture in plan.fixtures}):
        fits = household().fits.get(place, ())
        yield from (f"canContain {place}Type {kind}Type" for kind in kinds if kind in fits)


def _condition(goal: Goal) -> str:
    """The goal in PDDL, built as the official games build it."""
    thing, target = f"{goal.thing}Type", f"{goal.target}Type"
    if goal.task_type == LOOK:
        return (
            "(exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and "
            f"(objectType ?ot {target}) (toggleable ?ot) (isToggled ?ot) "
            "(receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r))) "
            f"(exists (?o - object ?a - agent) (and (objectType ?o {thing}) (holds ?a ?o)))"
        )
    if goal.task_type == TWO:
        inner = (
            f"(and (not (= ?o1 ?o2)) (objectType ?o2 {thing}) "
            f"(receptacleType ?r {target}) (inReceptacle ?o2 ?r))"
        )
        outer = (
            f"(and (objectType ?o1 {thing}) (receptacleType ?r {target}) "
            f"(inReceptacle ?o1 ?r) (exists (?o2 - object) {inner}))"
        )
        return f"(exists (?r - receptacle) (exists (?o1 - object) {outer}))"
    if goal.task_type in _NEEDS:
        allows, done, _ = _NEEDS[goal.task_type]
        inner = (
            f"({allows} ?o) (objectType ?o {thing}) (receptacleType ?r {target}) "
            f"({done} ?o) (inReceptacle ?o ?r)"
        )
    else:
        inner = f"(inReceptacle ?o ?r) (objectType ?o {thing}) (receptacleType ?r {target})"
    return f"(exists (?r - receptacle) (exists (?o - object) (and {inner})))"
