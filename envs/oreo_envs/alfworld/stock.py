"""The stock engine behind the same face: TextWorld's planner-based player of PDDL games.

It is slow (a reset takes seconds, a step tens of milliseconds) and plays any game whose rules it
can ground, also those that our interpreter refuses. It is the reference that our interpreter is
compared with. Needs the extra ``[stock]``, which builds C++ code.
"""

import contextlib
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Generator
from typing import Any

from oreo_envs.alfworld.compile import UnknownGameError
from oreo_envs.alfworld.shelf import Shelf
from oreo_envs.faults import BREAKS, in_one_line
from oreo_tasks.alfworld import task_type_of


class StockStage:
    """Games played by the stock engine, one after another in one engine."""

    def __init__(self, shelf: Shelf) -> None:
        """Load the engine.

        Raises:
            ImportError: it is not installed.
        """
        self.instance = ""
        self.task_type = ""
        self._shelf = shelf
        self._engine = stock_engine()
        self._state: Any = None

    def begin(self, instance: str) -> str:
        """Start that game; returns its first observation.

        Raises:
            LookupError: the split has no such game.
            UnknownGameError: the stock engine cannot read the game either.
        """
        text = self._shelf.text(instance)
        self.instance = ""
        try:
            with _undisturbed():
                self._engine.load(json.loads(text))
                self._state = self._engine.reset()
        except BREAKS as error:
            # Fast Downward leaves the process when it cannot read a domain.
            raise UnknownGameError(
                f"game {instance}: the stock engine cannot read it ({in_one_line(error)}); "
                "restore the file from the official download, or leave the game out"
            ) from error
        self.instance = instance
        self.task_type = task_type_of(instance)
        return str(self._state.feedback)

    def step(self, command: str) -> str:
        """Do ``command``; returns what the game says."""
        self._state, _, _ = self._engine.step(command)
        return str(self._state.feedback)

    def admissible(self) -> list[str]:
        """The commands that are possible now, sorted."""
        return list(self._state["admissible_commands"])

    @property
    def won(self) -> bool:
        """Whether the goal is reached now."""
        return bool(self._state["won"])

    def close(self) -> None:
        """Let go of the game; the engine's library stays loaded until the process ends."""
        self._state = None


def stock_engine() -> Any:
    """A new stock engine with ALFWorld's names for things.

    Raises:
        ImportError: TextWorld or ALFWorld is not installed; the message says how to install them.
    """
    try:
        with _undisturbed():
            core = importlib.import_module("textworld.core")
            pddl = importlib.import_module("textworld.envs.pddl")
            alfred = importlib.import_module("alfworld.agents.environment.alfred_tw_env")
            infos = core.EnvInfos(feedback=True, admissible_commands=True, won=True)
            engine = alfred.AlfredDemangler(pddl.PddlEnv(infos))
    except ImportError as error:
        raise ImportError(
            f"the stock ALFWorld engine is not installed ({error}): "
            "pip install 'oreo-agent[stock]' (needs g++, make and cmake), "
            'or play with engine="native"'
        ) from error
    if sys.version_info >= (3, 13):
        mend_templates()
    return engine


@contextlib.contextmanager
def _undisturbed() -> Generator[None]:
    """Keep what the stock engine changes for the whole process.

    Importing alfworld sets ALFWORLD_DATA and makes that folder; the planner's translator replaces
    the command line.
    """
    data, argv = os.environ.get("ALFWORLD_DATA"), sys.argv
    os.environ["ALFWORLD_DATA"] = data or tempfile.gettempdir()
    try:
        yield
    finally:
        sys.argv = argv
        if data is None:
            os.environ.pop("ALFWORLD_DATA", None)


def mend_templates() -> None:
    """From Python 3.13 on, ``locals()`` is a copy; TextWorld 1.7 evaluates templates through it."""
    textgen = importlib.import_module("textworld.envs.pddl.textgen")

    def derive(self: Any, context: Any = None) -> list[Any]:
        variables = dict((context or self.context)["variables"])
        return [textgen.TerminalSymbol(eval(self.expression, {}, variables))]

    textgen.EvalSymbol.derive = derive
