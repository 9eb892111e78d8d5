"""The engine's process, seen from here: started when it is needed, and replaced as it grows.

All environments of a process share one engine. Once it holds more memory than is allowed, the next
games begin in a new one, and the old one ends with its last game: nobody who plays notices.
"""

import atexit
import contextlib
import json
import os
import signal
import threading
from collections import deque
from typing import Any

from oreo_tasks.programs import end_program, start_program

MEMORY = 1 << 30
"""Bytes that an engine may hold before the next games begin in a new one."""
PATIENCE = 120.0
"""Seconds that an engine may take to answer; a game begins in less than one."""
_PROGRAM = "oreo_envs.textworld.engine"


class EngineDied(RuntimeError):
    """The engine's process ended or hung; the games that it was playing are lost."""


class Game:
    """A game that is being played in an engine."""

    def __init__(self, engine: "_Engine", slot: int, opening: dict[str, Any]) -> None:
        """Know where it is played; `Host.begin` makes it."""
        self._engine, self._slot = engine, slot
        self.opening = opening
        """What the engine said at its beginning."""

    def step(self, command: str) -> dict[str, Any]:
        """Give it a command; returns what the engine says.

        Raises:
            RuntimeError: the engine broke over it, or ended.
        """
        return self._engine.ask("step", self._slot, command)

    def close(self) -> None:
        """Let go of it; once is enough."""
        self._engine.leave(self._slot)

    def __del__(self) -> None:
        # asking the engine here could interrupt a request of this very thread
        self._engine.forgotten.append(self._slot)

    @property
    def process(self) -> int:
        """Number of the process that plays it."""
        return self._engine.process


class _Engine:
    """One process, and the games in it."""

    def __init__(self) -> None:
        self._process, self._line = start_program(_PROGRAM)
        self._lock = threading.Lock()
        self._next = 0
        self._live: set[int] = set()
        self.forgotten: deque[int] = deque()
        """Games that nobody has closed and nobody can reach any more."""
        self.retired = False
        """Whether it takes no more games; it ends with the last."""
        self.alive = True
        self.held = 0
        """Bytes of memory at its last reply."""

    @property
    def process(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def over(self) -> bool:
        """Whether it takes no more games and plays none."""
        return self.retired and not self._live

    def begin(self, path: str) -> Game:
        """Start a game."""
        with self._lock:
            slot, self._next = self._next, self._next + 1
            self._live.add(slot)
        try:
            return Game(self, slot, self.ask("begin", slot, path))
        except RuntimeError:
            self.leave(slot)
            raise

    def ask(self, *request: Any) -> dict[str, Any]:
        """A request and its reply."""
        with self._lock:
            if not self.alive:
                raise EngineDied("TextWorld's process has ended; begin the game again")
            try:
                self._line.send_bytes(json.dumps(request).encode())
                if not self._line.poll(PATIENCE):
                    raise EngineDied(f"TextWorld did not answer in {PATIENCE:.0f} s")
                reply: dict[str, Any] = json.loads(self._line.recv_bytes())
            except (EOFError, OSError) as error:
                raise EngineDied(
                    f"TextWorld's process ended ({self._how()}); the game has to begin again"
                ) from error
            finally:
                self.alive = False  # until the reply is whole
            self.alive = True
        self.held = reply["held"]
        if "fault" in reply:
            raise RuntimeError(f"TextWorld broke: {reply['fault']}")
        return reply

    def leave(self, slot: int) -> None:
        """Let go of a game."""
        if slot not in self._live:
            return
        self._live.discard(slot)
        with contextlib.suppress(RuntimeError):
            if self.alive and not self.retired:
                self.ask("end", slot)
        if self.over:
            self.close()

    def sweep(self) -> None:
        """Let go of the games that were forgotten."""
        while self.forgotten:
            self.leave(self.forgotten.popleft())

    def retire(self) -> None:
        """Take no more games."""
        self.retired = True
        if self.over:
            self.close()

    def close(self) -> None:
        """End the process."""
        self.alive = False
        self._line.close()
        if self._process.poll() is None:  # closed once more, its number may be another's
            end_program(self._process, self._line)

    def _how(self) -> str:
        with contextlib.suppress(Exception):
            code = self._process.wait(timeout=5)
            return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return "nobody knows how"


class Host:
    """Finds an engine for each new game."""

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._owner = os.getpid()
        self._engines: list[_Engine] = []
        """The last takes the next game; those before it are retired, and play theirs to the end."""
        self._lock = threading.Lock()
        atexit.register(self.close)

    def begin(self, path: str, memory: int = MEMORY) -> Game:
        """Start a game.

        Args:
            path: of the game file.
            memory: bytes beyond which the present engine takes no more games.

        Raises:
            RuntimeError: TextWorld cannot read the game, or its process ended.
        """
        with self._lock:
            return self._engine(memory).begin(path)

    def _engine(self, memory: int) -> _Engine:
        if self._owner != os.getpid():  # a fork: the engines are our parent's
            self._owner, self._engines = os.getpid(), []
        for engine in self._engines:
            engine.sweep()
            if not engine.alive or engine.held > memory:
                engine.retire()
        self._engines = [engine for engine in self._engines if not engine.over]
        if not self._engines or self._engines[-1].retired:
            self._engines.append(_Engine())
        return self._engines[-1]

    def close(self) -> None:
        """End all engines; the next game starts a new one."""
        if self._owner == os.getpid():
            for engine in self._engines:
                engine.close()
        self._engines = []


HOST = Host()
"""Of this process."""
