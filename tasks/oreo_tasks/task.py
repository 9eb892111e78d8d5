"""What a task is: a family of problems with splits, each problem an instance with a stable id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One problem of a task; two runs that name the same id play the same problem."""

    id: str
    """Stable name; for ALFWorld ``"<task folder>/<trial folder>"``."""
    task: str
    split: str
    task_type: str
    """The family within the task, for tables by type; ``""`` where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a data folder holds of an official split, beside what was published."""

    count: int
    """Instances that can be played."""
    official: int | None
    """How many the publication has; None where that is not on record."""
    checksum: str
    """Of the instances' contents."""
    releases: Mapping[str, str]
    """Checksums of published releases of this split that are on record, each with its name."""

    @property
    def release(self) -> str:
        """The published release whose bytes these are; ``""`` if it is none on record."""
        return self.releases.get(self.checksum, "")


class Task(Protocol):
    """Where instances come from, and the world that presents them."""

    name: str
    environment: str
    """Registered Gymnasium id, for instance ``oreo/ALFWorld-v0``."""
    step_limit: int
    """Turns after which an unfinished episode ends with reward 0."""

    def splits(self) -> Sequence[str]:
        """The names of the splits, training first."""
        ...

    def instances(self, split: str, data: str | None = None) -> list[Instance]:
        """All instances of ``split`` in a fixed order (sorted by id).

        Args:
            split: one of `splits`.
            data: the user's data folder; None takes the folder that the task's environment variable
                names, else the task's own problems; ``"generated"`` (or ``"generated:TIER"``)
                takes its own problems in any case.

        Raises:
            FileNotFoundError: ``data`` holds nothing of this split; the message says what was
                looked for, where, and how to mend it.
            LookupError: there is no such split.
        """
        ...

    def fingerprint(self, split: str, data: str | None = None) -> str:
        """A checksum of the split's problems: equal exactly if the problems are."""
        ...
