"""How much memory it takes to look at, part, join, export and import a large store.

``python benchmarks/data.py [--episodes 100000] [--json FILE]`` makes a store of so many household
games and another of a tenth, then runs each operation of `oreo-agent data` on both in a process of
its own. ``NAME_memory_growth`` is the highest resident memory of that process on the large one
divided by that on the small one: 1 where memory does not grow with the store.
``NAME_episodes_per_second`` is of the large one, by processor time.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import machine, write
from made_up_store import made_up_store

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
    "export": (
        "from oreo_agent.rollouts.exporting import export; export(source, source + '.jsonl')"
    ),
    "import": (
        "from pathlib import Path\n"
        "from oreo_agent.rollouts.importing import ImportSettings, import_logs\n"
        "rows = (Path(source + '.jsonl'),)\n"
        "import_logs(ImportSettings(sources=rows, out=Path(new), format='records'))"
    ),
}
"""What each does with ``source``, a store, and ``new``, a folder to be; `export` makes what
`import` reads."""
PROBE = """
import json, sys, time
source, new = sys.argv[1:3]
began = time.process_time()
{work}
took = time.process_time() - began
with open("/proc/self/status") as status:
    # ru_maxrss would not do: it begins at the memory of the process that started this one
    (peak,) = (line.split()[1] for line in status if line.startswith("VmHWM:"))
print(json.dumps([took, int(peak) / 1024]))
"""


def measure(work: str, source: Path, new: Path) -> tuple[float, float]:
    """Processor time in seconds, highest resident memory in MiB; what was made is deleted."""
    command = [sys.executable, "-c", PROBE.format(work=work), str(source), str(new)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    for made in (new, new.with_name(f"{new.name}-held-out")):
        shutil.rmtree(made, ignore_errors=True)
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
        made_up_store(root / "large", given.episodes)
        made_up_store(root / "small", given.episodes // 10)
        for operation, work in OPERATIONS.items():
            _, small = measure(work, root / "small", root / f"{operation}-small")
            seconds, large = measure(work, root / "large", root / f"{operation}-large")
            figures[f"{operation}_memory_growth"] = round(large / small, 2)
            figures[f"{operation}_episodes_per_second"] = round(given.episodes / seconds)
            details[operation] = {
                "small_mib": round(small, 1),
                "large_mib": round(large, 1),
                "seconds": round(seconds, 1),
            }
            print(f"{operation}: {small:.0f} MiB -> {large:.0f} MiB, {seconds:.0f} s", flush=True)
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
