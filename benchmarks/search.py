"""What a step-level beam costs: many problems at once against one by one, and against sampling.

    python benchmarks/search.py --agent BUNDLE --data medium --math FOLDER --json FILE

BUNDLE has a policy and a value of word problems (`configs/wordproblems-tiny-value.toml`). Every
side solves the same problems of `valid` by the same engine on one thread, from the ids to the
graded episode; times are processor times, in turn, medians over the rounds. Figures:

- ``batched_vs_loop``: seconds of a beam with B = 5 over one problem after the other, against all
  of them side by side. With a tiny model on one core this says what is saved beside the products,
  which take as long either way; what a GPU makes of a larger batch it does not say;
- ``beam_vs_sampling_tokens``: seconds a drawn token of that beam, which reads V of every step
  besides, against as many tokens drawn as whole solutions side by side, with no V;
- ``verify_5000_seconds_two_cores``: wall seconds for 5,000 solutions of MATH (FOLDER has
  math_train.jsonl.xz; needs the extra [math]) in two processes, and
  ``verify_5000_rewritten_seconds_two_cores`` where the gold answers are rewritten so that algebra
  alone can tell.
"""

import argparse
import statistics
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import torch
from gold import Pair, problems, rewritten, timed
from machine import machine, write

from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.plan import make_plan
from oreo_agent.rollouts.runner import Runner
from oreo_agent.rollouts.stage import Stage
from oreo_tasks.answers.mathematics import Mathematics

BEAMS = 5
ROUNDS = 5
Settings = tuple[tuple[str, Any], ...]


class Spent(NamedTuple):
    """What one way of solving the problems took."""

    seconds: float
    tokens: int
    """That the policy drew, rejected steps included."""
    right: int


def solve(agent: Path, stage: Stage, how: str, settings: Settings, problems: int) -> Spent:
    """All problems once, as many at a time as ``stage`` says."""
    player = Cast(policy=str(agent), strategy=how, settings=settings).player(stage)
    works = make_plan(
        stage.instances(), policy="benchmark", world=stage.world, episodes=problems, seed=0
    )
    world = stage.open()
    runner = Runner(
        world=world, player=player, environment=stage.environment, step_limit=stage.limit
    )
    began = process_time()
    episodes = list(runner.play(works))
    seconds = process_time() - began
    world.close()
    return Spent(
        seconds=seconds,
        tokens=sum(episode.drawn for episode in episodes),
        right=sum(episode.end == "won" for episode in episodes),
    )


def searched(agent: Path, data: str, problems: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Both ratios, and what they are made of."""
    beside, alone = (
        Stage(task="wordproblems", split="valid", data=data, live=live) for live in (problems, 1)
    )
    beam = (("beams", BEAMS), ("score", "value"))
    first = solve(agent, beside, "beam", beam, problems)  # imports, and how many tokens it draws
    each = solve(agent, beside, "best-of-n", (("n", 1), ("by", "chance")), problems)
    many = round(first.tokens / each.tokens)
    draws = (("n", many), ("by", "chance"))
    sides: dict[str, list[Spent]] = {"beam": [], "loop": [], "sampling": []}
    for _ in range(ROUNDS):
        sides["beam"].append(solve(agent, beside, "beam", beam, problems))
        sides["loop"].append(solve(agent, alone, "beam", beam, problems))
        sides["sampling"].append(solve(agent, beside, "best-of-n", draws, problems))

    def ratio(one: str, other: str) -> float:
        """Of seconds a drawn token; loop and beam draw the same tokens."""
        each = {name: [spent.seconds / spent.tokens for spent in sides[name]] for name in sides}
        pairs = zip(each[one], each[other], strict=True)
        return round(statistics.median(a / b for a, b in pairs), 2)

    figures = {
        "batched_vs_loop": ratio("loop", "beam"),
        "beam_vs_sampling_tokens": ratio("beam", "sampling"),
    }
    details = {
        "problems": problems,
        "solutions_a_problem_sampled": many,
        "sides": {name: [spent._asdict() for spent in line] for name, line in sides.items()},
    }
    return figures, details


def verified(folder: Path) -> dict[str, float]:
    """Wall seconds for 5,000 solutions, as they are and rewritten."""
    solved = problems(folder, "math_train")
    verifier = Mathematics(processes=2)
    gold, other = [Pair(*pair, "gold") for pair in solved], list(rewritten(solved))
    verifier.verify_many((pair.text, pair.gold) for pair in other[:100])  # the children are warm
    figures = {
        "verify_5000_seconds_two_cores": round(timed(verifier, gold), 1),
        "verify_5000_rewritten_seconds_two_cores": round(timed(verifier, other), 1),
    }
    verifier.close()
    return figures


def main() -> None:
    """Run all of it and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--agent", type=Path, required=True, help="a bundle with a value")
    parser.add_argument("--data", default="medium", help="tier of the word problems")
    parser.add_argument("--problems", type=int, default=64)
    parser.add_argument("--math", type=Path, help="folder with math_train.jsonl.xz")
    parser.add_argument("--json", type=Path, help="where the figures go")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    figures, details = searched(asked.agent, asked.data, asked.problems)
    if asked.math is not None:
        figures |= verified(asked.math)
    result = {
        "benchmark": "search",
        "figures": figures,
        "details": details,
        "machine": machine(),
    }
    for key, value in figures.items():
        print(f"{key:<42}{value}")
    write(result, asked.json)


if __name__ == "__main__":
    main()
