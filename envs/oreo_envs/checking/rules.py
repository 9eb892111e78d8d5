"""What an environment must keep to; each rule returns what is wrong, or nothing.

A rule that finds nothing to be tried on raises `NotTried`.
"""

import re
import warnings
from contextlib import closing
from typing import Any

from gymnasium.utils.env_checker import check_env

from oreo_envs.checking.walks import (
    Bench,
    NotTried,
    Walk,
    again,
    begin,
    difference,
    go,
    short,
    walked,
    wander,
)
from oreo_envs.heard import heard
from oreo_envs.presented import KEYS

NO_COMMANDS = "the environment tells no admissible commands"


def gymnasium_rules(bench: Bench) -> str:
    """Gymnasium's own checker is content."""
    with closing(bench.make()) as env, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inner: Any = getattr(env, "env", env)
        check_env(inner, skip_render_check=True, skip_close_check=True)
    return ""


def determinism(bench: Bench) -> str:
    """The same instance and commands give the same texts, rewards, ends and infos."""
    for walk in walked(bench)[:10]:
        with closing(bench.make()) as env:
            if told := difference(walk, again(env, walk)):
                return told
    return ""


def memory(bench: Bench) -> str:
    """An environment that was played before begins an instance as a new one does."""
    for instance in bench.some(3):
        with closing(bench.make()) as new, closing(bench.make()) as used:
            walk = wander(bench, new, instance)
            for other in bench.some(3):
                wander(bench, used, other)
            if told := difference(walk, again(used, walk)):
                return f"after other episodes, {told}"
    return ""


def instances(bench: Bench) -> str:
    """Each instance can be named, is told in info, and they are not all the same."""
    some = bench.some(20)
    with closing(bench.make()) as env:
        for instance in some:
            told = begin(env, instance).turns[0].info["instance"]
            if told != instance:
                return f"reset to {instance!r} and info['instance'] is {told!r}"
        first = wander(bench, env, some[0])
        courses = {_course(first)}
        for instance in some[1:]:
            courses.add(_course(again(env, Walk(instance, first.turns))))
    if len(courses) == 1 and len(some) > 1:
        return f"{len(some)} instances were played by the same commands and went exactly alike"
    return ""


def _course(walk: Walk) -> str:
    """An episode without the instance's name."""
    return repr([(turn.observation, turn.reward) for turn in walk.turns])


def reward(bench: Bench) -> str:
    """Reward is 0 until the end, then 0 or 1, as info['won'] says; nothing for a truncation."""
    for walk in walked(bench):
        for at, turn in enumerate(walk.turns):
            paid = turn.reward
            if not isinstance(paid, float | int) or paid not in (0.0, 1.0):
                return f"{walk.where(at)}: reward {paid!r}"
            if paid and not turn.terminated:
                return f"{walk.where(at)}: reward {paid!r} before the end"
            if turn.terminated and bool(turn.info.get("won")) != bool(paid):
                return f"{walk.where(at)}: reward {paid!r} and won {turn.info.get('won')!r}"
    return ""


def spaces(bench: Bench) -> str:
    """The spaces hold what is sent, both ways."""
    with closing(bench.make()) as env:
        seen, said = env.observation_space, env.action_space
    for walk in walked(bench):
        for at, turn in enumerate(walk.turns):
            if turn.observation not in seen:
                return f"{walk.where(at)}: {short(turn.observation)} is not in {seen}"
            for command in turn.info.get("admissible_commands") or ():
                if command not in said:
                    return f"{walk.where(at)}: the command {short(command)} is not in {said}"
    return ""


def infos(bench: Bench) -> str:
    """Info has the same keys with values of the same types, from reset on."""
    kinds: dict[str, type] = {}
    for walk in walked(bench):
        for at, turn in enumerate(walk.turns):
            if missing := sorted(KEYS - turn.info.keys()):
                return f"{walk.where(at)}: info lacks {', '.join(missing)}"
            if kinds and turn.info.keys() != kinds.keys():
                odd = sorted(turn.info.keys() ^ kinds.keys())
                return f"{walk.where(at)}: info has not always {', '.join(odd)}"
            for key, value in turn.info.items():
                if kinds.setdefault(key, type(value)) is not type(value):
                    was = kinds[key].__name__
                    return f"{walk.where(at)}: info[{key!r}] was {was} and is {short(value)}"
            try:
                heard(turn.observation, turn.info)
            except (TypeError, ValueError) as error:
                return f"{walk.where(at)}: {error}"
    return ""


def commands(bench: Bench) -> str:
    """Admissible commands are different texts, and each is admitted."""
    with closing(bench.make()) as env:
        for instance in bench.some(3):
            walk = begin(env, instance)
            told = list(walk.turns[0].info["admissible_commands"])
            if not told:
                raise NotTried(NO_COMMANDS)
            if not all(isinstance(each, str) and each.strip() for each in told):
                return f"{walk.where(0)}: admissible_commands holds {short(told)}"
            if len({*told}) < len(told):
                return f"{walk.where(0)}: admissible_commands names a command twice"
            for command in told[:20]:
                walk = begin(env, instance)
                if not go(env, walk, command).info["valid"]:
                    return f"{walk.where(1)}: is admissible, and info['valid'] is False"
    return ""


def side_by_side(bench: Bench) -> str:
    """Two environments in one process do not disturb each other."""
    one, other = (bench.some(2) * 2)[:2]
    with closing(bench.make()) as env:
        alone = [wander(bench, env, name) for name in (one, other)]
    with closing(bench.make()) as first, closing(bench.make()) as second:
        envs = (first, second)
        together = [begin(env, walk.instance) for env, walk in zip(envs, alone, strict=True)]
        for at in range(max(len(walk.turns) for walk in alone) - 1):
            for env, walk, known in zip(envs, together, alone, strict=True):
                if at < len(known.commands()):
                    go(env, walk, known.commands()[at])
    for walk, known in zip(together, alone, strict=True):
        if told := difference(known, walk):
            return f"alone, and then beside another: {told}"
    return ""


def prompts(bench: Bench) -> str:
    """What the prompt's action format says, its parsing reads."""
    told = {
        command
        for walk in walked(bench)
        for turn in walk.turns
        for command in turn.info.get("admissible_commands") or ()
    }
    if not told:
        raise NotTried(NO_COMMANDS)
    for command in sorted(told):
        said = bench.prompt.action_format.replace("{}", command)
        found = list(re.finditer(bench.prompt.parsing, said))
        if not found or found[-1][1] != command:
            read = found[-1][1] if found else "nothing"
            return f"the reply {short(said)} is read as {short(read)}"
    return ""


def expert(bench: Bench) -> str:
    """An expert wins, at least now and then, and never breaks."""
    won = [bool(walk.turns[-1].info["won"]) for walk in walked(bench) if walk.by_expert]
    if bench.troubles:
        return f"the expert breaks: {bench.troubles[0]}"
    if bench.expert is None:
        raise NotTried("it was registered without an expert")
    return "" if any(won) else f"the expert won none of {len(won)} games"
