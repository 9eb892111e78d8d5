"""The process in which games are made, as ``tw-make`` makes them, without its seconds to start.

``python -m oreo_tasks.textworld.maker FD`` reads requests from its line, each as JSON: challenge,
settings, seed and the path of the game file without its ending. A reply is ``""``, or what went
wrong. A game is there whole or not at all: its ``.z8`` comes last.
"""

import contextlib
import importlib
import json
import os
import shutil
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


def made(challenge: str, settings: dict[str, Any], seed: int, path: Path) -> None:
    """Write ``path.json`` and ``path.z8``."""
    textworld: Any = importlib.import_module("textworld")
    generator: Any = importlib.import_module("textworld.generator")
    kinds: Any = importlib.import_module("textworld.challenges")
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=path.parent, prefix=".making-"))
    try:
        options = textworld.GameOptions()
        options.seeds = seed
        options.path = str(scratch / "game")
        options.file_ext = ".z8"
        game = kinds.CHALLENGES[challenge][1](settings=settings, options=options)
        generator.compile_game(game, options)
        for ending in (".json", ".z8"):
            (scratch / f"game{ending}").replace(path.with_name(path.name + ending))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main() -> None:
    """Make what is asked for until the line closes."""
    line = Connection(int(sys.argv[1]))
    with contextlib.suppress(EOFError, OSError):
        while True:
            challenge, settings, seed, path = json.loads(line.recv_bytes())
            try:
                made(challenge, settings, seed, Path(path))
                fault = ""
            except Exception as error:  # the generator raises many kinds
                fault = " ".join(f"{type(error).__name__}: {error}".split())
            line.send_bytes(fault.encode(errors="replace"))
    os._exit(0)


if __name__ == "__main__":
    main()
