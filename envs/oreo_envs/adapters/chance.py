"""Games that draw from the generators of the whole process, each with a chance of its own."""

import random
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np


class OwnChance:
    """The state of Python's and NumPy's global generators as one game left them.

    Games that call ``random.choice`` disturb each other and everybody else. Inside `drawing` the
    global generators are where this game left them; outside they are as if nothing had been drawn.
    """

    def __init__(self) -> None:
        self._own: tuple[Any, Any] | None = None

    @contextmanager
    def drawing(self, seed: int | None = None) -> Generator[None]:
        """Let the game draw.

        Args:
            seed: to begin anew from; None goes on from where the game was.
        """
        outside = random.getstate(), np.random.get_state()
        try:
            if seed is not None:
                random.seed(seed)
                np.random.seed(seed & 0xFFFFFFFF)
            elif self._own is not None:
                random.setstate(self._own[0])
                np.random.set_state(self._own[1])
            yield
        finally:
            self._own = random.getstate(), np.random.get_state()
            random.setstate(outside[0])
            np.random.set_state(outside[1])
