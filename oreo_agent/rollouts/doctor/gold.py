"""Known solutions, replayed: whether the evaluator calls each of them won, and nothing sooner."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from oreo_agent.errors import DataError, SettingError, nearest
from oreo_agent.model.steps import Steps
from oreo_agent.rollouts.stage import Stage, find_task, named_faults
from oreo_agent.rollouts.worlds import Begin, Fault, Scene, World
from oreo_envs.alfworld.shelf import open_shelf
from oreo_tasks import TASKS
from oreo_tasks.questions.problem import QuestionTask
from oreo_tasks.task import Task

Solution = Callable[[str, Mapping[str, Any]], Sequence[str]]
"""From an instance's id and first info to the commands, or steps, that solve it; empty where none
are known."""
TRAINING = ("train", "fit", "valid_train")
"""Splits that nobody is judged on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What came of the known solutions of a split."""

    split: str
    solutions: int
    """Instances that came with one."""
    without: int
    """Instances that came without."""
    failed: dict[str, str]
    """Instance to why its solution is not called won as it should be."""

    @property
    def right(self) -> int:
        """Solutions that are called won at their last command, and not before."""
        return self.solutions - len(self.failed)


def splits_to_verify(task: str, data: str | None) -> list[str]:
    """The splits that agents are judged on, of those that are there; else all that are.

    Raises:
        SettingError: there is no such task, or none with known solutions.
        DataError: no split of it can be read.
    """
    if task not in TASKS:
        known = nearest(task, sorted(TASKS))
        raise SettingError(f"{task!r} is no task with known solutions; {known}")
    there: list[str] = []
    why: DataError | None = None
    for split in find_task(task).splits():
        try:
            Stage(task=task, split=split, data=data).instances()
        except DataError as error:
            why = why or error
            continue
        there.append(split)
    if not there:
        raise why or DataError(f"task {task} has no split")
    return [split for split in there if split not in TRAINING] or there


def verify(stage: Stage) -> Verified:
    """Solve every instance of a split by its own solution, through the world that agents play.

    Raises:
        OreoError: the split cannot be read, or brings no solutions.
    """
    everything = [each.id for each in stage.instances()]
    stage.prepare(everything)
    instances = iter(everything)
    solved, without = 0, 0
    failed: dict[str, str] = {}
    with named_faults(f"task {stage.task}, split {stage.split}"):
        solution = _solutions(find_task(stage.task), stage)
    with closing(stage.open()) as world:
        while lot := list(islice(instances, world.size)):
            begun = world.begin({i: Begin(instance=id, seed=0) for i, id in enumerate(lot)})
            broken = {lot[i]: one.text for i, one in begun.items() if isinstance(one, Fault)}
            told = {
                i: list(solution(lot[i], one.info))
                for i, one in begun.items()
                if isinstance(one, Scene)
            }
            known = {i: commands for i, commands in told.items() if commands}
            solved += len(known) + len(broken)
            without += len(told) - len(known)
            faults = _failures(world, known)
            failed |= broken | {lot[i]: fault for i, fault in sorted(faults.items())}
    if not solved:
        raise DataError(
            f"task {stage.task}, split {stage.split}: none of its {without:,} instances brings a "
            "solution to replay; name a split or data that do (of ALFWorld's games those of "
            "release 2.1.2 have walkthroughs, those of 2.1.1 have none)"
        )
    return Verified(split=stage.split, solutions=solved, without=without, failed=failed)


def _solutions(task: Task, stage: Stage) -> Solution:
    if task.name == "alfworld":
        shelf = open_shelf(stage.split, stage.data)
        return lambda id, info: shelf.game(id).walkthrough
    if not hasattr(task, "delimiters"):
        return lambda id, info: info.get("walkthrough", ())
    asked = cast(QuestionTask, task)

    def steps(id: str, info: Mapping[str, Any]) -> list[str]:
        problem = asked.problem(id, stage.split, stage.data)
        cutter = Steps(problem.delimiters or asked.delimiters, chr)
        ids = [ord(letter) for letter in problem.solution.rstrip()]
        return ["".join(map(chr, step)) for step in cutter.cut(ids)]

    return steps


def _failures(world: World, solutions: Mapping[int, list[str]]) -> dict[int, str]:
    """Why solutions fail, by slot, each of which has begun its instance; played side by side."""
    faults: dict[int, str] = {}
    for turn in range(max(map(len, solutions.values()), default=0)):
        commands = {
            slot: told[turn]
            for slot, told in solutions.items()
            if slot not in faults and turn < len(told)
        }
        for slot, scene in world.step(commands).items():
            whole = turn + 1 == len(solutions[slot])
            if fault := _fault(scene, commands[slot], turn, whole=whole):
                faults[slot] = fault
    return faults


def _fault(scene: Scene | Fault, command: str, turn: int, *, whole: bool) -> str:
    where = f"turn {turn + 1}, {command!r}: "
    if isinstance(scene, Fault):
        return where + scene.text
    if not scene.info.get("valid", True):
        return where + "the world does not admit it"
    won = scene.terminated and scene.reward == 1.0 and bool(scene.info.get("won", True))
    if whole and not won:
        return where + "the last command, and it is not called won"
    if not whole and (scene.terminated or scene.truncated or scene.reward):
        return where + "the episode is over before its solution is"
    return ""
