"""The words of a world, collected from its first games: a tiny model's vocabulary."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing, suppress
from functools import partial
from random import Random
from typing import Any

import gymnasium

from oreo_envs.faults import BREAKS
from oreo_envs.heard import begun, heard, stepped, whole
from oreo_envs.players import Player, RandomPlayer
from oreo_envs.registration import Prompt
from oreo_tasks.task import Task

GAMES = 20
"""Games of the first split that are played by chance, and as many by the expert if there is one."""
MOST = 2000
"""Words; of more, the most frequent are kept."""
Make = Callable[[], "gymnasium.Env[str, str]"]
_WORD = re.compile(r"[A-Za-z]+|#+|[^A-Za-z\s#]")


def words_of(texts: Iterable[str]) -> list[str]:
    """Runs of letters, digits and marks, sorted; at most `MOST`, the frequent ones first."""
    counts = Counter(word for text in texts for word in _WORD.findall(text))
    return sorted(word for word, _ in counts.most_common(MOST))


class Unplayable(Exception):
    """All games of chance, or all of the expert, broke; of the first one it is told where."""

    def __init__(self, instance: str, turn: int, error: BaseException) -> None:
        super().__init__(f"instance {instance!r}, turn {turn}: {error}")
        self.place = f"instance {instance!r}, turn {turn}"
        self.error = error


def collected_words(
    task: Task, make: Make, prompt: Prompt, *, data: str | None = None, expert: Any = None
) -> list[str]:
    """The words of a world: of its instructions, and of games that are played here.

    The same world gives the same words: seeds are fixed, and so is the order. A game that breaks
    gives those that it said before.

    Args:
        task: of the world.
        make: makes its environment, for the first of its splits.
        prompt: how it is told.
        data: where the task finds its instances.
        expert: makes a `Player` who knows the way.

    Raises:
        Unplayable: every game of chance broke, or every one of the expert.
        LookupError, ValueError: the world cannot be made, or has no such split.
    """
    texts = [prompt.told()]
    instances = task.instances(task.splits()[0], data)[:GAMES]
    broken: dict[int, Unplayable] = {}
    played: set[int] = set()
    with ExitStack() as opened:
        env = opened.enter_context(closing(make()))
        for at, instance in enumerate(instances):
            makers = [partial(RandomPlayer, Random(at)), *([expert] if expert else [])]
            for who, player in enumerate(makers):
                try:
                    _play(env, instance.id, player, task.step_limit, texts)
                    played.add(who)
                except Unplayable as error:
                    broken.setdefault(who, error)
                    with suppress(*BREAKS):  # it is thrown away, because it is broken
                        opened.close()
                    env = opened.enter_context(closing(make()))
    for who, error in sorted(broken.items()):
        if who not in played:
            raise error
    return words_of(texts)


def _play(
    env: Any, instance: str, player: Callable[[], Player], limit: int, texts: list[str]
) -> None:
    """Add to ``texts`` all that is said and can be said in a game.

    Raises:
        Unplayable: the world or the player broke.
    """
    turn = 0
    try:
        playing = player()
        observation, info = begun(env.reset(options={"instance": instance}))
        playing.begin(observation)
        while turn < limit:
            info = heard(observation, info)
            commands = list(info.get("admissible_commands") or ())
            texts += [observation, *commands]
            if not commands and isinstance(playing, RandomPlayer):
                break
            command = whole(playing.act(observation, info))
            texts.append(command)
            turn += 1  # as faults count: the reply is said, whatever becomes of it
            observation, _, terminated, truncated, info = stepped(env.step(command))
            if terminated or truncated:
                break
    except BREAKS as error:
        raise Unplayable(instance, turn, error) from error
