"""Which instance of a split comes next where nobody names one."""

from collections.abc import Sequence

import numpy as np


class Round:
    """One after the other in the split's order, over and over; a seed says where it begins."""

    def __init__(self, ids: Sequence[str]) -> None:
        """Begin with the first."""
        self._ids = ids
        self._next = 0

    def restart(self, rng: np.random.Generator) -> None:
        """Go on from an instance drawn at random."""
        self._next = int(rng.integers(len(self._ids)))

    def next(self) -> str:
        """The next instance id."""
        found = self._ids[self._next]
        self._next = (self._next + 1) % len(self._ids)
        return found
