"""TextWorld games as tasks: those of a folder, and four kinds that are made when they are needed.

``--data`` of ``textworld`` names a game file or a folder of them; of the others, a level
(``generated:3``). Playing and making need the extra ``[stock]``.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from oreo_tasks.questions.problem import check_known
from oreo_tasks.task import Instance
from oreo_tasks.textworld import games
from oreo_tasks.textworld.challenges import (
    CHALLENGES,
    ids_of,
    level_of,
    recipe_of,
    splits_of,
)

SPLITS = ("train", "valid", "test")
ENDINGS = (".z8", ".tw-pddl")
STEP_LIMIT = 50


class TextWorld:
    """Game files of your own: ``FOLDER/train/*.z8`` and so on, each with its ``.json`` beside it.

    A folder without folders of splits, and a single file, are all of the split ``train``.
    """

    name = "textworld"
    environment = "oreo/TextWorld-v0"
    step_limit = STEP_LIMIT

    def splits(self) -> Sequence[str]:
        """The names of the splits, training first."""
        return SPLITS

    def instances(self, split: str, data: str | None = None) -> list[Instance]:
        """The games of ``split``, sorted by their paths below the folder.

        Raises:
            FileNotFoundError: there are none.
            LookupError: there is no such split, or no folder was named.
            ValueError: a game file has no ``.json`` beside it.
        """
        check_known(split, self.splits(), self.name, "split")
        return [
            Instance(id=each, task=self.name, split=split, task_type="")
            for each in sorted(_files(split, data))
        ]

    def fingerprint(self, split: str, data: str | None = None) -> str:
        """A checksum of the files."""
        digest = hashlib.sha256()
        for name, path in sorted(_files(split, data).items()):
            digest.update(name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]

    def path(self, instance: str, split: str, data: str | None = None) -> Path:
        """The game file of that id.

        Raises:
            LookupError: there is no such game.
        """
        found = _files(split, data)
        check_known(instance, list(found), f"the split {split!r} of {data}", "game")
        return found[instance]


class _Made:
    """Games of a challenge, with ids as ``5/train/00012``; each is made when it is first needed."""

    kind = ""
    step_limit = STEP_LIMIT
    environment = ""

    def __init__(self) -> None:
        self._challenge = CHALLENGES[self.kind]
        self.name = f"textworld-{self.kind}"

    def splits(self) -> Sequence[str]:
        """The names of the splits, training first."""
        return splits_of(self._challenge)

    def instances(self, split: str, data: str | None = None) -> list[Instance]:
        """The games of ``split`` in a level; none is made yet.

        Raises:
            LookupError: there is no such split or level.
        """
        check_known(split, self.splits(), self.name, "split")
        level = level_of(self._challenge, data)
        return [
            Instance(id=each, task=self.name, split=split, task_type=f"{self.kind} {level}")
            for each in ids_of(self._challenge, split, level)
        ]

    def fingerprint(self, split: str, data: str | None = None) -> str:
        """A checksum of what decides the games: ids and versions."""
        told = [games.version(), *(instance.id for instance in self.instances(split, data))]
        return hashlib.sha256("\0".join([self.name, *told]).encode()).hexdigest()[:16]

    def prepare(
        self, instances: Iterable[str], data: str | None = None, tell: games.Tell | None = None
    ) -> None:
        """Make those of the games that are not there, several at a time.

        Raises:
            LookupError: there is no such game, or TextWorld is not installed.
            RuntimeError: a game cannot be made.
        """
        games.prepare(self._challenge, instances, tell)

    def path(self, instance: str, split: str, data: str | None = None) -> Path:
        """The game file of that id, which is made if it is not there.

        Raises:
            LookupError: there is no such game, or TextWorld is not installed.
            RuntimeError: the game cannot be made.
        """
        recipe_of(self._challenge, instance)
        games.prepare(self._challenge, [instance])
        return games.game_of(self._challenge, instance)


class Simple(_Made):
    """Fetch a thing and put it in its place, in a house; levels are how much of it is told."""

    kind = "simple"
    environment = "oreo/TextWorldSimple-v0"


class CoinCollector(_Made):
    """Find a coin at the end of a chain of rooms; from level 101 on with dead ends."""

    kind = "coin-collector"
    environment = "oreo/TextWorldCoinCollector-v0"


class TreasureHunter(_Made):
    """Find a thing behind doors and in boxes, among others that are not it."""

    kind = "treasure-hunter"
    environment = "oreo/TextWorldTreasureHunter-v0"


class Cooking(_Made):
    """Cook by a recipe; ``unseen`` are foods that no other split has."""

    kind = "cooking"
    environment = "oreo/TextWorldCooking-v0"


def _files(split: str, data: str | None) -> dict[str, Path]:
    """The game files of a split by their ids."""
    if not data:
        kinds = ", ".join(f"textworld-{kind}" for kind in CHALLENGES)
        raise FileNotFoundError(
            "name a game file (.z8, .tw-pddl) or a folder of them with --data; or take a task "
            f"whose games are made: {kinds}"
        )
    root = Path(data).expanduser()
    if not root.exists():
        raise FileNotFoundError(f"there is no file or folder {data}; see that the path is right")
    if root.is_file():
        found = [root] if split == "train" else []
        root = root.parent
    elif any((root / each).is_dir() for each in SPLITS):
        found = (root / split).rglob("*")
    else:
        found = root.rglob("*") if split == "train" else []
    games = sorted(path for path in found if path.name.endswith(ENDINGS))
    if not games:
        raise FileNotFoundError(
            f"{data} holds no game ({', '.join(ENDINGS)}) of the split {split!r}; put them into a "
            f"folder {split} in it, or play the split 'train', which a single file and a folder "
            "without such folders are"
        )
    for path in games:
        if path.suffix == ".z8" and not path.with_suffix(".json").exists():
            raise ValueError(
                f"{path} has no {path.with_suffix('.json').name} beside it, which tells its "
                "commands and whether it is won; tw-make writes both"
            )
    return {path.relative_to(root).as_posix(): path for path in games}
