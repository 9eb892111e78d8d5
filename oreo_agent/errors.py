"""What can go wrong, sorted by who can mend it.

OreoError
├── SettingError       a flag, a setting or a name
├── DataError          instances, games, data folders
├── RecordError        a stored episode or a store
├── BundleError        a trained agent on disk
├── EngineError        what produces tokens and values
├── TrainingError      learning that cannot go on
└── EnvironmentFault   a world or an expert that broke

A message names the thing, says what is wrong with it, and ends with the remedy. The command line
prints it without a traceback and leaves with exit code 2. `Stopped` is no error: it is Ctrl-C or
SIGTERM, answered once everything was saved.
"""

import difflib
from collections.abc import Iterable, Mapping


class OreoError(Exception):
    """Base of every error that the user can mend."""

    exit_code = 2


class SettingError(OreoError):
    """A flag, a setting or a name is missing, unknown or out of range."""


class DataError(OreoError):
    """Instances cannot be found or read."""


class RecordError(OreoError):
    """A stored episode, or a store, cannot be read or does not hold together."""


class BundleError(OreoError):
    """A trained agent cannot be read, or does not fit what it is asked to do."""


class EngineError(OreoError):
    """Tokens or values cannot be produced."""


class TrainingError(OreoError):
    """A loss, a gradient or a weight is not a number any more."""


class EnvironmentFault(OreoError):
    """A world or an expert broke while it was played; names the task and what is known."""


class Stopped(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, answered at a place from which the same command goes on."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal

    @property
    def exit_code(self) -> int:
        """As shells tell it: 130 of Ctrl-C, 143 of SIGTERM."""
        return 128 + self.signal


def reasons(counts: Mapping[str, int]) -> str:
    """How many for which reason, as a sentence tells it; ``""`` for none."""
    return ", ".join(f"{count} {reason}" for reason, count in counts.items() if count)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a mistyped ``name``: the closest of ``known``, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
