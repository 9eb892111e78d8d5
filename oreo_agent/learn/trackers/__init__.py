"""Trackers: who else is told the figures of a run, besides the console and ``metrics.jsonl``.

They hear what is reported and decide nothing: weights and a run's identity are the same without
them. To add one: write a file beside this one, then add its line to `TRACKERS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, cast

from oreo_agent.errors import SettingError
from oreo_agent.registry import Registry

PROJECT = "oreo-agent"
"""What trackers file our runs under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """The run that is told about."""

    name: str
    """For people: the bundle's name."""
    identity: str
    """Equal for the same run, also when it goes on after a kill."""
    folder: Path
    """Where logs may be written; it need not exist."""
    settings: Mapping[str, Any]
    """Of the run, as JSON has them."""


class Tracker(ABC):
    """Is told figures."""

    package: ClassVar[str]
    """What has to be installed for it, by the name that pip and Python know."""

    @abstractmethod
    def __init__(self, run: Tracked) -> None:
        """Begin; what goes wrong here stops the run before anything is learned."""

    @abstractmethod
    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Take note of the figures after ``step``."""

    @abstractmethod
    def close(self) -> None:
        """Nothing more will come."""


TRACKERS: Registry[type[Tracker]] = Registry(
    "tracker",
    {
        "tensorboard": "oreo_agent.learn.trackers.tensorboard:TensorBoard",
        "wandb": "oreo_agent.learn.trackers.wandb:Wandb",
        "trackio": "oreo_agent.learn.trackers.trackio:Trackio",
    },
)


def check_trackers(names: Sequence[str]) -> None:
    """See that all of them are known and installed. Imports none of their packages.

    Raises:
        SettingError: one is not; the message holds the command that installs it.
    """
    for name in names:
        package = TRACKERS.load(name).package
        spec = find_spec(package)
        # a folder of that name in the working directory, which some leave, has no origin
        if spec is None or spec.origin is None:
            raise SettingError(
                f"tracker {name!r} needs the package {package}, which is not installed: "
                f"pip install {package}"
            )


@contextmanager
def watched(
    report: Callable[[dict[str, Any]], None], names: Sequence[str], run: Tracked
) -> Generator[Callable[[dict[str, Any]], None]]:
    """Report to trackers too; one that fails on the way is left out from there on, and said so.

    Raises:
        SettingError: one cannot begin.
    """
    trackers: dict[str, Tracker] = {}

    def tell(row: dict[str, Any]) -> None:
        report(row)
        for name, tracker in tuple(trackers.items()):
            try:
                if figures := numbers(row):
                    tracker.log(figures, row["step"])
            except Exception as error:
                del trackers[name]
                report({"step": row["step"], "tracker": f"{name} failed and is left out: {error}"})

    try:
        for name in names:
            try:
                trackers[name] = TRACKERS.load(name)(run)
            except Exception as error:
                raise SettingError(
                    f"tracker {name!r} cannot begin: {error}; mend that, or leave it out"
                ) from error
        yield tell
    finally:
        for tracker in trackers.values():
            with suppress(Exception):
                tracker.close()


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a report, flat ("held_out/mse"), without its step and what is no number."""
    found: dict[str, float] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            inner = numbers(cast(Mapping[str, Any], value))
            found |= {f"{name}/{key}": each for key, each in inner.items()}
        elif isinstance(value, int | float) and name not in ("step", "steps"):
            found[name] = value
    return found
