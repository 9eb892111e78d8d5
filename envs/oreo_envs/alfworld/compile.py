"""From the text of an official game file to small tables that the interpreter plays.

Nothing is grounded and nothing is planned: the initial facts of the problem are read once into
tuples of small integers. Objects, receptacles and locations are numbered by ascending PDDL id,
which is the order of every list that the game prints.
"""

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from oreo_envs.alfworld.game import Game, Numbers
from oreo_envs.alfworld.goals import LOOK, read_goal
from oreo_envs.alfworld.rules import (
    DOMAINS,
    GRAMMARS,
    domain_fingerprint,
    goal_sentence,
    grammar_fingerprint,
)

__all__ = ["Game", "UnknownGameError", "compile_game"]


class UnknownGameError(ValueError):
    """A game file that is broken, or whose rules the interpreter does not know."""


class _File(msgspec.Struct):
    pddl_domain: str
    grammar: str
    pddl_problem: str
    walkthrough: tuple[str, ...] = ()


_FACT = re.compile(r"\(\s*([^\s()]+)([^()]*)\)")
_COMMENT = re.compile(r";[^\n]*")
_PROBLEM = re.compile(r"\(:objects(.*?)\)\s*\(:init(.*)\(:goal\s*\(and(.*)\)\s*\)\s*\)\s*$", re.S)
_OBJECT_FACTS = (
    "pickupable", "cleanable", "heatable", "coolable", "toggleable", "sliceable",
    "isreceptacleobject", "isclean", "ishot", "iscool", "issliced", "istoggled",
)  # fmt: skip
_ARITY = dict.fromkeys((*_OBJECT_FACTS, "openable", "opened"), 1) | dict.fromkeys(
    (
        "receptacletype", "objecttype", "cancontain", "atlocation", "inreceptacle",
        "receptacleatlocation", "objectatlocation", "inreceptacleobject",
    ),
    2,
)  # fmt: skip
"""The facts that a game may start with, and how many things each is about."""
_COSTS = {"total-cost", "distance"}
_BLADES = {"knifetype", "butterknifetype"}


def compile_game(text: str, *, id: str = "") -> Game:
    """Read the content of a ``game.tw-pddl`` file.

    Args:
        text: the file's content: JSON with ``pddl_domain``, ``grammar``, ``pddl_problem`` and,
            in the newer dialect, ``walkthrough``.
        id: the instance, used in error messages and kept in the result.

    Raises:
        UnknownGameError: the file is broken, or its domain, grammar, goal or facts are not ones
            that the interpreter knows.
    """
    try:
        file = msgspec.json.decode(text, type=_File)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise UnknownGameError(
            f"game {id or '?'} is not a readable game.tw-pddl file ({error}); "
            "restore the file from the official download"
        ) from error
    try:
        return _Compiler(file).game(id)
    except _Unknown as unknown:
        raise UnknownGameError(
            f"game {id or '?'}: {unknown}; our interpreter does not know it: "
            'play it with engine="textworld" (extra [stock])'
        ) from None


class _Unknown(Exception):
    """What about the game is not known."""


@functools.lru_cache(maxsize=8)
def _domain_print(domain: str) -> str:
    """Remembered, because a split's games all carry the same text."""
    return domain_fingerprint(domain)


def _names(ids: Iterable[str]) -> dict[str, str]:
    """PDDL id -> the name the game prints: numbers of a kind fall while ids rise."""
    kinds: dict[str, str] = {}
    for id in sorted(ids):
        kind, bar, _ = id.partition("_bar_")
        if bar:
            kinds[id] = f"{kind}basin" if "basin" in id else kind
    left = Counter(kinds.values())
    names: dict[str, str] = {}
    for id, kind in kinds.items():
        names[id] = f"{kind} {left[kind]}"
        left[kind] -= 1
    return names


class _Compiler:
    """The facts of one problem, sorted into tables."""

    def __init__(self, file: _File) -> None:
        self.file = file
        rules = DOMAINS.get(_domain_print(file.pddl_domain))
        if rules is None:
            raise _Unknown("its PDDL domain is a new one")
        if GRAMMARS.get(grammar_fingerprint(file.grammar)) != rules.dialect:
            raise _Unknown("its text grammar is a new one, or not the one of its domain")
        sentence = goal_sentence(file.grammar)
        if sentence is None:
            raise _Unknown("its goal sentence holds a character that the grammar gives a meaning")
        self.rules = rules
        self.sentence = sentence
        problem = file.pddl_problem.lower()
        if ";" in problem:
            problem = _COMMENT.sub("", problem)
        parts = _PROBLEM.search(problem)
        if parts is None:
            raise _Unknown("its PDDL problem lacks objects, facts or a goal of the usual form")
        declared, facts, goal = parts.groups()
        self.facts = _facts(facts)
        read = read_goal(goal)
        if read is None:
            raise _Unknown("its goal is of a new form")
        self.form, self.goal_types = read
        self._number(_declared(declared))

    def _number(self, types: Mapping[str, str]) -> None:
        """Give receptacles, objects and locations their numbers and names."""
        ids = {arg for rows in self.facts.values() for row in rows for arg in row}
        names = _names(ids)
        kinds: dict[str, list[str]] = defaultdict(list)
        for id in sorted(ids):
            if id not in types:
                raise _Unknown(f"{id!r} is not among its objects")
            kinds[types[id]].append(id)
        for kind in ("receptacle", "object", "location"):
            for id in kinds[kind]:
                if id not in names:
                    raise _Unknown(f"{kind} {id!r} has no place in its id")
        self.receptacles = {id: n for n, id in enumerate(kinds["receptacle"])}
        self.objects = {id: n for n, id in enumerate(kinds["object"])}
        self.locations = {id: n for n, id in enumerate(kinds["location"])}
        self.names = names

    def game(self, id: str) -> Game:
        """The tables as one value."""
        by_place = dict(self._pairs("receptacleatlocation", self.receptacles, self.locations))
        if len(by_place) != len(self.receptacles) or len(by_place) != len(
            self.facts["receptacleatlocation"]
        ):
            raise _Unknown("a receptacle has no location, or two")
        starts = {row[-1] for row in self.facts["atlocation"]}
        if len(starts) != 1 or len(self.facts["atlocation"]) != 1:
            raise _Unknown("it does not start with one agent at one place")
        start = self.locations.get(starts.pop())
        if start is None:
            raise _Unknown("its agent does not start at a location")
        return Game(
            id=id,
            goal=self.sentence,
            task_type=self.form.task_type,
            dialect=self.rules.dialect,
            walkthrough=self.file.walkthrough,
            receptacles=tuple(self.names[r] for r in self.receptacles),
            objects=tuple(self.names[o] for o in self.objects),
            locations=tuple(self.names[place] for place in self.locations),
            places=tuple(by_place[r] for r in range(len(by_place))),
            start=start,
            openable=self._marked("openable", self.receptacles),
            opened=self._marked("opened", self.receptacles),
            lying=tuple(sorted(self._pairs("objectatlocation", self.objects, self.locations))),
            inside=tuple(
                sorted(
                    (b, a) for a, b in self._pairs("inreceptacleobject", self.objects, self.objects)
                )
            ),
            **self._receptacle_tables(),
            **self._object_tables(),
        )

    def _receptacle_tables(self) -> dict[str, Any]:
        """What stands in, fits in and can be done at each receptacle."""
        contents: list[list[int]] = [[] for _ in self.receptacles]
        for o, r in self._pairs("inreceptacle", self.objects, self.receptacles):
            contents[r].append(o)
        of_type = self._of_type("objecttype", self.objects)
        stands = self._of_type("receptacletype", self.receptacles)
        fits: list[set[int]] = [set() for _ in self.receptacles]
        for receptacle_type, object_type in self.facts["cancontain"]:
            for r in stands.get(receptacle_type, ()):
                fits[r].update(of_type.get(object_type, ()))
        washers = {r for kind in self.rules.washers for r in stands.get(kind, ())}
        return {
            "contents": tuple(tuple(sorted(row)) for row in contents),
            "fits": tuple(tuple(sorted(row)) for row in fits),
            "washers": tuple(sorted(washers)),
            "microwaves": tuple(stands.get("microwavetype", ())),
            "fridges": tuple(stands.get("fridgetype", ())),
        }

    def _object_tables(self) -> dict[str, Any]:
        """What can be done with each object, what has been done, and which ones the goal wants."""
        marked = {name: self._marked(name, self.objects) for name in _OBJECT_FACTS}
        of_type = self._of_type("objecttype", self.objects)
        stands = self._of_type("receptacletype", self.receptacles)
        first, second, *_ = self.goal_types
        lamps: Sequence[int] = ()
        if self.form.task_type == LOOK:
            lamps = [o for o in of_type.get(first, ()) if o in marked["toggleable"]]
            first, second = second, ""
        wanted: Sequence[int] = of_type.get(first, ())
        if self.form.needs:
            wanted = [o for o in wanted if o in marked[self.form.needs]]
        return {
            **{name: marked[name] for name in _OBJECT_FACTS[:6]},
            "vessels": marked["isreceptacleobject"],
            **{name[2:]: marked[name] for name in _OBJECT_FACTS[7:]},
            "blades": tuple(sorted(o for kind in _BLADES for o in of_type.get(kind, ()))),
            "wanted": tuple(wanted),
            "targets": tuple(stands.get(second, ())),
            "lamps": tuple(lamps),
        }

    def _marked(self, predicate: str, numbers: Mapping[str, int]) -> Numbers:
        """The things of which a predicate of one argument holds."""
        return tuple(sorted({self._number_of(row[0], numbers) for row in self.facts[predicate]}))

    def _pairs(
        self, predicate: str, first: Mapping[str, int], second: Mapping[str, int]
    ) -> set[tuple[int, int]]:
        return {
            (self._number_of(a, first), self._number_of(b, second))
            for a, b in self.facts[predicate]
        }

    def _of_type(self, predicate: str, numbers: Mapping[str, int]) -> dict[str, list[int]]:
        """Type -> the things of that type, ascending."""
        table: dict[str, list[int]] = defaultdict(list)
        for thing, kind in self.facts[predicate]:
            table[kind].append(self._number_of(thing, numbers))
        return {kind: sorted(things) for kind, things in table.items()}

    def _number_of(self, id: str, numbers: Mapping[str, int]) -> int:
        number = numbers.get(id)
        if number is None:
            raise _Unknown(f"{id!r} is used as something that it is not")
        return number


def _facts(text: str) -> dict[str, list[tuple[str, ...]]]:
    """Predicate -> its rows of arguments."""
    table: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for predicate, arguments in _FACT.findall(text):
        row = tuple(arguments.split())
        if predicate in _COSTS:
            continue
        if _ARITY.get(predicate) != len(row):
            raise _Unknown(f"it starts with the fact ({predicate}{arguments})")
        table[predicate].append(row)
    return table


def _declared(text: str) -> dict[str, str]:
    """Object -> type, from ``a b - type c - type``."""
    types: dict[str, str] = {}
    waiting: list[str] = []
    words = iter(text.split())
    for word in words:
        if word == "-":
            kind = next(words, "")
            types.update((name, kind) for name in waiting)
            waiting = []
        else:
            waiting.append(word)
    return types
