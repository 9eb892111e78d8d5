"""Where is played: a task or an environment by its name, its instances, its world."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from oreo_agent.errors import DataError, EnvironmentFault, OreoError, SettingError
from oreo_agent.model.bundle import CARD, read_card
from oreo_agent.rollouts.progress import Making
from oreo_agent.rollouts.wording import Questioning, questioning
from oreo_agent.rollouts.worlds import SeparateWorlds, World, open_world
from oreo_envs.faults import BREAKS, in_one_line, is_meant
from oreo_envs.finding import find, is_environment
from oreo_envs.registration import REGISTRATIONS, Prompt, Registration
from oreo_envs.task import EnvironmentTask
from oreo_tasks import load_task
from oreo_tasks.task import Instance, Task

USUAL = "alfworld"
"""The task that is meant where none is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where is played."""

    task: str = "alfworld"
    """A task; or an environment, as `oreo_envs.find` takes it (``games/Maze-v0``,
    ``file.py:Maze``), which is then called as it can be found again."""
    split: str = "train"
    data: str | None = None
    """The user's data folder, or ``generated[:TIER]``; None leaves the choice to the task."""
    step_limit: int | None = None
    """Turns after which an unfinished episode ends with reward 0; None takes the task's."""
    live: int = 32
    """Episodes that are played at a time."""

    def __post_init__(self) -> None:
        if self.live < 1:
            raise SettingError(f"--live, episodes at a time, must be 1 or more, got {self.live}")
        if self.step_limit is not None and self.step_limit < 1:
            raise SettingError(f"the step limit must be 1 or more, got {self.step_limit}")
        if not self.split:
            raise SettingError("the split has no name; name one, or leave it out")
        if is_environment(self.task):
            object.__setattr__(self, "task", find_task(self.task).name)

    @property
    def limit(self) -> int:
        """The step limit in force."""
        return find_task(self.task).step_limit if self.step_limit is None else self.step_limit

    @property
    def environment(self) -> str:
        """Gymnasium id of the task's world."""
        return find_task(self.task).environment

    @property
    def world(self) -> str:
        """Tells it from every world that plays otherwise; part of an episode's id."""
        return f"{self.environment} {self.limit}"

    def instances(self) -> list[Instance]:
        """The problems of the split.

        Raises:
            SettingError: there is no such task or split.
            DataError: the data cannot be found or read.
        """
        task, own = find_task(self.task), is_environment(self.task)
        with named_faults(f"task {self.task}, split {self.split}", own=own):
            return task.instances(self.split, self.data)

    def prepare(self, instances: Sequence[str]) -> None:
        """Have the games made that a task makes when they are needed; tells how far that is.

        Raises:
            SettingError: what makes them is not installed.
            EnvironmentFault: a game cannot be made.
        """
        make = getattr(find_task(self.task), "prepare", None)
        if make is None:
            return
        with named_faults(f"task {self.task}, split {self.split}"), Making() as making:
            try:
                make(instances, self.data, making.tell)
            except RuntimeError as error:
                raise EnvironmentFault(str(error)) from error

    def questioning(self) -> Questioning | None:
        """What is asked of who answers the questions of this task; None for other tasks.

        Raises:
            SettingError: there is no such task or split.
            DataError: the data cannot be found or read.
        """
        with named_faults(f"task {self.task}, split {self.split}"):
            return questioning(find_task(self.task), self.split, self.data)

    def open(self, live: int | None = None) -> World:
        """The world, with as many slots as episodes are live.

        Raises:
            SettingError: the environment is not registered.
            DataError: the world does not find its data.
        """
        task, own = find_task(self.task), is_environment(self.task)
        with named_faults(f"environment {self.environment}", own=own):
            if isinstance(task, EnvironmentTask):
                return SeparateWorlds(task.make, live or self.live)
            settings = {"split": self.split, "data": self.data, "step_limit": self.limit}
            return open_world(self.environment, live or self.live, settings)


def find_task(name: str) -> Task:
    """The task called ``name``, or that of the environment which it stands for.

    Raises:
        SettingError: there is none; the message holds the nearest one.
    """
    if is_environment(name):
        return find_environment(name)
    try:
        return load_task(name)
    except LookupError as error:
        raise SettingError(str(error.args[0])) from error


def find_environment(name: str) -> Task:
    """The task of an environment, whose instances it presents.

    Raises:
        SettingError: there is none, or what brings it cannot be imported.
    """
    try:
        found = find(name)
    except (LookupError, ValueError) as error:
        raise SettingError(str(error.args[0])) from error
    task = found.registration.task
    return load_task(task) if task else EnvironmentTask(found)


def registration_of(task: str) -> Registration | None:
    """What an environment was registered with that brings its own prompt.

    None for the tasks whose prompts stand in tables of this package.

    Raises:
        SettingError: there is no such task.
    """
    found = find_task(task)
    if isinstance(found, EnvironmentTask):
        return found.registration
    told = REGISTRATIONS.get(found.environment)
    return told if told is not None and told.prompt != Prompt() else None


def usual_split(task: str) -> str:
    """Where an agent is looked at: the first split that is not for training.

    Raises:
        SettingError: there is no such task.
    """
    splits = find_task(task).splits()
    known = [name for name in ("valid_seen", "valid") if name in splits]
    return [*known, *splits[1:], *splits][0]


def usual_task(agent: str) -> str:
    """What an agent plays if nobody says: what a bundle was trained on, else alfworld."""
    if not (Path(agent) / CARD).exists():
        return USUAL
    return read_card(agent).task.split(", ")[0] or USUAL


@contextmanager
def named_faults(what: str, *, own: bool = False) -> Generator[None]:
    """Turn what problems, worlds and experts raise into errors that name ``what``.

    They say on purpose that something is not there or is wrong; everything else is an accident.
    ``own`` is true of a person's environment.
    """
    try:
        yield
    except OreoError:
        raise
    except BREAKS as error:
        if not is_meant(error, own=own):
            raise EnvironmentFault(
                f"{what}: {in_one_line(error)}; if that is a world of yours, `oreo-agent envs "
                "check` tells where it breaks"
            ) from error
        if isinstance(error, LookupError):
            told = error.args[0] if error.args else error
            raise SettingError(f"{what}: {told}") from error
        raise DataError(f"{what}: {error}") from error
