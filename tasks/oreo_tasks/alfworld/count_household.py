"""Count `household.json`: ``python -m oreo_tasks.alfworld.count_household DIR``.

DIR is the folder of the train split, with ``<task>/<trial>/game.tw-pddl`` below it.
"""

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOMS = {0: "kitchen", 2: "livingroom", 3: "bedroom", 4: "bathroom"}
"""Hundreds of the floor plan's number -> kind of room."""
TRAITS = (
    "pickupable", "cleanable", "heatable", "coolable", "sliceable", "toggleable",
    "isReceptacleObject",
)  # fmt: skip
_FACT = re.compile(r"\((\w+) ([\w-]+)(?: ([\w-]+))?\)")


class Count:
    """The running counts; `add` a game at a time, then read `table`."""

    def __init__(self) -> None:
        self._homes: Counter[str] = Counter()
        self._receptacles: dict[str, dict[str, Counter[int]]] = _nested()
        self._objects: dict[str, dict[str, Counter[int]]] = _nested()
        self._holding: dict[str, Counter[str]] = defaultdict(Counter)
        self._standing: dict[str, Counter[str]] = defaultdict(Counter)
        self._openable: Counter[str] = Counter()
        self._total: Counter[str] = Counter()
        self._fits: dict[str, set[str]] = defaultdict(set)
        self._traits: dict[str, Counter[str]] = defaultdict(Counter)
        self._number: Counter[str] = Counter()
        self._goals: dict[str, dict[str, Counter[str]]] = _nested()

    def add(self, task: str, problem: str) -> None:
        """Count one game.

        Args:
            task: the task folder, ``<type>-<object>-None-<target>-<floor plan>``.
            problem: the game's PDDL problem.
        """
        task_type, thing, _, target, plan = task.split("-")
        room = ROOMS[int(plan) // 100]
        self._homes[room] += 1
        self._goals[task_type][room][f"{thing} {target}"] += 1
        facts: dict[str, list[tuple[str, str]]] = defaultdict(list)
        start, end = problem.index("(:init"), problem.index("(:goal")
        for name, a, b in _FACT.findall(problem, start, end):
            facts[name].append((a, b))
        places = {r: kind.removesuffix("Type") for r, kind in facts["receptacleType"]}
        things = {o: kind.removesuffix("Type") for o, kind in facts["objectType"]}
        for place, number in Counter(places.values()).items():
            self._receptacles[room][place][number] += 1
            self._total[place] += number
        self._openable.update(places[r] for r, _ in facts["openable"])
        for place, kind in facts["canContain"]:
            self._fits[place.removesuffix("Type")].add(kind.removesuffix("Type"))
        self._number.update(things.values())
        for trait in TRAITS:
            for o in {o for o, _ in facts[trait]} & things.keys():
                self._traits[things[o]][trait] += 1
        lying = {o: r for o, r in facts["inReceptacle"] if o in things}
        for kind, number in Counter(things[o] for o in lying).items():
            self._objects[room][kind][number] += 1
            self._standing[kind].update(places.values())
            self._holding[kind].update(
                places[r] for r in {r for o, r in lying.items() if things[o] == kind}
            )

    def table(self) -> dict[str, Any]:
        """The counts, ready for JSON; classes that no game can use are left out."""
        lying = {kind for room in self._objects.values() for kind in room}
        return {
            "rooms": {
                room: {
                    "homes": self._homes[room],
                    "receptacles": _plain(self._receptacles[room]),
                    "objects": _plain(self._objects[room]),
                }
                for room in sorted(self._homes)
            },
            "holds": {
                kind: {
                    place: [self._holding[kind][place], self._standing[kind][place]]
                    for place in sorted(self._holding[kind])
                }
                for kind in sorted(self._holding)
            },
            "openable": {
                place: [self._openable[place], self._total[place]] for place in sorted(self._total)
            },
            "fits": {
                place: sorted(self._fits[place] & lying)
                for place in sorted(self._fits)
                if place in self._total
            },
            "traits": {
                kind: [t for t in TRAITS if 2 * self._traits[kind][t] > self._number[kind]]
                for kind in sorted(lying)
            },
            "goals": _plain(self._goals),
        }


def _nested() -> dict[str, dict[str, Any]]:
    return defaultdict(lambda: defaultdict(Counter))


def _plain(table: Any) -> Any:
    """Nested counters as nested plain tables, in order of their keys."""
    return {k: _plain(v) if isinstance(v, dict) else v for k, v in sorted(table.items())}


def count(games: Iterable[Path]) -> dict[str, Any]:
    """The counts over these ``game.tw-pddl`` files."""
    counts = Count()
    for path in games:
        counts.add(path.parts[-3], json.loads(path.read_text("utf-8"))["pddl_problem"])
    return counts.table()


def main(folder: str) -> None:
    """Count the games below ``folder`` and write the table beside this file."""
    games = sorted(Path(folder).glob("*/*/game.tw-pddl"))
    if not games:
        raise SystemExit(f"no game.tw-pddl below {folder}; give the folder of the train split")
    target = Path(__file__).with_name("household.json")
    rows = (f'"{key}": {json.dumps(row)}' for key, row in count(games).items())
    target.write_text("{" + ",\n".join(rows) + "}\n", "utf-8")
    print(f"{len(games)} games counted into {target.name}")


if __name__ == "__main__":
    main(sys.argv[1])
