"""Who plays without a model: the expert of a task, the same with slips, and blind chance."""

import pkgutil
from collections.abc import Callable
from functools import cache, partial
from random import Random
from typing import Any

from oreo_agent.errors import SettingError
from oreo_agent.registry import Registry
from oreo_agent.rollouts.players import TextPolicy
from oreo_agent.rollouts.stage import Stage, find_task, named_faults, registration_of
from oreo_envs.players import RandomPlayer, Slipping
from oreo_envs.presented import present
from oreo_envs.task import EnvironmentTask
from oreo_envs.words import GAMES, collected_words

EXPERTS: Registry[Any] = Registry(
    "task with an expert",
    {
        "alfworld": "oreo_envs.alfworld.expert:Expert",
        "gsm8k": "oreo_envs.questions.worked:Worked",
        "math": "oreo_envs.questions.worked:Worked",
        "openbookqa": "oreo_envs.questions.worked:Worked",
        "questions": "oreo_envs.questions.worked:Worked",
        "strategyqa": "oreo_envs.questions.worked:Worked",
        "wordproblems": "oreo_envs.questions.worked:Worked",
    },
)
NOISY_EXPERTS: Registry[Any] = Registry(
    "task with a noisy expert", {"alfworld": "oreo_envs.alfworld.policies:NoisyExpert"}
)
RANDOM_PLAYERS: Registry[Any] = Registry(
    "task with a random player", {"alfworld": "oreo_envs.alfworld.policies:RandomPolicy"}
)


def chance(task: str) -> Callable[[int], TextPolicy]:
    """Makes a random player of a task for a seed.

    Raises:
        SettingError: nobody knows what it could draw from.
    """
    made: Any = RandomPlayer
    if registration_of(task) is None:
        made = RANDOM_PLAYERS.load(task)
    return lambda seed: made(Random(seed))


def expert(task: str, epsilon: float = 0.0) -> Callable[[int], TextPolicy]:
    """Makes an expert of a task for a seed.

    Args:
        task: or environment.
        epsilon: share of the turns that chance plays.

    Raises:
        SettingError: there is no expert, or none who slips.
    """
    registration = registration_of(task)
    if registration is not None:
        knows = registration.expert
        if knows is None:
            raise SettingError(
                f"{task} was registered without an expert; name one (expert=...), or collect with "
                "--policy random"
            )
        made: Any = _resolved(knows, task) if isinstance(knows, str) else knows
        slipping: Any = Slipping
    else:
        made = EXPERTS.load(task)
        slipping = NOISY_EXPERTS.load(task) if epsilon or task in NOISY_EXPERTS.names() else None
    if slipping is None:
        return lambda seed: made()
    return lambda seed: slipping(made(), epsilon, Random(seed))


@cache
def world_words(task: str, data: str | None = None) -> tuple[str, ...]:
    """The words of a registered environment, from games that are played here.

    Args:
        task: or environment.
        data: where it finds its instances.

    Raises:
        OreoError: it cannot be played.
    """
    registration, found = registration_of(task), find_task(task)
    assert registration is not None
    stage = Stage(task=task, split=found.splits()[0], data=data)
    stage.prepare([instance.id for instance in stage.instances()[:GAMES]])
    settings = {} if isinstance(found, EnvironmentTask) else {"split": stage.split, "data": data}
    make = partial(present, registration, **settings)
    made: Any = None if registration.expert is None else partial(expert(task), 0)
    with named_faults(f"environment {task}"):
        return tuple(collected_words(found, make, registration.prompt, data=data, expert=made))


def _resolved(place: str, task: str) -> Any:
    try:
        return pkgutil.resolve_name(place)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingError(
            f"the expert of {task} cannot be imported: {error}; register it as module:Class"
        ) from error
