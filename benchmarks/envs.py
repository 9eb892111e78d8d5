"""What it costs to present an environment: ours against the bare environment, steps a second.

    python benchmarks/envs.py --json FILE

Three sides are given the same commands on the same instances, in turn, on one core: ours (what
`oreo_envs` presents), the environment as ``gymnasium.make`` hands it out (its passive checker
off), and the class itself. FrozenLake and Taxi are stepped by numbers there and in words here; Keys
is what `envs new` writes. Times are processor times, medians of the rounds. A figure is the
share by which a step takes longer, resets left out: 0.05 means 1.05 times as long.

- ``overhead_NAME``: of ours against ``gymnasium.make``, for each world;
- ``worst_overhead``: the largest of them;
- ``over_class_NAME``: of ours against the class itself, which nobody is handed;
- ``worst_overhead_over_class``: the largest of those.
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
from oreo_envs.toytext import LAKE_ACTIONS, TAXI_ACTIONS
from oreo_tasks import load_task

ROUNDS = 15
STEPS = 20_000
Begin = Callable[[Any, str], Any]
Script = list[tuple[str, list[Any]]]
"""Instances, each with the commands that are given in it."""


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


def timed(env: Any, begin: Begin, script: Script) -> float:
    """Processor seconds a step."""
    seconds, steps = 0.0, 0
    for instance, commands in script:
        begin(env, instance)
        step = env.step
        began = process_time()
        for command in commands:
            step(command)
        seconds += process_time() - began
        steps += len(commands)
    return seconds / steps


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
class World:
    """One world and the three ways to step it."""

    ours: Any
    made: Any
    bare: Any
    begin: Begin
    """Of the last two."""
    script: Script
    theirs: Script
    """The same for the last two."""

    def sides(self) -> dict[str, float]:
        """Seconds a step of each."""
        return {
            "ours": timed(self.ours, named, self.script),
            "made": timed(self.made, self.begin, self.theirs),
            "bare": timed(self.bare, self.begin, self.theirs),
        }


def worlds(steps: int) -> dict[str, World]:
    """All of them, by name."""
    found: dict[str, World] = {}
    seeds = [f"{seed:06d}" for seed in range(200)]
    off = {"disable_env_checker": True}
    for name, id, theirs, actions in (
        ("frozenlake", "oreo/FrozenLake-v0", "FrozenLake-v1", LAKE_ACTIONS),
        ("taxi", "oreo/Taxi-v0", "Taxi-v4", TAXI_ACTIONS),
    ):
        ours = present(oreo_envs.REGISTRATIONS[id])
        script = scripted(ours, seeds, steps)
        made = gymnasium.make(theirs, max_episode_steps=1000, **off)
        bare, numbers = gymnasium.make(theirs, **off).unwrapped, numbered(script, actions)
        found[name] = World(ours, made, bare, seeded, script, numbers)
    registration = oreo_envs.find("bench_keys/Keys-v0").registration
    ours = present(registration)
    script = scripted(ours, seeds, steps)
    made, bare = gymnasium.make(registration.id, **off), gymnasium.make(registration.id).unwrapped
    found["keys"] = World(ours, made, bare, seeded, script, script)
    told: dict[str, Any] = {"split": "train", "data": "generated:small"}
    ours = present(oreo_envs.REGISTRATIONS["oreo/ALFWorld-v0"], **told)
    games = [each.id for each in load_task("alfworld").instances("train", "generated:small")[:50]]
    script = scripted(ours, games, steps)
    made = gymnasium.make("oreo/ALFWorld-v0", **off, **told)
    bare = gymnasium.make("oreo/ALFWorld-v0", **off, **told).unwrapped
    found["alfworld"] = World(ours, made, bare, named, script, script)
    return found


def measured(steps: int) -> tuple[dict[str, float], dict[str, Any]]:
    """All ratios, and what they are made of."""
    made: dict[str, float] = {}
    bare: dict[str, float] = {}
    details: dict[str, Any] = {}
    for name, world in worlds(steps).items():
        rounds = [world.sides() for _ in range(ROUNDS)]
        for against, figures in (("made", made), ("bare", bare)):
            ratio = statistics.median(each["ours"] / each[against] for each in rounds)
            figures[name] = round(ratio - 1, 3)
        details[name] = {
            f"{side}_steps_per_second": round(1 / statistics.median(each[side] for each in rounds))
            for side in rounds[0]
        }
    figures = {f"overhead_{name}": share for name, share in made.items()}
    figures |= {"worst_overhead": max(made.values())}
    figures |= {f"over_class_{name}": share for name, share in bare.items()}
    return figures | {"worst_overhead_over_class": max(bare.values())}, details


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
