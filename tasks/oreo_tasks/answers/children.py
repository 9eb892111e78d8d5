"""A pool of child processes that compare answers under a deadline of wall time.

Nothing of this process is at stake in a comparison: a child that hangs is killed, one that eats
memory or crashes is replaced, what it prints goes nowhere, and its standard input is empty. A child
ends with this process, also when this one is killed, because its line then closes.
"""

import json
import os
import queue
import weakref
from multiprocessing.connection import Connection

from oreo_tasks.programs import end_program, start_program

SECONDS_TO_START = 120.0
"""How long a child may take to import math-verify; seconds on a busy machine, never minutes."""

GRACE = 5.0
"""Seconds beyond the deadline after which the child's own watch is taken to be stuck."""

MEMORY = 1 << 30
"""Bytes of address space of a child."""


_PROGRAM = "oreo_tasks.answers.child"


class Child:
    """One process that runs `oreo_tasks.answers.child`."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._ready = False
        self.owner = os.getpid()
        self._process, self._line = start_program(_PROGRAM, str(deadline), str(MEMORY))

    def ask(self, gold: str, answer: str) -> str:
        """One of "right", "wrong", "undecided", "late" and "died"; after the last, close it.

        Raises:
            ChildProcessError: the child cannot be started, so nothing could be compared.
        """
        if not self._ready:
            if _received(self._line, SECONDS_TO_START) != "ready":
                raise ChildProcessError(
                    "the process that runs math-verify does not start; this says why: "
                    "python -c 'import math_verify'"
                )
            self._ready = True
        try:
            self._line.send_bytes(json.dumps([gold, answer]).encode())
        except OSError:
            return "died"
        return _received(self._line, self._deadline + GRACE)

    @property
    def pid(self) -> int:
        """Its process number, which is its group's too."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked again."""
        return self._process.poll() is None and not self._line.closed

    def close(self) -> None:
        """Kill it, with what it has forked."""
        end_program(self._process, self._line)


def _received(line: Connection, seconds: float) -> str:
    """One message; "died" if the line is closed, or silent for too long, or says too much."""
    try:
        if line.poll(seconds):
            return line.recv_bytes(64).decode("ascii")
    except (EOFError, OSError, UnicodeDecodeError):
        pass
    line.close()
    return "died"


class Children:
    """At most ``size`` children, each started when it is first needed; safe to use from threads.

    A copy that is pickled or forked starts children of its own.
    """

    def __init__(self, size: int, deadline: float) -> None:
        self._size, self._deadline = size, deadline
        self._open()

    def _open(self) -> None:
        self._owner = os.getpid()
        self._started: list[Child] = []
        self._idle: queue.LifoQueue[Child | None] = queue.LifoQueue()  # a started one comes first
        for _ in range(self._size):
            self._idle.put(None)
        self._finalizer = weakref.finalize(self, _close_all, self._started)

    def __reduce__(self) -> tuple[type["Children"], tuple[int, float]]:
        return Children, (self._size, self._deadline)

    def ask(self, gold: str, answer: str) -> str:
        """As `Child.ask`; waits until one of the children is free."""
        if self._owner != os.getpid():
            self._inherited = self._started  # the parent's: left alone, and not collected
            self._open()
        child = self._idle.get()
        try:
            if child is not None and not child.alive:
                child = self._buried(child)  # it died while nobody asked
            if child is None:
                child = Child(self._deadline)
                self._started.append(child)
            return child.ask(gold, answer)
        finally:
            if child is not None and not child.alive:
                child = self._buried(child)
            self._idle.put(child)

    def _buried(self, child: Child) -> None:
        child.close()
        self._started.remove(child)

    def close(self) -> None:
        """End all children; the next question starts new ones."""
        self._finalizer()
        if self._owner == os.getpid():
            self._open()


def _close_all(children: list[Child]) -> None:
    for child in children:
        if child.owner == os.getpid():
            child.close()
    children.clear()
