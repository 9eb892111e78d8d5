"""The demo's recipe: an agent of the small generated households, from nothing, in minutes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from oreo_agent.errors import SettingError

TURNS = "20"
"""Small homes need 6 turns; with twice 20 a wasted one would cost nothing."""
DATA = "generated:small"


def commands(
    out: Path, *, data: str = DATA, seed: str = "0", workers: int = 2
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is to be said, and the command of `oreo-agent` that does it, one after the other.

    The trained agent is ``out / "oreo"``. A command that was stopped goes on where it was.

    Args:
        out: folder of everything.
        data: games, or a tier of generated ones.
        seed: of every random choice.
        workers: processes that play.
    """
    expert, own = str(out / "expert"), str(out / "episodes")
    sft, oreo = str(out / "sft"), str(out / "oreo")
    task = ("--task", "alfworld", "--split", "train", "--data", data, "--seed", seed)
    task = (*task, "--step-limit", TURNS)
    yield (
        "An expert that sees only the text shows a few times how it is done.",
        ("rollout", "--policy", "expert", *task, "--episodes", "400", "--out", expert),
    )
    yield (
        "A model of less than half a million weights, made from nothing, imitates it (SFT).",
        ("train", "--data", expert, "--out", sft, "--config", "demo-sft", "--seed", seed),
    )
    many = ("--episodes", "4800", "--repeats", "2", "--temperature", "1")
    yield (
        "It plays by itself, wins some and loses some; both are kept.",
        ("rollout", "--policy", sft, *task, *many, "--workers", str(workers), "--out", own),
    )
    recipe = ("--config", "demo-oreo", "--seed", seed)
    yield (
        "OREO learns a value and a better policy from these episodes, offline.",
        ("train", "--data", own, "--model", sft, "--out", oreo, *recipe),
    )


def train_first(out: Path, say: Callable[[str], None]) -> Path:
    """Run the recipe, each command in a process of its own.

    Args:
        out: folder of everything.
        say: is told what happens.

    Returns:
        The folder of the agent.

    Raises:
        SettingError: a command failed; what it said stands above.
    """
    for told, arguments in commands(out):
        say(told)
        say("$ " + " ".join(("oreo-agent", *arguments)))
        done = subprocess.run(
            [sys.executable, "-m", "oreo_agent", *arguments],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            check=False,
        )
        if done.returncode:
            raise SettingError(
                "the recipe stopped; run `oreo-agent play` again and it goes on, or name an agent"
            )
    return out / "oreo"
