"""How much memory it takes to look at, part and join a large store.

``python benchmarks/data.py [--episodes 100000] [--json FILE]`` makes a store of so many episodes
and another of a tenth, then runs each operation of `oreo-agent data` on both in a process of its
own. ``NAME_memory_growth`` is the highest resident memory on the large one divided by that on the
small one: 1 where memory does not grow with the store. ``NAME_episodes_per_second`` is of the large
one.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import machine, write

OPERATIONS = {
    "stats": "from oreo_agent.records.stats import stats; stats([source])",
    "check": "from oreo_agent.rollouts.checking import check_store; check_store(source)",
    "filter": (
        "from oreo_agent.records.selecting import filter_store\n"
        "from oreo_agent.records.listing import Filter\n"
        "filter_store(source, new, Filter(ends=('won',)))"
    ),
    "dedupe": "from oreo_agent.records.selecting import dedupe_store; dedupe_store(source, new)",
    "split": (
        "from oreo_agent.records.selecting import split_store\n"
        "split_store(source, new, new + '-held-out', share=0.1)"
    ),
    "merge": "from oreo_agent.records.merge import merge; merge(new, [source])",
    "export": "from oreo_agent.rollouts.exporting import export; export(source, new + '.jsonl')",
}
PROBE = """
import json, resource, sys, time
source, new = sys.argv[1:3]
began = time.perf_counter()
{work}
took = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([took, peak]))
"""


def make(folder: Path, episodes: int) -> None:
    """A store of plain episodes of four turns, four an instance."""
    from oreo_agent.records.episode import Episode, PolicyRecord, Segment
    from oreo_agent.records.store import Store

    with Store.create(folder, prompt="react", tokenizer="") as store:
        for number in range(episodes):
            segments = [
                Segment(kind=kind, ids=(), text=f"{kind} {number % 97} {turn} of some words")
                for turn in range(4)
                for kind in ("observation", "action")
            ]
            store.append(
                Episode(
                    id=f"e{number:07}",
                    task="t",
                    environment="",
                    split="train",
                    instance=f"i{number // 4}",
                    task_type="",
                    seed=0,
                    repeat=number % 4,
                    policy=PolicyRecord(kind="import"),
                    prompt="react",
                    tokenizer="",
                    segments=tuple(segments),
                    reward=float(number % 3 == 0),
                    end="won" if number % 3 == 0 else "lost",
                    seconds=0.0,
                )
            )


def measure(work: str, source: Path, new: Path) -> tuple[float, float]:
    """Seconds, and the highest resident memory in MB."""
    command = [sys.executable, "-c", PROBE.format(work=work), str(source), str(new)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def main() -> None:
    """Make the stores, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures: dict[str, float] = {}
    details: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make(root / "large", given.episodes)
        make(root / "small", given.episodes // 10)
        for operation, work in OPERATIONS.items():
            _, small = measure(work, root / "small", root / f"{operation}-small")
            seconds, large = measure(work, root / "large", root / f"{operation}-large")
            figures[f"{operation}_memory_growth"] = round(large / small, 2)
            figures[f"{operation}_episodes_per_second"] = round(given.episodes / seconds)
            details[operation] = {"small_mb": small, "large_mb": large, "seconds": seconds}
            print(f"{operation}: {small:.0f} MB -> {large:.0f} MB, {seconds:.0f} s", flush=True)
    write(
        {
            "benchmark": "data",
            "figures": figures,
            "details": details,
            "machine": machine(),
        },
        given.json,
    )


if __name__ == "__main__":
    main()
