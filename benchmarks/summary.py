"""Writes benchmarks/README.md from the JSON files in benchmarks/results.

python benchmarks/summary.py
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
COMMANDS = {
    "alfworld": (
        "python benchmarks/alfworld.py --data FOLDER --json benchmarks/results/alfworld.json"
    ),
    "browse": "python benchmarks/browse.py --json benchmarks/results/browse.json",
    "data": "python benchmarks/data.py --json benchmarks/results/data.json",
    "envs": "python benchmarks/envs.py --json benchmarks/results/envs.json",
    "gold": "python benchmarks/gold.py --data FOLDER --json benchmarks/results/gold.json",
    "learner": "python benchmarks/learner.py --trl --json benchmarks/results/learner.json",
    "rollout": (
        "python benchmarks/rollout.py --agent BUNDLE --data FOLDER "
        "--json benchmarks/results/rollout.json"
    ),
    "runtime": (
        "python benchmarks/runtime.py --agent BUNDLE --data generated:full "
        "--json benchmarks/results/runtime.json"
    ),
    "search": (
        "python benchmarks/search.py --agent BUNDLE --data puzzle --math FOLDER "
        "--json benchmarks/results/search.json"
    ),
}
HEAD = """\
# Benchmarks

Each script measures ours and the other side in one run, in turn, and prints medians of at least
five rounds; what is compared and how a figure is defined stands at the head of the script. Figures
are ratios of processor times where two sides are compared, so that other programs on the machine
do not flatter one of them. This page is written by `python benchmarks/summary.py` from the files in
`results/`.
"""


def section(result: dict[str, Any]) -> str:
    """One benchmark: its command, its figures, the machine."""
    name, machine = result["benchmark"], result["machine"]
    rows = "\n".join(f"| {key} | {value:,} |" for key, value in result["figures"].items())
    return (
        f"\n## {name}\n\n```\n{COMMANDS[name]}\n```\n\n"
        f"| figure | median |\n| --- | ---: |\n{rows}\n"
        f"\nPython {machine['python']}, {machine['cores']} cores, {machine['processor']}, "
        f"load {machine['load']}. Details: `results/{name}.json`.\n"
    )


def main() -> None:
    """Write the page."""
    results = [json.loads(path.read_text()) for path in sorted((HERE / "results").glob("*.json"))]
    (HERE / "README.md").write_text(HEAD + "".join(map(section, results)), encoding="utf-8")


if __name__ == "__main__":
    main()
