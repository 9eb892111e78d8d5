"""How much faster our ALFWorld interpreter is than the stock engine, on the same games and walks.

    python benchmarks/alfworld.py --data FOLDER --json FILE [--games 6] [--steps 25]

Both engines play the same commands of the same games in turn, in one process, one game of each
type; every text and every list of admissible commands is compared on the way. Times are processor
times. Figures (medians):

- ``steps_vs_stock``: time of a stock step / time of ours, both with admissible commands;
- ``reset_vs_stock``: time of a stock reset (load and reset) / ours of a game that is cached on disk
  and not in memory;
- ``memory_per_live_game_mb``: of a game being played, its compiled tables included, after a walk;
- ``vector_steps_per_second``: of the native vector environment, 32 live games, random commands;
- ``gymnasium_make_overhead``: time of a step through ``gymnasium.make`` / through the bare world.

Without the stock engine (extra [stock]) its two ratios are left out.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
from machine import machine, write

from oreo_envs.alfworld.compile import compile_game
from oreo_envs.alfworld.shelf import Shelf
from oreo_envs.alfworld.vector import AlfworldVectorEnv
from oreo_envs.alfworld.world import World
from oreo_tasks.alfworld import task_type_of
from oreo_tasks.alfworld.games import TASK_TYPES

ID = "oreo_envs:oreo/ALFWorld-v0"
LIVE = 32
ROUNDS = 5


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of processor time that ``act`` took, and what it returned.

    Not wall time: where other programs run too, the longer act is interrupted more often, which
    would flatter the shorter one.
    """
    start = time.process_time()
    result = act()
    return time.process_time() - start, result


def walk(world: World, steps: int, rng: random.Random) -> list[str]:
    """Commands of a random walk through the game and then of its walkthrough."""
    commands = []
    for _ in range(steps):
        commands.append(rng.choice(world.admissible()))
        world.step(commands[-1])
    return [*commands, *world.game.walkthrough]


def one_of_each_type(shelf: Shelf, games: int) -> list[str]:
    """Instance ids, the types in turn."""
    by_type = [[id for id in shelf.ids if task_type_of(id) == kind] for kind in TASK_TYPES]
    return [by_type[n % 6][n // 6] for n in range(games)]


def side_by_side(shelf: Shelf, ids: list[str], steps: int) -> dict[str, list[float]]:
    """Seconds a step and a reset took, ours and the stock engine's, interleaved."""
    from oreo_envs.alfworld.stock import StockStage

    # This file bears the name of the package that the stock engine imports.
    sys.path[:] = [p for p in sys.path if Path(p).resolve() != Path(__file__).resolve().parent]
    stock = StockStage(shelf)
    took: dict[str, list[float]] = {"step": [], "stock_step": [], "reset": [], "stock_reset": []}
    for n, id in enumerate(ids):
        commands = walk(shelf.world(id), steps, random.Random(n))
        seconds, theirs = timed(lambda id=id: stock.begin(id))
        took["stock_reset"].append(seconds)
        shelf._ready.clear()  # on disk, not in memory
        seconds, world = timed(lambda id=id: shelf.world(id))
        took["reset"].append(seconds)
        assert world.intro == theirs
        for command in commands:
            seconds, theirs = timed(lambda c=command: (stock.step(c), stock.admissible()))
            took["stock_step"].append(seconds)
            seconds, ours = timed(lambda w=world, c=command: (w.step(c), w.admissible()))
            took["step"].append(seconds)
            assert ours == theirs, f"{id}: {command!r} is told unlike"
    return took


def memory_of_a_live_game(shelf: Shelf) -> float:
    """Megabytes a live game takes, each a game of its own, after a walk of 30 commands."""
    texts = [(id, shelf.text(id)) for id in shelf.ids[:LIVE]]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    worlds = []
    for n, (id, text) in enumerate(texts):
        worlds.append(World(compile_game(text, id=id)))
        walk(worlds[-1], 30, random.Random(n))
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / len(worlds) / 1e6


def vector_speed(data: str, split: str) -> float:
    """Steps a second of all slots together; finished slots are reset on the way."""
    env = AlfworldVectorEnv(LIVE, split=split, data=data)
    rng = random.Random(0)
    _, infos = env.reset(seed=0)
    lists = infos["admissible_commands"].tolist()
    rates = []
    for _ in range(ROUNDS):
        start, turns = time.process_time(), 100
        for _ in range(turns):
            _, _, won, cut, infos = env.step([rng.choice(commands) for commands in lists])
            lists = infos["admissible_commands"].tolist()
            over = won | cut
            if over.any():
                _, infos = env.reset(options={"reset_mask": over})
                for slot in over.nonzero()[0]:
                    lists[slot] = infos["admissible_commands"][slot]
        rates.append(turns * LIVE / (time.process_time() - start))
    env.close()
    return statistics.median(rates)


def make_overhead(shelf: Shelf, data: str, split: str, ids: list[str]) -> float:
    """Time of a step through gymnasium.make over that of the bare world, on the same walks."""
    env = gymnasium.make(ID, split=split, data=data, step_limit=10_000)
    ratios = []
    for n in range(ROUNDS):
        for id in ids:
            commands = before_the_win(shelf.world(id), walk(shelf.world(id), 300, random.Random(n)))
            world = shelf.world(id)
            bare, _ = timed(lambda w=world, c=commands: play_bare(w, c))
            env.reset(options={"instance": id})
            through, _ = timed(lambda c=commands: [env.step(command) for command in c])
            ratios.append(through / bare)
    env.close()
    return statistics.median(ratios)


def before_the_win(world: World, commands: list[str]) -> list[str]:
    """The commands up to the one that wins."""
    for n, command in enumerate(commands):
        world.step(command)
        if world.won:
            return commands[: n + 1]
    return commands


def play_bare(world: World, commands: list[str]) -> None:
    """Do all that a step of the environment does, without Gymnasium."""
    for command in commands:
        world.step(command)
        world.admissible()


def measure(data: str, split: str, games: int, steps: int) -> dict[str, Any]:
    """All figures."""
    shelf = Shelf(split, data)
    ids = one_of_each_type(shelf, games)
    for id in shelf.ids[:200]:
        shelf.game(id)
    for id in ids:
        shelf.game(id)
    shelf.flush()
    figures: dict[str, Any] = {}
    details: dict[str, Any] = {}
    try:
        took = side_by_side(Shelf(split, data), ids, steps)
    except ImportError as error:
        details["left_out"] = str(error)
    else:
        median = {name: statistics.median(seconds) for name, seconds in took.items()}
        figures["steps_vs_stock"] = round(median["stock_step"] / median["step"])
        figures["reset_vs_stock"] = round(median["stock_reset"] / median["reset"])
        details["microseconds"] = {name: round(1e6 * s, 1) for name, s in median.items()}
        details["compared"] = {"games": len(ids), "steps": len(took["step"]), "differences": 0}
    figures["memory_per_live_game_mb"] = round(memory_of_a_live_game(shelf), 4)
    figures["vector_steps_per_second"] = round(vector_speed(data, split))
    figures["gymnasium_make_overhead"] = round(make_overhead(shelf, data, split, ids), 2)
    return {"figures": figures, "details": details, "machine": machine()}


def main() -> None:
    """Measure, print, and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--data", default=os.environ.get("ALFWORLD_DATA", "generated:full"))
    parser.add_argument("--split", default="valid_seen")
    parser.add_argument("--games", type=int, default=6)
    parser.add_argument("--steps", type=int, default=25, help="random steps a game")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        report = {"benchmark": "alfworld", **measure(args.data, args.split, args.games, args.steps)}
    for name, figure in report["figures"].items():
        print(f"{name:28} {figure:>12,}")
    write(report, args.json)


if __name__ == "__main__":
    main()
