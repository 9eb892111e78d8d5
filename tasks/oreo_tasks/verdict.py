"""Stand-in for `oreo_tasks.answers.Verdict` until that package is there; then delete this file."""

from enum import StrEnum


class Verdict(StrEnum):
    """What a comparison with the gold answer came to."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"
