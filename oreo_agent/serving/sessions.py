"""Which of the engine's caches a history goes on with: clients bring whole histories, no names."""

import itertools
from collections import OrderedDict
from collections.abc import Iterable

from oreo_agent.agent.engines import Engine

_WORTH_A_COPY = 16
"""Tokens in common from which a cache is copied instead of read anew."""


class Sessions:
    """The engine's sessions and what they have read; those used longest ago are closed first."""

    def __init__(self, engine: Engine, most: int) -> None:
        self._engine, self._most = engine, most
        self._read: OrderedDict[str, tuple[int, ...]] = OrderedDict()
        self._lent: set[str] = set()
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._read)

    def lend(self, ids: tuple[int, ...]) -> str:
        """The session for a history, until `give_back`; no other history gets it meanwhile.

        It is the one that has read the longest beginning of ``ids``. One that is lent, or has read
        on from there, is left alone, and a copy of it goes on.
        """
        shared, fits, name = 0, False, ""
        for known, read in self._read.items():
            length = _common(read, ids)
            whole = length == len(read) and known not in self._lent
            shared, fits, name = max((shared, fits, name), (length, whole, known))
        if not fits:
            found, name = name, f"served {next(self._numbers)}"
            if shared >= _WORTH_A_COPY:
                self._engine.fork(found, name)
        self._read[name] = ids
        self._lent.add(name)
        return name

    def give_back(self, names: Iterable[str]) -> None:
        """Keep what was lent, and close what is too much."""
        for name in names:
            self._lent.discard(name)
            self._read.move_to_end(name)
        for name in [name for name in self._read if name not in self._lent]:
            if len(self._read) <= self._most:
                break
            self._close(name)

    def forget(self, names: Iterable[str]) -> None:
        """Close sessions in which something went wrong."""
        for name in names:
            self._lent.discard(name)
            self._close(name)

    def _close(self, name: str) -> None:
        del self._read[name]
        self._engine.close(name)


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Length of the common beginning, by halving: slices are compared faster than items."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
