"""Names of things in our generated problems: ids that carry a position, and what games print.

The form is that of the official problems, ``Cabinet_bar__plus_00_dot_50_bar__...``, since the
stock engine makes "cabinet 3" out of it.
"""

import random
from collections import Counter
from collections.abc import Iterable

_BASINS = {"SinkBasin": "Sink", "BathtubBasin": "Bathtub"}
"""Receptacles that are part of a larger thing, whose name their ids begin with."""
_REACH = 350
"""Half the width of a room in centimetres."""
_HEIGHT = 200


class IdMaker:
    """Makes ids at random positions; no two are equal."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng.random
        self._used: set[str] = set()

    def thing(self, kind: str) -> str:
        """The id of a receptacle or an object of class ``kind``."""
        front, back = kind, ""
        if whole := _BASINS.get(kind):
            front, back = whole, f"_bar_{kind}"
        while True:
            x, z = (int((2 * self._random() - 1) * _REACH) for _ in "xz")
            y = int(self._random() * _HEIGHT)
            id = f"{front}_bar_{_number(x)}_bar_{_number(y)}_bar_{_number(z)}{back}"
            if id not in self._used:
                self._used.add(id)
                return id

    def location(self) -> str:
        """The id of a place to stand at: a point of the grid, a direction and an angle."""
        while True:
            x, z = (int((2 * self._random() - 1) * 14) for _ in "xz")
            turn, angle = int(self._random() * 4), (30, 45, 60)[int(self._random() * 3)]
            parts = (str(n).replace("-", "_minus_") for n in (x, z, turn, angle))
            id = "_bar_".join(("loc", *parts))
            if id not in self._used:
                self._used.add(id)
                return id


def _number(centimetres: int) -> str:
    """A coordinate in metres, spelt as PDDL allows."""
    sign = "minus" if centimetres < 0 else "plus"
    metres, rest = divmod(abs(centimetres), 100)
    return f"_{sign}_{metres:02d}_dot_{rest:02d}"


def printed_names(ids: Iterable[str]) -> dict[str, str]:
    """What the game calls each thing: its class and a number that falls while ids rise."""
    kinds = {id: _printed_kind(id) for id in sorted(ids, key=str.lower)}
    left = Counter(kinds.values())
    names: dict[str, str] = {}
    for id, kind in kinds.items():
        names[id] = f"{kind} {left[kind]}"
        left[kind] -= 1
    return names


def _printed_kind(id: str) -> str:
    lower = id.lower()
    return lower.partition("_bar_")[0] + ("basin" if "basin" in lower else "")
