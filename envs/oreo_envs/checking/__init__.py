"""`oreo-agent envs check`: whether an environment keeps what rollouts and training rely on."""

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from oreo_envs.checking import rules, strain
from oreo_envs.checking.walks import Bench, NotTried
from oreo_envs.faults import BREAKS, in_one_line
from oreo_envs.finding import find
from oreo_envs.presented import present
from oreo_envs.registration import Registration
from oreo_envs.task import EnvironmentTask
from oreo_tasks import load_task


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule found."""

    rule: str
    promise: str
    """What the rule asks for."""
    passed: bool | None
    """None if it was not tried."""
    fault: str = ""
    """What is wrong; or why it was not tried."""
    remedy: str = ""


RULES: dict[str, tuple[Callable[[Bench], str], str]] = {
    "gymnasium": (
        rules.gymnasium_rules,
        "mend what Gymnasium's checker says; https://gymnasium.farama.org tells the API",
    ),
    "determinism": (
        rules.determinism,
        "draw every random choice from self.np_random after super().reset(seed=seed), or from "
        "the instance's name",
    ),
    "memory": (rules.memory, "set every attribute of the episode anew in reset()"),
    "instances": (
        rules.instances,
        "let the seed (or options['instance']) decide what is played, and tell it in "
        "info['instance']; name other splits in register(splits=...)",
    ),
    "reward": (
        rules.reward,
        "return 0.0 on every step but the last, then 1.0 for a success (with info['won'] True) "
        "and else 0.0; a step limit pays nothing",
    ),
    "spaces": (
        rules.spaces,
        "use oreo_envs.Prose() for both spaces, and return texts of at most 8,192 characters",
    ),
    "infos": (
        rules.infos,
        "return the same keys with the same types from reset() and step(): one method makes both",
    ),
    "commands": (
        rules.commands,
        "list in admissible_commands exactly what can be done now, each once, and set "
        "info['valid'] accordingly",
    ),
    "side by side": (
        rules.side_by_side,
        "keep what belongs to an episode in self, not in the class or the module",
    ),
    "prompt": (
        rules.prompts,
        "give register(prompt=...) an action_format and a parsing that fit each other",
    ),
    "expert": (rules.expert, "mend the expert, or register without one"),
    "wild commands": (
        strain.wild,
        "answer what you do not understand with a sentence and info['valid'] False",
    ),
    "workers": (
        strain.workers,
        "let nothing depend on the process: no order of sets or hashes, no files by relative "
        "path; register where the module is imported, not under __main__",
    ),
    "leaks": (
        strain.leaks,
        "let go in reset() and close() of what an episode made; keep no list of episodes",
    ),
    "speed": (
        strain.speed,
        "load data once, in __init__ or lazily, not in reset(); do not wait in step()",
    ),
}
"""Name, rule and remedy, in the order in which they are tried."""


def bench_of(name: str, *, data: str | None = None, seed: int = 0) -> Bench:
    """An environment, ready to be checked.

    Args:
        name: as `oreo_envs.find` takes it.
        data: where a task of ours finds its instances.
        seed: of the walks.

    Raises:
        LookupError: there is no such environment, or it has no instances.
        ValueError: what was registered is wrong.
    """
    found = find(name)
    told = found.registration
    task: Any = load_task(told.task) if told.task else EnvironmentTask(found)
    split = task.splits()[0]
    kwargs = {"split": split, "data": data} if told.task else {}
    instances = [instance.id for instance in task.instances(split, data)]
    if not instances:
        raise LookupError(f"{name}: the split {split!r} has no instances")
    expert, trouble = _expert(told)
    return Bench(
        name=found.name,
        make=partial(present, told, **kwargs),
        instances=instances,
        prompt=told.prompt,
        expert=expert,
        step_limit=task.step_limit,
        seed=seed,
        data=data,
        troubles=[trouble] if trouble else [],
    )


def _expert(told: Registration) -> tuple[Callable[[], Any] | None, str]:
    """What makes the expert; else why it cannot be imported, if there should be one."""
    if not isinstance(told.expert, str):
        return told.expert, ""
    try:
        return pkgutil.resolve_name(told.expert), ""
    except BREAKS as error:
        return None, f"{told.expert} cannot be imported: {in_one_line(error)}"


def check(name: str, *, data: str | None = None, seed: int = 0) -> Iterator[Finding]:
    """Try every rule on an environment; findings come as they are made.

    Raises:
        LookupError: there is no such environment.
        ValueError: what was registered is wrong.
    """
    bench = bench_of(name, data=data, seed=seed)
    for rule, (tried, remedy) in RULES.items():
        promise = (tried.__doc__ or "").strip()
        try:
            fault = tried(bench)
        except NotTried as why:
            yield Finding(rule=rule, promise=promise, passed=None, fault=str(why))
            continue
        except BREAKS as error:  # whatever a person's environment raises is a finding
            fault = in_one_line(error)
        yield Finding(
            rule=rule,
            promise=promise,
            passed=not fault,
            fault=fault,
            remedy=remedy if fault else "",
        )
