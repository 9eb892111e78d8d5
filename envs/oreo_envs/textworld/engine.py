"""The process in which TextWorld plays: many games at a time, each in a slot.

``python -m oreo_envs.textworld.engine FD`` reads requests from its line, each a JSON list:
``["begin", slot, path]``, ``["step", slot, command]``, ``["end", slot]``. A reply is an object:
what the game says, or ``{"fault": ...}`` with what went wrong. TextWorld keeps something
of every game for ever, so each reply tells how much memory this process holds.
"""

import contextlib
import importlib
import json
import logging
import os
import resource
import sys
import tempfile
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from oreo_envs.alfworld.stock import mend_templates
from oreo_envs.faults import BREAKS, in_one_line

SEED = 20
"""Of the games' own dice, so that a game goes the same way each time."""


class Engine:
    """The games that are being played."""

    def __init__(self) -> None:
        """Load TextWorld; takes seconds."""
        self._textworld: Any = importlib.import_module("textworld")
        self._games: dict[int, Any] = {}

    def begin(self, slot: int, path: str) -> dict[str, Any]:
        """Start the game of that file."""
        wanted = self._textworld.EnvInfos(
            feedback=True,
            admissible_commands=True,
            won=True,
            lost=True,
            score=True,
            max_score=True,
            objective=True,
            extras=["walkthrough"],
        )
        wrappers = _wrappers(Path(path))
        game = self._textworld.start(path, request_infos=wanted, wrappers=wrappers)
        self._games[slot] = game
        if not path.endswith(".tw-pddl"):
            game.seed(SEED)
        state = game.reset()
        walkthrough = state.get("extra.walkthrough") or ()
        if isinstance(walkthrough, str):
            walkthrough = walkthrough.split("\n")
        return {
            **_told(state),
            "objective": state.get("objective") or "",
            "walkthrough": list(walkthrough),
        }

    def step(self, slot: int, command: str) -> dict[str, Any]:
        """Give the game a command."""
        state, _, _ = self._games[slot].step(command)
        return _told(state)

    def end(self, slot: int) -> dict[str, Any]:
        """Let go of the game; nothing happens where there is none."""
        game = self._games.pop(slot, None)
        if game is not None:
            game.close()
        return {}


def _told(state: Any) -> dict[str, Any]:
    return {
        "text": state.get("feedback") or "",
        "commands": list(state.get("admissible_commands") or ()),
        "won": bool(state.get("won")),
        "lost": bool(state.get("lost")),
        "score": state.get("score") or 0,
        "most": state.get("max_score") or 1,
    }


def _wrappers(path: Path) -> list[Any]:
    """Names that ALFWorld made of places are told as ALFWorld tells them: "drawer 2"."""
    if path.suffix != ".tw-pddl":
        return []
    if sys.version_info >= (3, 13):
        mend_templates()
    if "_bar_" not in path.read_text(encoding="utf-8"):
        return []
    os.environ.setdefault("ALFWORLD_DATA", tempfile.gettempdir())  # the import would make a folder
    alfred: Any = importlib.import_module("alfworld.agents.environment.alfred_tw_env")
    return [alfred.AlfredDemangler]


def held() -> int:
    """Bytes of memory that this process holds; where nobody tells, the most it ever held."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    """Answer until the line closes."""
    line = Connection(int(sys.argv[1]))
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    engine = Engine()
    acts: dict[str, Any] = {"begin": engine.begin, "step": engine.step, "end": engine.end}
    with contextlib.suppress(EOFError, OSError):
        while True:
            act, *rest = json.loads(line.recv_bytes())
            try:
                reply = acts[act](*rest)
            except BREAKS as error:  # Fast Downward leaves the process
                reply = {"fault": in_one_line(error)[:2000]}
            line.send_bytes(json.dumps({**reply, "held": held()}).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
