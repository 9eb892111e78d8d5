"""Game files: where they are kept, and how those that are missing are made side by side."""

import contextlib
import functools
import importlib.metadata
import json
import os
from collections import deque
from collections.abc import Callable, Iterable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from oreo_tasks.cache import cache_folder
from oreo_tasks.programs import end_program, start_program
from oreo_tasks.textworld.challenges import Challenge, recipe_of

PATIENCE = 300.0
"""Seconds in which one of the makers must have made a game; it takes two or three."""
VERSION = 1
"""Raised whenever a game of a given id becomes another one."""
REMEDY = "pip install 'oreo-agent[stock]'"
_PROGRAM = "oreo_tasks.textworld.maker"

Tell = Callable[[int, int], None]
"""Hears how many games of how many are made."""


@functools.cache
def version() -> str:
    """Of TextWorld and of our settings: what decides games beside their ids.

    Raises:
        LookupError: TextWorld is not installed.
    """
    try:
        return f"{importlib.metadata.version('textworld')}-{VERSION}"
    except importlib.metadata.PackageNotFoundError as error:
        raise LookupError(f"TextWorld is not installed: {REMEDY}") from error


def path_of(challenge: Challenge, instance: str) -> Path:
    """Where the game of that id lies, or will lie, without its ending."""
    return cache_folder() / "textworld" / version() / challenge.name / instance


def game_of(challenge: Challenge, instance: str) -> Path:
    """The file that is played."""
    path = path_of(challenge, instance)
    return path.with_name(f"{path.name}.z8")


def prepare(challenge: Challenge, instances: Iterable[str], tell: Tell | None = None) -> None:
    """Make the games that are not there yet, as many at a time as there are processors.

    Args:
        challenge: whose games they are.
        instances: their ids.
        tell: hears of every game that is made; not called if none is missing.

    Raises:
        LookupError: there is no such game, or TextWorld is not installed.
        RuntimeError: a game cannot be made; the message names it.
    """
    wanted = dict.fromkeys(instances)
    missing = [each for each in wanted if not game_of(challenge, each).exists()]
    if not missing:
        return
    crew = _Makers(challenge, missing)
    try:
        for done in crew.work():
            if tell is not None:
                tell(done, len(missing))
    finally:
        crew.dismiss()


class _Makers:
    """Processes that make games, and what is left to make."""

    def __init__(self, challenge: Challenge, instances: list[str]) -> None:
        self._challenge = challenge
        self._waiting = deque(instances)
        self._count = min(len(instances), os.cpu_count() or 1)
        self._lines: dict[Any, tuple[Any, str]] = {}
        """Of each line, its process and the game that it makes."""

    def work(self) -> Iterable[int]:
        """Make them all; yields how many are done."""
        done = 0
        for _ in range(self._count):
            process, line = start_program(_PROGRAM)
            self._lines[line] = (process, "")
            self._give(line)
        while self._lines:
            ready = wait(list(self._lines), timeout=PATIENCE)
            if not ready:
                stuck = ", ".join(name for _, name in self._lines.values())
                raise RuntimeError(f"no game was made in {PATIENCE:.0f} s; at work were {stuck}")
            for line in ready:
                self._hear(line)
                done += 1
                yield done

    def _hear(self, line: Any) -> None:
        name = self._lines[line][1]
        try:
            fault = line.recv_bytes().decode()
        except (EOFError, OSError):
            fault = "its process ended; is there room on the disk and in memory?"
        if fault:
            raise RuntimeError(f"textworld-{self._challenge.name}: {name!r} was not made: {fault}")
        self._give(line)

    def _give(self, line: Any) -> None:
        """The next game to a maker that is free; without one it may go."""
        process, _ = self._lines[line]
        if not self._waiting:
            self._end(line)
            return
        name = self._waiting.popleft()
        self._lines[line] = (process, name)
        recipe = recipe_of(self._challenge, name)
        path = str(path_of(self._challenge, name))
        order = [recipe.challenge, dict(recipe.settings), recipe.seed, path]
        with contextlib.suppress(OSError):  # it died; what is read of it next is its end
            line.send_bytes(json.dumps(order).encode())

    def _end(self, line: Any) -> None:
        end_program(self._lines.pop(line)[0], line)

    def dismiss(self) -> None:
        """End them all, whatever they are doing."""
        for line in list(self._lines):
            self._end(line)
