"""The games of one split, compiled when first played and kept: in memory and on disk.

On disk a split is one file, ``oreo-agent/alfworld/games-<split>-<checksum>.msgpack`` in the user's
cache folder. Its name follows from the bytes of all the split's games and from the code that
compiles them, so it never goes stale. Any number of processes may read and write it: each writes a
whole new file and renames it into place; what another one added meanwhile is at worst compiled
again. Of our own games, the code that makes them takes the place of their bytes.
"""

import functools
import hashlib
from collections import OrderedDict
from pathlib import Path

import msgspec
import numpy as np

from oreo_envs.alfworld.compile import compile_game
from oreo_envs.alfworld.game import Game
from oreo_envs.alfworld.world import World
from oreo_tasks import alfworld
from oreo_tasks.alfworld import Alfworld, data_source, generated_tier
from oreo_tasks.alfworld.games import check_split
from oreo_tasks.cache import keep, read_cached

IN_MEMORY = 1024
"""Games kept ready to play, by default; each takes about 15 KB."""
_FLUSH_AT = 64
"""Newly compiled games that are worth writing the file anew."""
_SOURCES = ("compile.py", "game.py", "goals.py", "rules.py")

_GAME = msgspec.msgpack.Decoder(Game)
_FILE = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])


class Shelf:
    """Games of one split of one data folder."""

    def __init__(self, split: str, data: str | None = None, *, in_memory: int = IN_MEMORY) -> None:
        """Find the split; our own games are listed when the list is needed.

        Args:
            split: ``train``, ``valid_train``, ``valid_seen`` or ``valid_unseen``.
            data: as in `oreo_tasks.task.Task.instances`.
            in_memory: how many games are kept ready; the one played longest ago makes room.

        Raises:
            FileNotFoundError, LookupError, ValueError: as in `Alfworld.instances`.
        """
        self.split = split
        self.data = data_source(data)
        self._task = Alfworld()
        self._generated = generated_tier(self.data) is not None
        if self._generated:
            check_split(split)
        else:
            _ = self.ids  # a folder without games is told of now, not at the first reset
        self._in_memory = in_memory
        self._ready: OrderedDict[str, World] = OrderedDict()
        self._fresh: dict[str, msgspec.Raw] = {}

    @functools.cached_property
    def ids(self) -> tuple[str, ...]:
        """The split's instances, sorted."""
        return tuple(instance.id for instance in self._task.instances(self.split, self.data))

    def text(self, id: str) -> str:
        """The content of the game's file.

        Raises:
            LookupError: the split has no such game.
        """
        return self._task.game_text(id, self.split, self.data)

    def world(self, id: str) -> World:
        """A world at the beginning of that game.

        Raises:
            LookupError: the split has no such game.
            UnknownGameError: the interpreter cannot play it.
        """
        pristine = self._ready.get(id)
        if pristine is None:
            pristine = self._ready[id] = World(self.game(id))
            if len(self._ready) > self._in_memory:
                self._ready.popitem(last=False)
        else:
            self._ready.move_to_end(id)
        return pristine.copy()

    def game(self, id: str) -> Game:
        """The compiled game, from disk if it is there. Errors as in `world`."""
        if not self._generated and id not in self._known:
            # Asked for by name though marked unsolvable: the file's name says nothing about it.
            return compile_game(self.text(id), id=id)
        kept = self._fresh.get(id) or self._stored.get(id)
        if kept is not None:
            return _GAME.decode(kept)
        game = compile_game(self.text(id), id=id)
        self._fresh[id] = msgspec.Raw(msgspec.msgpack.encode(game))
        if len(self._fresh) >= max(_FLUSH_AT, len(self._stored) // 4):
            self.flush()
        return game

    def flush(self) -> None:
        """Write what was compiled since the last time."""
        if self._fresh:
            self._stored = {**_read(self._file), **self._fresh}
            self._fresh = {}
            keep(self._file, msgspec.msgpack.encode(self._stored))

    @functools.cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.ids)

    @functools.cached_property
    def _file(self) -> str:
        code = hashlib.sha256()
        for name in _SOURCES:
            code.update(Path(__file__).with_name(name).read_bytes())
        if self._generated:
            # A game of ours follows from its id and the generator; no need to list the split.
            games = _generator_print()
        else:
            games = self._task.fingerprint(self.split, self.data)
        return f"alfworld/games-{self.split}-{games}-{code.hexdigest()[:8]}.msgpack"

    @functools.cached_property
    def _stored(self) -> dict[str, msgspec.Raw]:
        return _read(self._file)


def open_shelf(split: str, data: str | None = None) -> Shelf:
    """The shelf that all environments of this process share; errors as in `Shelf`."""
    return _shared_shelf(split, data_source(data))


@functools.lru_cache(maxsize=8)
def _shared_shelf(split: str, data: str) -> Shelf:
    return Shelf(split, data)


class Order:
    """A split's instances one after the other: shuffled, each once, then shuffled anew."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._left: list[int] = []

    def restart(self) -> None:
        """Forget what is left of this round."""
        self._left = []

    def next(self, rng: np.random.Generator) -> str:
        """The next instance id."""
        if not self._left:
            self._left = rng.permutation(len(self._shelf.ids)).tolist()
        return self._shelf.ids[self._left.pop()]


@functools.cache
def _generator_print() -> str:
    """A checksum of all that our own games are made by."""
    digest = hashlib.sha256()
    folder = Path(alfworld.__file__).parent
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _read(name: str) -> dict[str, msgspec.Raw]:
    content = read_cached(name)
    try:
        return {} if content is None else _FILE.decode(content)
    except msgspec.DecodeError:
        return {}
