"""Real games and a small hand-made one, for all tests of worlds."""

import json
import lzma
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oreo_envs.alfworld.game import Game


@dataclass(frozen=True)
class RealGame:
    id: str
    text: str


def in_old_words(command: str) -> str:
    """A command of the dialect "move" in the words of the dialect "put"."""
    return re.sub(r"^move (.+) to (.+)$", r"put \1 in/on \2", command)


class PackedGames:
    """The official games, straight from the packed files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with lzma.open(folder / "logic.json.xz", "rt", encoding="utf-8") as file:
            self.logic: dict[str, Any] = json.load(file)
        self._lines: dict[str, list[str]] = {}

    def sample(self, split: str, count: int, dialect: str = "move") -> list[RealGame]:
        """At most ``count`` games of a split, spread evenly over it."""
        return list(self.all(split, dialect, count))

    def all(self, split: str, dialect: str = "move", count: int = 0) -> Iterator[RealGame]:
        if split not in self._lines:
            with lzma.open(self._folder / f"{split}.jsonl.xz", "rt", encoding="utf-8") as file:
                self._lines[split] = file.readlines()
        lines = self._lines[split]
        step = max(1, len(lines) // count) if count else 1
        for line in lines[::step][: count or None]:
            yield self._game(json.loads(line), dialect)

    def _game(self, record: dict[str, Any], dialect: str) -> RealGame:
        domain, grammar, _ = record[dialect]
        file = {
            "pddl_domain": self.logic["domains"][domain],
            "grammar": self.logic["grammars"][grammar].replace("\x00GOAL\x00", record["goal"]),
            "pddl_problem": record["problem"],
        }
        if "solvable" in record:
            file["solvable"] = record["solvable"]
        if "walkthrough" in record:
            words = in_old_words if dialect == "put" else str
            file["walkthrough"] = [words(command) for command in record["walkthrough"]]
        return RealGame(id=record["id"], text=json.dumps(file))


@pytest.fixture(scope="session")
def packed_games(shared_data: Path) -> PackedGames:
    return PackedGames(shared_data / "alfworld")


def lay_out(root: Path, split: str, games: list[RealGame]) -> Path:
    """Write games in the official layout; returns ``root``."""
    for game in games:
        folder = root / "json_2.1.1" / split / game.id
        folder.mkdir(parents=True)
        (folder / "game.tw-pddl").write_text(game.text, encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def data(packed_games: PackedGames, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder in the official layout with twelve games of train and six of valid_seen."""
    root = tmp_path_factory.mktemp("alfworld")
    lay_out(root, "train", packed_games.sample("train", 12))
    return str(lay_out(root, "valid_seen", packed_games.sample("valid_seen", 6)))


@pytest.fixture
def laid_out() -> Callable[[Path, str, list[RealGame]], Path]:
    return lay_out


@pytest.fixture
def kitchen() -> Game:
    """Seven objects and six receptacles; the drawer is part of the countertop's place."""
    return Game(
        id="kitchen/by-hand",
        goal="put a hot apple in countertop.",
        task_type="pick_heat_then_place_in_recep",
        dialect="move",
        walkthrough=(
            "go to fridge 1",
            "open fridge 1",
            "take apple 1 from fridge 1",
            "go to microwave 1",
            "heat apple 1 with microwave 1",
            "go to countertop 1",
            "move apple 1 to countertop 1",
        ),
        receptacles=(
            "cabinet 1", "countertop 1", "drawer 1", "fridge 1", "microwave 1", "sinkbasin 1",
        ),
        objects=("apple 1", "bowl 1", "desklamp 1", "egg 1", "knife 1", "mug 2", "mug 1"),
        locations=("loc 6", "loc 5", "loc 4", "loc 3", "loc 2", "loc 1"),
        places=(0, 1, 1, 2, 3, 4),
        start=5,
        openable=(0, 2, 3, 4),
        opened=(),
        contents=((5,), (2, 6), (4,), (0, 3), (), (1,)),
        fits=((1, 5, 6), (0, 1, 3, 4, 5, 6), (4, 5, 6), (0, 1, 3, 5, 6), (0, 3, 5, 6), (0, 1, 5)),
        washers=(5,),
        microwaves=(4,),
        fridges=(3,),
        lying=((0, 2), (1, 4), (2, 1), (3, 2), (4, 1), (5, 0), (6, 1)),
        pickupable=(0, 1, 3, 4, 5, 6),
        cleanable=(0, 1, 4, 5, 6),
        heatable=(0, 3, 5, 6),
        coolable=(0, 1, 3, 5, 6),
        toggleable=(2,),
        sliceable=(0, 3),
        blades=(4,),
        vessels=(1,),
        inside=((1, 4),),
        clean=(),
        hot=(),
        cool=(0,),
        sliced=(),
        toggled=(),
        wanted=(0,),
        targets=(1,),
        lamps=(),
    )  # fmt: skip
