"""Who plays without a model: the expert of a task, the same with slips, and blind chance."""

import pkgutil
from collections.abc import Callable
from functools import cache, partial
from random import Random
from typing import Any

from oreo_agent.errors import SettingError
from oreo_agent.rollouts.players import TextPolicy
from oreo_agent.rollouts.stage import Stage, find_task, named_faults, registration_of
from oreo_envs.faults import BREAKS, in_one_line
from oreo_envs.players import RandomPlayer, Slipping
from oreo_envs.presented import present
from oreo_envs.registration import REGISTRATIONS
from oreo_envs.task import EnvironmentTask
from oreo_envs.words import GAMES, Unplayable, collected_words


def chance(task: str) -> Callable[[int], TextPolicy]:
    """Makes a random player of a task for a seed.

    Raises:
        SettingError: there is nothing that it could draw from.
    """
    _refuse_questions(task, "--policy random")
    return lambda seed: RandomPlayer(Random(seed))


def expert(task: str, epsilon: float = 0.0) -> Callable[[int], TextPolicy]:
    """Makes an expert of a task for a seed.

    Args:
        task: or environment.
        epsilon: share of the turns that chance plays.

    Raises:
        SettingError: there is no expert, or none who could slip.
    """
    knows = _registered_expert(task)
    if knows is None:
        raise SettingError(
            f"{task} was registered without an expert; name one (expert=...), collect with "
            "--policy random, or let a model play"
        )
    if epsilon:
        _refuse_questions(task, "--epsilon")
    made: Any = _resolved(knows, task) if isinstance(knows, str) else knows
    return lambda seed: Slipping(made(), epsilon, Random(seed))


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
    own = isinstance(found, EnvironmentTask)
    settings = {} if own else {"split": stage.split, "data": data}
    make = partial(present, registration, **settings)
    made: Any = None if registration.expert is None else partial(expert(task), 0)
    with named_faults(f"environment {task}", own=own):
        try:
            return tuple(collected_words(found, make, registration.prompt, data=data, expert=made))
        except Unplayable as broken:
            with named_faults(f"environment {task}, {broken.place}", own=own):
                raise broken.error from None


def _registered_expert(task: str) -> str | Callable[[], Any] | None:
    found = find_task(task)
    if isinstance(found, EnvironmentTask):
        return found.registration.expert
    registration = REGISTRATIONS[found.environment]
    # a task may be told in the world of another one, whose expert does not know it
    return registration.expert if registration.task == found.name else None


def _refuse_questions(task: str, what: str) -> None:
    """A solution is one reply, and there are no commands to choose it from."""
    if hasattr(find_task(task), "delimiters"):
        raise SettingError(
            f"{task} asks questions, which chance cannot answer; leave {what} out, or let a model "
            "play"
        )


def _resolved(place: str, task: str) -> Any:
    try:
        return pkgutil.resolve_name(place)
    except BREAKS as error:
        raise SettingError(
            f"the expert of {task} cannot be imported: {in_one_line(error)}; register it as "
            "module:Class"
        ) from error
