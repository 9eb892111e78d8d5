"""One thing that was looked at."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What was found of one thing, and how to mend it."""

    part: Literal["machine", "packages", "data", "environments"]
    name: str
    state: Literal["ok", "missing", "fault"]
    """``missing`` is what one can do without."""
    told: str
    remedy: str = ""
    """One command, if a command mends it; else what is to be done."""
    figures: dict[str, float] = field(default_factory=dict[str, float])
    """Of an environment: ``steps_per_second`` and ``megabytes``."""
