"""Walks through an environment, written down so that two of them can be compared."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import gymnasium

from oreo_envs.faults import BREAKS, in_one_line
from oreo_envs.heard import begun, listed, short, stepped
from oreo_envs.registration import Prompt

TURNS = 30
"""Steps of a walk at most."""
WALKS = 20
"""Instances that are walked through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """An environment that is being checked."""

    name: str
    """By which it is found, in another process too."""
    make: Callable[[], "gymnasium.Env[str, str]"]
    instances: Sequence[str]
    """Of its first split; two or more, for a world that has so many."""
    prompt: Prompt
    expert: Callable[[], Any] | None
    """None also where it cannot be imported."""
    step_limit: int
    seed: int
    data: str | None = None
    walks: "list[Walk]" = field(default_factory=lambda: list[Walk](), repr=False)
    """What `walked` has made."""
    troubles: list[str] = field(default_factory=list[str], repr=False)
    """What the expert broke at; of one that cannot be imported, why."""

    def some(self, count: int) -> list[str]:
        """Instances spread over the split."""
        step = max(1, len(self.instances) // count)
        return list(self.instances[::step][:count])


class NotTried(Exception):
    """There is nothing that a rule could be tried on; the message says why."""


class ExpertBroke(Exception):
    """It was the expert that raised, not the world; the message says what and where."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What an environment said at a reset (command None) or a step."""

    command: str | None
    observation: Any
    reward: Any
    terminated: Any
    truncated: Any
    info: dict[str, Any]

    @property
    def over(self) -> bool:
        """Whether the episode ends here."""
        return bool(self.terminated or self.truncated)

    def plain(self) -> str:
        """Equal for turns that are alike."""
        return repr((self.command, self.observation, self.reward, self.terminated, self.truncated,
                     sorted(self.info.items(), key=lambda item: item[0])))  # fmt: skip


@dataclass(slots=True)
class Walk:
    """An episode as it was played."""

    instance: str
    turns: list[Turn] = field(default_factory=list[Turn])
    by_expert: bool = False

    def plain(self) -> list[str]:
        """Equal for walks that are alike."""
        return [turn.plain() for turn in self.turns]

    def commands(self) -> list[str]:
        """All commands."""
        return [turn.command for turn in self.turns if turn.command is not None]

    def where(self, at: int) -> str:
        """A turn in words."""
        command = self.turns[at].command
        return f"instance {self.instance!r}, " + (
            "reset" if at == 0 else f"turn {at} ({command!r})"
        )


def begin(env: "gymnasium.Env[str, str]", instance: str) -> Walk:
    """Reset to an instance."""
    observation, info = begun(env.reset(options={"instance": instance}))
    return Walk(instance, [Turn(None, observation, 0.0, False, False, _told(info))])


def go(env: "gymnasium.Env[str, str]", walk: Walk, command: str) -> Turn:
    """One step more."""
    observation, reward, terminated, truncated, info = stepped(env.step(command))
    walk.turns.append(Turn(command, observation, reward, terminated, truncated, _told(info)))
    return walk.turns[-1]


def _told(info: dict[str, Any]) -> dict[str, Any]:
    commands = listed(info)
    return {**info, "admissible_commands": commands} if commands else {**info}


def wander(bench: Bench, env: "gymnasium.Env[str, str]", instance: str) -> Walk:
    """Play by chance to the end, or for as long as is allowed."""
    walk = begin(env, instance)
    rng = Random(f"{bench.seed}/{instance}")
    for _ in range(min(TURNS, bench.step_limit)):
        last = walk.turns[-1]
        if last.over:
            break
        go(env, walk, rng.choice(list(last.info.get("admissible_commands") or ["look"])))
    return walk


def follow(bench: Bench, env: "gymnasium.Env[str, str]", instance: str) -> Walk:
    """Play as the expert plays, to the step limit at most.

    Raises:
        ExpertBroke: the expert did.
    """
    assert bench.expert is not None
    walk = begin(env, instance)
    walk.by_expert = True
    with _of_expert(walk):
        expert = bench.expert()
        expert.begin(walk.turns[0].observation)
    for _ in range(bench.step_limit):
        last = walk.turns[-1]
        if last.over:
            break
        with _of_expert(walk):
            command = expert.act(last.observation, last.info)
        go(env, walk, command)
    return walk


@contextmanager
def _of_expert(walk: Walk) -> Generator[None]:
    try:
        yield
    except BREAKS as error:
        raise ExpertBroke(f"{walk.where(len(walk.turns) - 1)}: {in_one_line(error)}") from error


def again(env: "gymnasium.Env[str, str]", walk: Walk) -> Walk:
    """The same commands once more."""
    repeated = begin(env, walk.instance)
    for command in walk.commands():
        if go(env, repeated, command).over:
            break
    return repeated


def walked(bench: Bench) -> "list[Walk]":
    """Walks through `WALKS` instances, each by chance and by the expert if there is one.

    They are made once, by an environment of their own, and are the same for every rule. What the
    expert breaks at is left out here; it is among the bench's troubles.
    """
    known = bench.walks
    if not known:
        made: list[Walk] = []
        with closing(bench.make()) as env:
            for instance in bench.some(WALKS):
                made.append(wander(bench, env, instance))
                if bench.expert is None:
                    continue
                try:
                    made.append(follow(bench, env, instance))
                except ExpertBroke as broke:
                    bench.troubles.append(str(broke))
        known += made
    return known


def difference(one: Walk, other: Walk) -> str:
    """Where two walks part, in words; empty if they do not."""
    for at, (a, b) in enumerate(zip(one.turns, other.turns, strict=False)):
        if a.plain() == b.plain():
            continue
        for name in ("observation", "reward", "terminated", "truncated"):
            first, second = getattr(a, name), getattr(b, name)
            if first != second:
                return f"{one.where(at)}: {name} {short(first)} and then {short(second)}"
        keys = [k for k in {*a.info, *b.info} if repr(a.info.get(k)) != repr(b.info.get(k))]
        key = min(keys, default="?")
        return (
            f"{one.where(at)}: info[{key!r}] {short(a.info.get(key))} and then "
            f"{short(b.info.get(key))}"
        )
    if len(one.turns) != len(other.turns):
        return f"instance {one.instance!r} ends after {len(one.turns)} and {len(other.turns)} turns"
    return ""
