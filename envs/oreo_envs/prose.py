"""A Gymnasium space of texts as people and models write them."""

import string
from typing import Any

from gymnasium.spaces import Text

LONGEST = 8192
"""Characters; the longest text of an official game has 909."""


class Prose(Text):
    """Every string of at most ``LONGEST`` characters, whatever its letters.

    Goals that people wrote and commands that models write hold curly quotes and letters of all
    scripts, so membership asks for the length alone. ``sample`` draws printable ASCII: line noise,
    good for nothing but finding crashes. Draw from ``info["admissible_commands"]`` instead.
    """

    def __init__(self, *, seed: int | None = None) -> None:
        super().__init__(LONGEST, min_length=0, charset=string.printable[:95] + "\n", seed=seed)

    def contains(self, x: Any) -> bool:
        """Whether ``x`` is a string that is not too long."""
        return isinstance(x, str) and len(x) <= self.max_length

    def __repr__(self) -> str:
        return "Prose()"
