"""Where one game at a time is played, by our interpreter or by the stock engine."""

import importlib
from typing import Protocol

from oreo_envs.alfworld.shelf import Shelf
from oreo_envs.alfworld.world import NOTHING_HAPPENS, World

ENGINES = ("native", "textworld")


class Stage(Protocol):
    """One live game after another."""

    instance: str
    """The game being played; "" before the first."""
    task_type: str

    def begin(self, instance: str) -> str:
        """Start that game; returns its first observation."""
        ...

    def step(self, command: str) -> str:
        """Do ``command``; returns what the game says."""
        ...

    def admissible(self) -> list[str]:
        """The commands that are possible now, sorted; the caller's own copy."""
        ...

    @property
    def won(self) -> bool:
        """Whether the goal is reached now."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class NativeStage:
    """Games played by our interpreter."""

    def __init__(self, shelf: Shelf) -> None:
        self.instance = ""
        self.task_type = ""
        self._shelf = shelf
        self._world: World | None = None

    def begin(self, instance: str) -> str:
        """Start that game; errors as in `Shelf.world`."""
        world = self._shelf.world(instance)
        self._world = world
        self.instance = instance
        self.task_type = world.game.task_type
        return world.intro

    def step(self, command: str) -> str:
        """Do ``command``."""
        return self._playing.step(command)

    def admissible(self) -> list[str]:
        """The commands that are possible now."""
        return self._playing.admissible()

    @property
    def won(self) -> bool:
        """Whether the goal is reached now."""
        return self._playing.won

    def close(self) -> None:
        """Keep on disk what was compiled."""
        self._shelf.flush()

    @property
    def _playing(self) -> World:
        if self._world is None:
            raise RuntimeError("no game has begun; reset the environment first")
        return self._world


def open_stage(engine: str, shelf: Shelf) -> Stage:
    """A stage for the games of ``shelf``.

    Args:
        engine: ``native``, our interpreter; or ``textworld``, the stock engine (extra [stock]).
        shelf: the games.

    Raises:
        LookupError: there is no such engine.
        ImportError: the stock engine is not installed.
    """
    if engine == "native":
        return NativeStage(shelf)
    if engine == "textworld":
        # Not imported above: the stock engine is optional, and takes seconds to load.
        return importlib.import_module("oreo_envs.alfworld.stock").StockStage(shelf)
    raise LookupError(f"ALFWorld has no engine {engine!r}; known: {', '.join(ENGINES)}")


def understood(said: str) -> bool:
    """Whether the last command was one of the admissible ones."""
    return said != NOTHING_HAPPENS
