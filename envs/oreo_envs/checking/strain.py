"""What an environment must bear: wild commands, other processes, many episodes, and haste."""

import gc
import importlib.util
import multiprocessing
import os
import threading
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from time import perf_counter
from typing import Any

from oreo_envs.checking.walks import (
    Bench,
    NotTried,
    Walk,
    again,
    begin,
    difference,
    go,
    short,
    wander,
)
from oreo_envs.faults import BREAKS, in_one_line

WILD = 60
"""Lists of wild commands."""
SLOWEST = 20.0
"""Steps a second below which collecting thousands of episodes takes hours."""
LEAK = 2048
"""Bytes an episode that was played before may leave behind."""
EPISODES = 20
"""Of each of three rounds in which leaks are looked for."""
PATIENCE = 120.0
"""Seconds that another process may take to play five short walks."""


class _FaultFound(Exception):
    """Of one kind, whatever the fault, so that hypothesis makes one thing small."""


def wild(bench: Bench) -> str:
    """Any text is answered: no command raises, and what cannot be done is not won."""
    if importlib.util.find_spec("hypothesis") is None:
        raise NotTried("hypothesis is not installed; `pip install hypothesis` adds it")
    from hypothesis import HealthCheck, given, seed, settings  # noqa: PLC0415
    from hypothesis import strategies as st  # noqa: PLC0415

    found: list[str] = []
    instance = bench.some(1)[0]
    with closing(bench.make()) as env:
        known = [*begin(env, instance).turns[0].info["admissible_commands"]]
        texts = st.text(max_size=40)
        twisted = st.sampled_from(known).map(lambda c: c[::-1]) if known else texts
        mixed = st.sampled_from(known) if known else texts

        @seed(bench.seed)
        @settings(
            max_examples=WILD, database=None, deadline=None,
            suppress_health_check=list[Any](HealthCheck),
        )  # fmt: skip
        @given(st.lists(st.one_of(texts, twisted, mixed), max_size=6))
        def tried(commands: list[str]) -> None:
            walk = begin(env, instance)
            for command in commands:
                fault, over = _answered(env, walk, command)
                if fault:
                    found.append(f"the command {short(command)} {fault}")
                    raise _FaultFound
                if over:
                    break

        try:
            tried()
        except Exception:
            if not found:
                raise
    return found[-1] if found else ""  # the smallest that hypothesis could find


def _answered(env: Any, walk: Walk, command: str) -> tuple[str, bool]:
    """What is wrong with the answer to a command, and whether the episode is over."""
    try:
        turn = go(env, walk, command)
    except BREAKS as error:
        return f"raises {in_one_line(error)}", True
    if not isinstance(turn.observation, str):
        return "is answered with no text", turn.over
    if turn.info.get("valid") is False and (turn.info.get("won") or turn.reward):
        return "cannot be done (info['valid'] is False), and wins", turn.over
    return "", turn.over


def workers(bench: Bench) -> str:
    """Another process finds the environment by its name, and plays exactly the same."""
    with closing(bench.make()) as env:
        here = [wander(bench, env, instance) for instance in bench.some(5)]
    context = multiprocessing.get_context("spawn")
    home, there = context.Pipe()
    told = [(walk.instance, walk.commands()) for walk in here]
    process = context.Process(target=_elsewhere, args=(there, bench.name, bench.data, told))
    process.start()
    there.close()
    try:
        said: Any = home.recv() if home.poll(PATIENCE) else "no answer within two minutes"
    except EOFError:
        said = "the process ended without an answer"
    finally:
        process.terminate()
        process.join()
        home.close()
    if isinstance(said, str):
        return f"in another process: {said}"
    for walk, other in zip(here, said, strict=True):
        if told_apart := difference(walk, other):
            return f"here, and then in another process: {told_apart}"
    return ""


def _elsewhere(home: Any, name: str, data: str | None, told: list[tuple[str, list[str]]]) -> None:
    """Play walks again and send them home; what goes wrong is sent as text."""
    from oreo_envs.checking import bench_of  # noqa: PLC0415 - it imports this module

    try:
        walks: list[Walk] = []
        with closing(bench_of(name, data=data).make()) as env:
            for instance, commands in told:
                walk = begin(env, instance)
                for command in commands:
                    go(env, walk, command)
                walks.append(walk)
        home.send(walks)
    except BREAKS as error:
        home.send(in_one_line(error))


def leaks(bench: Bench) -> str:
    """Episodes that were played before leave nothing behind: memory, threads, open files."""
    with closing(bench.make()) as env:
        walks = [wander(bench, env, instance) for instance in bench.some(5)]
        tracemalloc.start()
        try:
            marks = [_left(env, walks) for _ in range(3)]
        finally:
            tracemalloc.stop()
    for at, what in enumerate(("open files", "threads", "bytes")):
        grown = [b[at] - a[at] for a, b in pairwise(marks)]
        least = LEAK * EPISODES if what == "bytes" else EPISODES // 2
        if min(grown) > least:
            return f"{min(grown) / EPISODES:,.0f} {what} more after each episode"
    return ""


def _left(env: Any, walks: list[Walk]) -> tuple[int, int, int]:
    for at in range(EPISODES):
        again(env, walks[at % len(walks)])
    gc.collect()
    folder = "/proc/self/fd"
    files = len(os.listdir(folder)) if os.path.isdir(folder) else 0
    return files, threading.active_count(), tracemalloc.get_traced_memory()[0]


def speed(bench: Bench, clock: Callable[[], float] = perf_counter) -> str:
    """At least 20 steps a second, resets included: thousands of episodes are collected."""
    with closing(bench.make()) as env:
        wander(bench, env, bench.some(1)[0])
        began, steps = clock(), 0
        for instance in bench.some(5):
            steps += len(wander(bench, env, instance).turns)
        pace = steps / max(clock() - began, 1e-9)
    return "" if pace >= SLOWEST else f"{pace:.1f} steps a second"
