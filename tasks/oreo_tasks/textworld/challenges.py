"""TextWorld's own kinds of games, their levels, and which game an id stands for.

A game follows from its challenge, its level and its seed alone, given TextWorld's version.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SEEDS = {"train": 0, "valid": 1_000_000, "test": 2_000_000, "unseen": 3_000_000}
"""Game i of a split is made with this seed + i, so no seed is in two splits."""
SIZES = {"train": 500, "valid": 100, "test": 100, "unseen": 100}
"""Games of a split; each takes two to three seconds to make, when it is first asked for."""
_ID = re.compile(r"(?P<level>[\w-]+)/(?P<split>[a-z]+)/(?P<number>\d{5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A kind of games."""

    name: str
    """Of the task, behind ``textworld-``."""
    maker: str
    """What ``tw-make`` calls it."""
    levels: Sequence[str]
    """All that there are."""
    usual: str
    """The level that is meant where none is named."""
    settings: Callable[[str, str, int], dict[str, Any]]
    """What ``tw-make`` is told of level, split and seed."""
    unseen: bool = False
    """Whether it has a split ``unseen``, of things that are in no game of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that decides a game."""

    challenge: str
    """As ``tw-make`` calls it."""
    settings: Mapping[str, Any]
    seed: int


_MEALS: dict[str, dict[str, Any]] = {
    "1": {"recipe": 1, "take": 1, "go": 1, "cut": True, "cook": False},
    "2": {"recipe": 1, "take": 1, "go": 1, "cut": True, "cook": True},
    "3": {"recipe": 1, "take": 1, "go": 9, "cut": False, "cook": False},
    "4": {"recipe": 3, "take": 3, "go": 6, "cut": True, "cook": True},
}
"""The levels 1 to 4 of arXiv:2002.09127 in ingredients, rooms, cutting and cooking."""


def _level(level: str, split: str, seed: int) -> dict[str, Any]:
    return {"level": int(level)}


def _simple(level: str, split: str, seed: int) -> dict[str, Any]:
    return {"rewards": "sparse", "goal": level, "test": split == "unseen"}


def _cooking(level: str, split: str, seed: int) -> dict[str, Any]:
    foods = "test" if split == "unseen" else "train"
    fixed = {"open": True, "drop": False, "recipe_seed": seed, "split": foods}
    return {**_MEALS[level], **fixed}


CHALLENGES: Mapping[str, Challenge] = {
    challenge.name: challenge
    for challenge in (
        Challenge(
            name="simple",
            maker="tw-simple",
            levels=("detailed", "brief", "none"),
            usual="detailed",
            settings=_simple,
            unseen=True,
        ),
        Challenge(
            name="coin-collector",
            maker="tw-coin_collector",
            # of 201 to 300 there are three rooms a step; the format of the games holds 100 rooms
            levels=[str(n) for n in (*range(1, 151), *range(201, 234))],
            usual="5",
            settings=_level,
        ),
        Challenge(
            name="treasure-hunter",
            maker="tw-treasure_hunter",
            levels=[str(n) for n in range(1, 31)],
            usual="5",
            settings=_level,
        ),
        Challenge(
            name="cooking",
            maker="tw-cooking",
            levels=tuple(_MEALS),
            usual="2",
            settings=_cooking,
            unseen=True,
        ),
    )
}


def splits_of(challenge: Challenge) -> tuple[str, ...]:
    """The names of its splits, training first."""
    return tuple(split for split in SEEDS if split != "unseen" or challenge.unseen)


def level_of(challenge: Challenge, data: str | None) -> str:
    """The level that ``data`` names: ``"3"`` or ``"generated:3"``; the usual one for None.

    Raises:
        LookupError: there is no such level.
    """
    level = (data or "").removeprefix("generated").removeprefix(":") or challenge.usual
    if level not in challenge.levels:
        raise LookupError(
            f"textworld-{challenge.name} has no level {level!r}; name one with "
            f"--data generated:LEVEL: {_told(challenge.levels)}"
        )
    return level


def ids_of(challenge: Challenge, split: str, level: str) -> list[str]:
    """The ids of a split's games in a level, sorted."""
    return [f"{level}/{split}/{n:05d}" for n in range(SIZES[split])]


def recipe_of(challenge: Challenge, instance: str) -> Recipe:
    """The game that an id stands for.

    Raises:
        LookupError: there is no such game.
    """
    found = _ID.fullmatch(instance)
    if (
        found is None
        or found["level"] not in challenge.levels
        or found["split"] not in splits_of(challenge)
        or int(found["number"]) >= SIZES[found["split"]]
    ):
        raise LookupError(
            f"textworld-{challenge.name} has no game {instance!r}: an id looks like "
            f"'{challenge.usual}/train/00012'"
        )
    seed = SEEDS[found["split"]] + int(found["number"])
    return Recipe(
        challenge=challenge.maker,
        settings=challenge.settings(found["level"], found["split"], seed),
        seed=seed,
    )


def _told(levels: Sequence[str]) -> str:
    if len(levels) <= 5:
        return ", ".join(levels)
    runs: list[list[int]] = []
    for number in map(int, levels):
        if runs and runs[-1][-1] == number - 1:
            runs[-1][-1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first} to {last}" for first, last in runs)
