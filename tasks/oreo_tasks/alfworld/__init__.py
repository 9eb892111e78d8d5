"""ALFWorld: household tasks, official games or our own."""

import importlib
import os
from collections.abc import Sequence
from typing import Protocol, cast

from oreo_tasks.alfworld.games import (
    OFFICIAL_CHECKSUMS,
    OFFICIAL_COUNTS,
    SPLITS,
    TASK_TYPES,
    check_split,
    find_games,
    games_checksum,
    read_game,
)
from oreo_tasks.task import Holding, Instance

GENERATED = "generated"


class _Generator(Protocol):
    """What `oreo_tasks.alfworld.generator` offers."""

    TIERS: tuple[str, ...]

    def instances(self, split: str, tier: str) -> list[Instance]: ...

    def game_text(self, instance_id: str) -> str: ...

    def fingerprint(self, split: str, tier: str) -> str: ...


class Alfworld:
    """Household tasks in six types, each game one instance ``"<task folder>/<trial folder>"``.

    ``data`` is a folder of official games, or ``"generated"`` or ``"generated:TIER"`` for our own;
    None takes what the environment variable ``ALFWORLD_DATA`` says, else our own games.
    """

    name = "alfworld"
    environment = "oreo/ALFWorld-v0"
    step_limit = 40

    def splits(self) -> Sequence[str]:
        """The names of the splits, training first."""
        return SPLITS

    def instances(self, split: str, data: str | None = None) -> list[Instance]:
        """All playable games of ``split``, sorted by id; games marked unsolvable are left out.

        Raises:
            FileNotFoundError: ``data`` holds no games of this split.
            LookupError: there is no such split or tier.
            ValueError: a game file is broken.
        """
        check_split(split)
        data = data_source(data)
        tier = generated_tier(data)
        if tier is not None:
            return _generator().instances(split, tier)
        return [
            Instance(id=id, task=self.name, split=split, task_type=task_type_of(id))
            for id in find_games(data, split)
        ]

    def fingerprint(self, split: str, data: str | None = None) -> str:
        """A checksum of the split's playable games: equal exactly if the games are."""
        check_split(split)
        data = data_source(data)
        tier = generated_tier(data)
        if tier is not None:
            return _generator().fingerprint(split, tier)
        return games_checksum(data, split)

    def holding(self, split: str, data: str) -> Holding:
        """What a folder of official games holds of ``split``; raises what `instances` raises."""
        return Holding(
            count=len(find_games(data, split)),
            official=OFFICIAL_COUNTS.get(split),
            checksum=games_checksum(data, split),
            releases=OFFICIAL_CHECKSUMS.get(split, {}),
        )

    def game_text(self, instance_id: str, split: str, data: str | None = None) -> str:
        """The content of the game's ``game.tw-pddl``; also of one that is marked unsolvable.

        Raises:
            LookupError: the split has no such game.
            FileNotFoundError: ``data`` does not hold the split.
            ValueError: the file is not text.
        """
        check_split(split)
        data = data_source(data)
        if generated_tier(data) is not None:
            return _generator().game_text(instance_id)
        return read_game(data, split, instance_id)


def data_source(data: str | None) -> str:
    """``data`` itself, or what stands for None: ALFWORLD_DATA, else our own games."""
    return data or os.environ.get("ALFWORLD_DATA") or GENERATED


def generated_tier(data: str) -> str | None:
    """The tier of ``generated:TIER``, the first one of ``generated``; None for a folder.

    Raises:
        LookupError: there is no such tier.
    """
    kind, _, tier = data.partition(":")
    if kind != GENERATED:
        return None
    tiers = _generator().TIERS
    if tier and tier not in tiers:
        known = ", ".join(tiers)
        raise LookupError(f"no tier of generated games is called {tier!r}; known: {known}")
    return tier or tiers[0]


def _generator() -> _Generator:
    """Imported when first needed: it reads tables that official games do without."""
    return cast(_Generator, importlib.import_module("oreo_tasks.alfworld.generator"))


def task_type_of(instance_id: str) -> str:
    """The task type that an id names; "" if it names none of the six."""
    kind = instance_id.partition("-")[0]
    return kind if kind in TASK_TYPES else ""
