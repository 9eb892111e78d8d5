"""Household games of our own, without end: no download, and as hard as one wants them.

Homes are furnished by what real homes look like (`household`). A game follows from its id alone,
so a split is a list of ids. Each game has its objects where such things mostly are, closed doors,
other objects of the same class and many of others; each can be won, and its walkthrough does.

Tiers: ``small`` has homes of 4 to 6 receptacles with 6 to 10 objects, to be searched in a few
turns; ``medium`` 10 to 16 receptacles with about 19 objects (16 to 24, fewer where a bathroom has
no more); ``full`` homes like official ones, 8 to 40 receptacles with about 32 objects (9 to 60).
The expert needs about 6, 7.6 and 8.4 turns for what walkthroughs do in 5.6 to 5.8.

Splits: ``train`` has hundreds of floor plans for each kind of room; ``valid_train`` and
``valid_seen`` play in some of the same plans with other placements and goals; the plans of
``valid_unseen`` are never trained on.
"""

import functools
import hashlib
import random
import re
from pathlib import Path
from typing import NamedTuple

from oreo_tasks.alfworld.floor_plans import ROOMS, TIER_SIZES, TRAIN_PLANS, UNSEEN_PLANS, floor_plan
from oreo_tasks.alfworld.game_file import game_json, sentences
from oreo_tasks.alfworld.games import GAME_FILE, SPLITS, TASK_TYPES
from oreo_tasks.alfworld.household import household
from oreo_tasks.alfworld.placements import Goal, draw_goal, furnish, is_possible
from oreo_tasks.task import Instance

TIERS = tuple(TIER_SIZES)
SIZES = {"train": 3600, "valid_train": 200, "valid_seen": 200, "valid_unseen": 200}
"""Games a split has unless asked for more."""
VERSION = 1
"""Raised whenever a game of a given id becomes another one."""
_SAMPLE = 20
"""Games that a fingerprint reads; all of them would take seconds."""
_LETTERS = {"train": "t", "valid_train": "v", "valid_seen": "s", "valid_unseen": "u"}
_PLANS = {"train": TRAIN_PLANS, "valid_unseen": UNSEEN_PLANS}
_ID = re.compile(
    r"(?P<type>\w+)-(?P<thing>\w+)-None-(?P<target>\w+)-(?P<plan>\d+)"
    r"/trial_(?P<tier>[a-z]+)_[tvsu]\d{5}"
)


class _Numbered(NamedTuple):
    """A game: what its id says."""

    goal: Goal
    plan: int
    trial: str

    @property
    def id(self) -> str:
        goal = self.goal
        return f"{goal.task_type}-{goal.thing}-None-{goal.target}-{self.plan}/{self.trial}"


def instances(split: str, tier: str, count: int | None = None) -> list[Instance]:
    """The games of a split, sorted by id; no game is made yet.

    Args:
        split: one of ``train``, ``valid_train``, ``valid_seen``, ``valid_unseen``.
        tier: one of `TIERS`.
        count: how many; None takes `SIZES`. More games include those of a smaller count.

    Raises:
        LookupError: there is no such split or tier.
    """
    _check(split, tier)
    games = (_draw(split, tier, n) for n in range(SIZES[split] if count is None else count))
    rows = [
        Instance(id=game.id, task="alfworld", split=split, task_type=game.goal.task_type)
        for game in games
    ]
    return sorted(rows, key=lambda row: row.id)


def game_text(instance_id: str) -> str:
    """The content of the ``game.tw-pddl`` of a game.

    Raises:
        LookupError: the id is not one of a generated game.
    """
    found = _ID.fullmatch(instance_id)
    if found is None or found["tier"] not in TIERS:
        raise LookupError(f"{instance_id!r} is no generated game: an id looks like {_example()!r}")
    tier = found["tier"]
    goal = Goal(found["type"], found["thing"], found["target"])
    plan = floor_plan(tier, int(found["plan"]))
    if not is_possible(goal, tier, plan.number):
        raise LookupError(f"{instance_id!r} is no generated game: its home does not allow its goal")
    rng = random.Random(f"game {VERSION} {instance_id}")
    sentence = rng.choice(sentences(goal))
    return game_json(goal, sentence, plan, furnish(goal, tier, plan, rng))


def fingerprint(split: str, tier: str) -> str:
    """A checksum of a split's games: all ids, what games are made from, and a few whole games."""
    ids = [instance.id for instance in instances(split, tier)]
    parts = [str(VERSION), repr(household()), *ids]
    parts += [game_text(id) for id in ids[:: len(ids) // _SAMPLE]]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def export(folder: str | Path, split: str, tier: str, limit: int | None = None) -> int:
    """Write games in the official layout, for the stock engine or for anybody else.

    Args:
        folder: what ``ALFWORLD_DATA`` is to be; games go to ``json_2.1.1/<split>`` below it.
        split: which games.
        tier: which games.
        limit: how many at most, spread over the task types.

    Returns:
        How many games were written.

    Raises:
        LookupError: there is no such split or tier.
    """
    rows = instances(split, tier, limit)
    for row in rows:
        file = Path(folder) / "json_2.1.1" / split / row.id / GAME_FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(game_text(row.id), "utf-8")
    return len(rows)


def _check(split: str, tier: str) -> None:
    if split not in SPLITS:
        raise LookupError(f"ALFWorld has no split {split!r}; known: {', '.join(SPLITS)}")
    if tier not in TIERS:
        known = ", ".join(TIERS)
        raise LookupError(f"no tier of generated games is called {tier!r}; known: {known}")


@functools.lru_cache(maxsize=16384)
def _draw(split: str, tier: str, n: int) -> _Numbered:
    """Game number ``n`` of a split: types take turns; room, plan and goal are drawn."""
    task_type = TASK_TYPES[n % len(TASK_TYPES)]
    rng = random.Random(f"draw {split} {tier} {n}")
    trial = f"trial_{tier}_{_LETTERS[split]}{n:05d}"
    while True:
        if split in ("valid_train", "valid_seen"):
            # the plan of any training game of the same type
            turn = rng.randrange(SIZES["train"] // len(TASK_TYPES))
            plan = _draw("train", tier, turn * len(TASK_TYPES) + n % len(TASK_TYPES)).plan
        else:
            plan = _room(task_type, rng) + rng.choice(_PLANS[split])
        goal = draw_goal(task_type, tier, plan, rng)
        if goal is not None:
            return _Numbered(goal, plan, trial)


def _room(task_type: str, rng: random.Random) -> int:
    """The first plan of a kind of room, as often as official games of a type play there."""
    rooms = household().goals[task_type]
    (room,) = rng.choices(list(rooms), [sum(goals.values()) for goals in rooms.values()])
    return ROOMS[room]


def _example() -> str:
    return _draw("train", TIERS[0], 0).id
