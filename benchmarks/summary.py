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
ABOUT = {
    "alfworld": """\
Compares our ALFWorld interpreter with the stock engine on the same games and commands.
`steps_vs_stock` and `reset_vs_stock` are ratios of times, stock to ours; a reset loads a game that
is cached on disk. `vector_steps_per_second` is of 32 live games. `gymnasium_make_overhead`
compares a step through `gymnasium.make` with one of the bare world.
""",
    "browse": """\
Measures `data show` on a store of 100,000 episodes. The first two figures are wall seconds until a
first screen with rows, and until its header has all counts; the others are processor times.
`search_vs_decoding` compares decoding every episode with a search that finds nothing. `screen_mb`
is the memory of the browser and `store_mb` the database on disk.
""",
    "data": """\
Runs each `data` command on 10,000 and on 100,000 made-up household games, once and in a process of
its own. `NAME_memory_growth` is the highest memory on the large store divided by that on the small
one, so 1 means that memory does not grow. `NAME_episodes_per_second` is of the large store, by
processor time.
""",
    "envs": """\
Compares the environments as `oreo_envs` presents them with the bare ones. `overhead_NAME` is
against `gymnasium.make` and `over_class_NAME` against the class itself; 0.05 means that a step
takes 1.05 times as long. `added_microseconds_NAME` is what a step takes beyond one of the class.
The `worst_` figures leave out `trivial`, which does nothing.
""",
    "gold": """\
Checks the verifiers against official question sets. `NAME_gold_right` is the share of gold
solutions that are judged right. `perturbed_right` counts changed answers that are judged right,
over all sets. `rewritten_right` is the share of MATH answers that are still right after an
algebraic rewriting. The last two figures are wall seconds for 5,000 MATH solutions.
""",
    "learner": """\
Compares a training step of OREO with a step built as the paper's code builds it (`_vs_reference`),
with one forward and backward pass alone (`_vs_bare_limit`), and with TRL's trainers (`_vs_trl_`).
Above 1, ours is faster; `memory_vs_reference` is a share of the reference's memory.
`speed_of_shared_opening` compares reading a common opening once with reading it in each episode.
Networks have 15 M parameters and run on one CPU thread. The comparison with TRL says little about
a GPU.
""",
    "rollout": """\
Compares collecting episodes with a loop that plays one game at a time and encodes the whole
history again each turn: over the stock engine, and over our interpreter (`native`).
`engine_busy_share` is the share of our time that is spent in the engine.
""",
    "runtime": """\
Measures a decision by best-of-5 by value at turn 20 of a game. The first figure compares its time
with that of a plain sample. `new_tokens_turn_20_vs_1` and `_vs_2` compare the tokens that policy
and value read anew with those at turn 1, which describes the room, and at turn 2. `_batch_32`
means 32 games in each call.
""",
    "search": """\
Measures a beam of 5 over the steps of word problems. `batched_vs_loop` compares one problem after
another with all side by side. `beam_vs_sampling_tokens` compares seconds per drawn token with
sampling whole solutions without a value. The last two figures are wall seconds to verify 5,000
MATH solutions in two processes.
""",
}
HEAD = """\
# Benchmarks

Each script measures ours and the other side in one run, in turn. Where two sides are compared, a
figure is a ratio of processor times, so that other programs on the machine do not favour one side.
Timings are medians of at least five rounds; `data` and `gold` run once. The docstring at the head
of each script defines every figure.

`python benchmarks/summary.py` writes this page from the files in `results/`. To change a text,
edit that script. `benchmarks/gpu.py`, which measures training on a GPU, has no result here.
"""


def section(result: dict[str, Any]) -> str:
    """One benchmark: what it measures, its command, its figures, the machine."""
    name, machine = result["benchmark"], result["machine"]
    rows = "\n".join(f"| {key} | {value:,} |" for key, value in result["figures"].items())
    more = memory(result["details"]) if name == "data" else ""
    return (
        f"\n## {name}\n\n{ABOUT[name]}\n```\n{COMMANDS[name]}\n```\n\n"
        f"| figure | value |\n| --- | ---: |\n{rows}\n{more}"
        f"\nPython {machine['python']}, {machine['cores']} cores, {machine['processor']}, "
        f"load {machine['load']}. Details: `results/{name}.json`.\n"
    )


def memory(details: dict[str, Any]) -> str:
    """What each command of `data` takes, from the details of that benchmark."""
    rows = "\n".join(
        f"| `{name}` | {max(found['small_mib'], found['large_mib']):.0f} | {found['seconds']:.0f} |"
        for name, found in details.items()
    )
    return (
        "\n| | highest memory, MiB | processor time of 100,000, s |\n| --- | ---: | ---: |\n"
        f"{rows}\n\n`check` compared no ids with text. `export` and `import` were of `records` as "
        "JSON Lines.\n"
    )


def main() -> None:
    """Write the page."""
    results = [json.loads(path.read_text()) for path in sorted((HERE / "results").glob("*.json"))]
    (HERE / "README.md").write_text(HEAD + "".join(map(section, results)), encoding="utf-8")


if __name__ == "__main__":
    main()
