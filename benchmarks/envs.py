"""What it costs to present an environment: ours against the bare environment, steps a second.

    python benchmarks/envs.py --json FILE

Three sides are given the same commands on the same instances, some episodes at a time in turn, on
one core: ours (what `oreo_envs` presents), the environment as ``gymnasium.make`` hands it out (its
passive checker off), and the class itself. FrozenLake and Taxi are stepped by numbers there and in
words here; Keys is what `envs new` writes; Trivial answers every command by the same texts. Times
are processor times, medians of the rounds, resets left out. A share of 0.05 says that a step takes
1.05 times as long.

- ``overhead_NAME``: of ours against ``gymnasium.make``, for each world;
- ``over_class_NAME``: of ours against the class itself, which has no step limit and no guard;
- ``added_microseconds_NAME``: a step of ours less one of the class, in microseconds;
- ``worst_overhead``, ``worst_overhead_over_class``: the largest shares, Trivial left out: it does
  nothing, so that its shares compare our microseconds with nothing.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

import gymnasium
from machine import machine, write

import oreo_envs
from oreo_envs.presented import present
from oreo_envs.scaffold import new
from oreo_envs.toytext import LAKE_ACTIONS, TAXI, TAXI_ACTIONS
from oreo_tasks import load_task

ROUNDS = 15
STEPS = 20_000
TURN = 40
"""Episodes that one side plays before the next one plays them."""
NOTHING = "trivial"
"""The world whose share says nothing."""
Begin = Callable[[Any, str], Any]
Script = list[tuple[str, list[Any]]]
"""Instances, each with the commands that are given in it."""


class Trivial(gymnasium.Env[str, str]):
    """Says nothing of what it is asked."""

    def __init__(self) -> None:
        self.observation_space = self.action_space = oreo_envs.Prose()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin."""
        super().reset(seed=seed)
        return "Here you are.", {"admissible_commands": ("wait",), "won": False, "valid": True}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Wait."""
        info = {"admissible_commands": ("wait",), "won": False, "valid": True}
        return "Here you are.", 0.0, False, False, info


def scripted(env: Any, instances: Sequence[str], steps: int) -> Script:
    """Chance, written down: admissible commands until each instance ends."""
    rng, script, done = Random(0), [], 0
    while done < steps:
        instance = instances[len(script) % len(instances)]
        _, info = env.reset(options={"instance": instance})
        commands: list[str] = []
        over = False
        while not over and len(commands) < 50:
            commands.append(rng.choice(list(info["admissible_commands"])))
            _, _, terminated, truncated, info = env.step(commands[-1])
            over = terminated or truncated
        script.append((instance, commands))
        done += len(commands)
    return script


def named(env: Any, instance: str) -> Any:
    """Reset by the instance's name."""
    return env.reset(options={"instance": instance})


def seeded(env: Any, instance: str) -> Any:
    """Reset by the seed that the name stands for."""
    return env.reset(seed=int(instance))


def numbered(script: Script, actions: Sequence[str]) -> Script:
    """The same script in numbers."""
    return [(name, [actions.index(each) for each in commands]) for name, commands in script]


@dataclass(frozen=True, slots=True)
class Side:
    """One way to step a world."""

    name: str
    env: Any
    begin: Begin
    script: Script

    def timed(self, at: int) -> float:
        """Processor seconds of the steps of one episode."""
        instance, commands = self.script[at]
        self.begin(self.env, instance)
        step = self.env.step
        began = process_time()
        for command in commands:
            step(command)
        return process_time() - began


def sides_of(ours: Any, made: Any, bare: Any, begin: Begin, script: Script, theirs: Script) -> Any:
    """The three of a world; ``begin`` and ``theirs`` are of the last two."""
    return [
        Side("ours", ours, named, script),
        Side("made", made, begin, theirs),
        Side("bare", bare, begin, theirs),
    ]


def timed(sides: Sequence[Side]) -> dict[str, float]:
    """Microseconds a step of each side; which of them is the first changes with every turn."""
    seconds = dict.fromkeys([side.name for side in sides], 0.0)
    script = sides[0].script
    for turn, begin in enumerate(range(0, len(script), TURN)):
        first = turn % len(sides)
        for side in (*sides[first:], *sides[:first]):
            for at in range(begin, min(begin + TURN, len(script))):
                seconds[side.name] += side.timed(at)
    steps = sum(len(commands) for _, commands in script)
    return {name: 1e6 * spent / steps for name, spent in seconds.items()}


def worlds(steps: int) -> dict[str, list[Side]]:
    """All of them, by name."""
    found: dict[str, list[Side]] = {}
    seeds = [f"{seed:06d}" for seed in range(200)]
    off = {"disable_env_checker": True}
    for name, id, theirs, actions in (
        ("frozenlake", "oreo/FrozenLake-v0", "FrozenLake-v1", LAKE_ACTIONS),
        ("taxi", "oreo/Taxi-v0", TAXI, TAXI_ACTIONS),
    ):
        ours = present(oreo_envs.REGISTRATIONS[id])
        script = scripted(ours, seeds, steps)
        made = gymnasium.make(theirs, max_episode_steps=1000, **off)
        bare, numbers = gymnasium.make(theirs, **off).unwrapped, numbered(script, actions)
        found[name] = sides_of(ours, made, bare, seeded, script, numbers)
    oreo_envs.register("bench/Trivial-v0", Trivial)
    for name, id in (("keys", "bench_keys/Keys-v0"), (NOTHING, "bench/Trivial-v0")):
        ours = present(oreo_envs.find(id).registration)
        script = scripted(ours, seeds, steps)
        made, bare = gymnasium.make(id, **off), gymnasium.make(id, **off).unwrapped
        found[name] = sides_of(ours, made, bare, seeded, script, script)
    told: dict[str, Any] = {"split": "train", "data": "generated:small"}
    alfworld = "oreo/ALFWorld-v0"
    ours = present(oreo_envs.REGISTRATIONS[alfworld], **told)
    games = [each.id for each in load_task("alfworld").instances("train", "generated:small")[:50]]
    script = scripted(ours, games, steps)
    made = gymnasium.make(alfworld, **off, **told)
    bare = gymnasium.make(alfworld, **off, **told).unwrapped
    found["alfworld"] = sides_of(ours, made, bare, named, script, script)
    return found


def measured(steps: int) -> tuple[dict[str, float], dict[str, Any]]:
    """All figures, and what they are made of."""
    shares: dict[str, dict[str, float]] = {"made": {}, "bare": {}}
    added: dict[str, float] = {}
    details: dict[str, Any] = {}
    for name, sides in worlds(steps).items():
        rounds = [timed(sides) for _ in range(ROUNDS)]
        for against, share in shares.items():
            ratio = statistics.median(each["ours"] / each[against] for each in rounds)
            share[name] = round(ratio - 1, 3)
        added[name] = round(statistics.median(each["ours"] - each["bare"] for each in rounds), 2)
        details[name] = {
            f"{side}_microseconds": round(statistics.median(each[side] for each in rounds), 2)
            for side in rounds[0]
        }
    worst = {
        against: max(value for name, value in share.items() if name != NOTHING)
        for against, share in shares.items()
    }
    figures = {f"overhead_{name}": share for name, share in shares["made"].items()}
    figures |= {"worst_overhead": worst["made"]}
    figures |= {f"over_class_{name}": share for name, share in shares["bare"].items()}
    figures |= {"worst_overhead_over_class": worst["bare"]}
    return figures | {f"added_microseconds_{name}": cost for name, cost in added.items()}, details


def main() -> None:
    """Run all of it and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS, help="a side, in each round")
    parser.add_argument("--json", type=Path, help="where the figures go")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, str(new("bench_keys", Path(folder) / "package")))
        __import__("bench_keys")
        figures, details = measured(asked.steps)
    for key, value in figures.items():
        print(f"{key:<32}{value}")
    write(
        {"benchmark": "envs", "figures": figures, "details": details, "machine": machine()},
        asked.json,
    )


if __name__ == "__main__":
    main()
