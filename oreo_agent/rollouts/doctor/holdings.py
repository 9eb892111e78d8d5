"""Which official data are found, and whether they are what was published."""

import os
from collections.abc import Iterator
from typing import Protocol, cast

from oreo_agent.rollouts.doctor.remark import Remark
from oreo_tasks import TASKS, load_task
from oreo_tasks.alfworld import GENERATED
from oreo_tasks.questions.official import Published
from oreo_tasks.task import Holding, Task

OF_THE_USER = ("questions", "textworld")
"""Tasks whose problems are files of the user's own, wherever they are."""
_GAMES = "json_2.1.2_tw-pddl.zip"
FETCH_GAMES = (
    f"curl -LO https://github.com/alfworld/alfworld/releases/download/0.4.0/{_GAMES} && "
    f"python -m zipfile -e {_GAMES} alfworld && export ALFWORLD_DATA=$PWD/alfworld"
)


class Held(Protocol):
    """A task that can be compared with its publication."""

    def holding(self, split: str, data: str) -> Holding:
        """See `oreo_tasks.task.Holding`."""
        ...


def holdings(data: str | None = None) -> Iterator[Remark]:
    """One remark for each task that has published data, then one for those that need none.

    Args:
        data: a folder that is looked at for all of them; None asks their variables.
    """
    own: list[str] = []
    for name in sorted(TASKS):
        task = load_task(name)
        published: Published | None = getattr(task, "published", None)
        if name != "alfworld" and published is None:
            own.append(name)
            continue
        variable = published.variable if published else "ALFWORLD_DATA"
        folder = data or os.environ.get(variable)
        if folder and not folder.startswith(GENERATED):
            yield held(task, folder, asked=data is None)
            continue
        told = f"{variable} is {folder or 'not set'}"
        told += "" if published else "; games of our own are played"
        yield Remark(part="data", name=name, state="missing", told=told, remedy=_fetch(published))
    own = [name for name in own if name not in OF_THE_USER]
    told = "make their problems themselves"
    yield Remark(part="data", name=", ".join(own), state="ok", told=told)


def _fetch(published: Published | None) -> str:
    """The command that brings the data of a task; of ALFWorld without ``published``."""
    if published is None:
        return FETCH_GAMES
    if published.hub:
        return f"export {published.variable}=hub"
    return f"fetch {published.source}, then: export {published.variable}=FOLDER"


def held(task: Task, folder: str, *, asked: bool) -> Remark:
    """What a folder holds of a task's data.

    Args:
        task: whose data were published.
        folder: to be looked at.
        asked: whether somebody says that this task's data are there.
    """
    published: Published | None = getattr(task, "published", None)
    parts, doubts = list[str](), list[str]()
    for split in published.counts if published else task.splits():
        try:
            found = cast(Held, task).holding(split, folder)
        except FileNotFoundError:
            parts.append(f"{split} none")
            continue
        except ValueError as error:
            doubts.append(str(error))
            continue
        parts.append(f"{split} {found.count:,} ({_compared(found)})")
        if found.official not in (None, found.count):
            doubts.append(f"{split} has {found.count:,}, the official one {found.official:,}")
        elif found.releases and not found.release:
            doubts.append(f"{split} is not what was published")
    there = any("(" in part for part in parts)
    nothing = not there and not doubts
    told = f"{folder} holds nothing of it" if nothing else f"{folder}: {', '.join(parts)}"
    state = "fault" if doubts or (nothing and asked) else "missing" if nothing else "ok"
    told = "; ".join([told, *doubts])
    remedy = "" if state == "ok" else _fetch(published)
    return Remark(part="data", name=task.name, state=state, told=told, remedy=remedy)


def _compared(found: Holding) -> str:
    if found.release:
        return f"official, {found.release}"
    if found.official is None:
        return "nothing to compare with"
    if found.official != found.count:
        return f"not the official {found.official:,}"
    return "other contents" if found.releases else "official count; no checksum on record"
