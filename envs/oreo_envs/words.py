"""The words of a world, collected from its first games: a tiny model's vocabulary."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from random import Random
from typing import Any

import gymnasium

from oreo_envs.heard import heard, whole
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


def collected_words(
    task: Task, make: Make, prompt: Prompt, *, data: str | None = None, expert: Any = None
) -> list[str]:
    """The words of a world: of its instructions, and of games that are played here.

    The same world gives the same words: seeds are fixed, and so is the order.

    Args:
        task: of the world.
        make: makes its environment, for the first of its splits.
        prompt: how it is told.
        data: where the task finds its instances.
        expert: makes a `Player` who knows the way.

    Raises:
        LookupError, ValueError: the world cannot be played.
    """
    texts = [prompt.told()]
    instances = task.instances(task.splits()[0], data)[:GAMES]
    with closing(make()) as env:
        for at, instance in enumerate(instances):
            players: list[Player] = [RandomPlayer(Random(at))]
            if expert is not None:
                players.append(expert())
            for player in players:
                texts += _heard(env, instance.id, player, task.step_limit)
    return words_of(texts)


def _heard(env: Any, instance: str, player: Player, limit: int) -> list[str]:
    """All that is said and can be said in a game that ``player`` plays."""
    texts: list[str] = []
    observation, info = env.reset(options={"instance": instance})
    player.begin(observation)
    for _ in range(limit):
        info = heard(observation, info)
        commands = list(info["admissible_commands"])
        texts += [observation, *commands]
        if not commands and isinstance(player, RandomPlayer):
            break
        command = whole(player.act(observation, info))
        texts.append(command)
        observation, _, terminated, truncated, info = env.step(command)
        if terminated or truncated:
            break
    return texts
