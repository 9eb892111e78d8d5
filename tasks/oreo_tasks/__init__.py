"""Families of problems: where instances come from, and how their splits are told apart."""

import difflib
import pkgutil

from oreo_tasks.task import Task

TASKS: dict[str, str] = {
    "alfworld": "oreo_tasks.alfworld:Alfworld",
    "gsm8k": "oreo_tasks.questions.gsm8k:Gsm8k",
    "math": "oreo_tasks.questions.mathematics:Math",
    "math500": "oreo_tasks.questions.mathematics:Math500",
    "openbookqa": "oreo_tasks.questions.openbookqa:OpenBookQa",
    "questions": "oreo_tasks.questions.custom:Questions",
    "reasoning-gym": "oreo_tasks.questions.reasoning_gym:ReasoningGym",
    "strategyqa": "oreo_tasks.questions.strategyqa:StrategyQa",
    "textworld": "oreo_tasks.textworld:TextWorld",
    "textworld-coin-collector": "oreo_tasks.textworld:CoinCollector",
    "textworld-cooking": "oreo_tasks.textworld:Cooking",
    "textworld-simple": "oreo_tasks.textworld:Simple",
    "textworld-treasure-hunter": "oreo_tasks.textworld:TreasureHunter",
    "wordproblems": "oreo_tasks.wordproblems:WordProblems",
}
"""Name -> "module:Class"; listing the names imports nothing."""


def load_task(name: str) -> Task:
    """The task of that name, ready to be asked for its instances.

    Raises:
        LookupError: there is no such task; the message holds the nearest name.
    """
    if name not in TASKS:
        near = difflib.get_close_matches(name, TASKS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(TASKS))}"
        raise LookupError(f"no task is called {name!r}; {hint}")
    return pkgutil.resolve_name(TASKS[name])()
