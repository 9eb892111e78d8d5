"""Train and compare agents in any environment, with the controls that a gain has to beat.

    python examples/world.py [--env oreo/FrozenLake-v0] [--seeds 0 1 2] [--out runs/lake]

For each seed, a tiny model imitates episodes of the environment's expert, who slips now and then
(SFT). The model then plays by itself, and OREO learns a policy and a value from both stores. Two
controls learn without a value: *rejection* imitates the won episodes among those that OREO has, and
*longer* goes on imitating the expert. Both make as many passes as OREO, at the same rates. Then
chance, the expert and each agent play the same held-out instances, and the methods are compared
over all seeds.

Every step is one command of `oreo-agent`, printed before it runs. The same command resumes a run
that was stopped.
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from commands import CONSOLE, ROOT, run, said, scored
from rich.box import SIMPLE_HEAD
from rich.table import Table

from oreo_agent.rollouts.report import Report

WARM = "0.5"
"""Temperature of sampled play and of candidates."""
SCORES = ("value", "logp", "chance", "constant")
NAMES = {"sft": "SFT", "longer": "SFT, longer", "rejection": "Rejection", "oreo": "OREO"}


@dataclass(frozen=True)
class World:
    """What is learned where, and from how much."""

    env: str
    recipe: str
    """Begins the names of its files in ``configs/``: ``NAME-sft.toml``, ``NAME-oreo.toml`` and
    ``NAME-rejection.toml``, whose passes and rates are OREO's."""
    slips: str
    """Share of the expert's turns that chance plays."""
    shown: str
    """Episodes of the expert."""
    own: str
    """Episodes of the imitation."""

    def config(self, method: str) -> str:
        """Path of a recipe."""
        return str(ROOT / "configs" / f"{self.recipe}-{method}.toml")


def learn(world: World, out: Path, seed: str) -> None:
    """Four agents from one seed."""
    env, seeded = ("--env", world.env), ("--seed", seed)
    shown, own = out / "shown", out / "own"

    def taught(name: str, recipe: str, *more: str) -> None:
        told = ("--config", world.config(recipe), "--out", str(out / name))
        run(("train", *more, *told, *seeded))

    said(f"Seed {seed}: the expert shows the way, and slips now and then.")
    expert = ("--policy", "expert", "--epsilon", world.slips, "--episodes", world.shown)
    run(("rollout", *env, *expert, *seeded, "--out", str(shown)))
    said("A tiny model, made from nothing, imitates it (SFT), and plays by itself.")
    taught("sft", "sft", "--data", str(shown))
    sample = ("--policy", str(out / "sft"), "--strategy", "sample", "--temperature", "1")
    run(("rollout", *env, *sample, "--episodes", world.own, *seeded, "--out", str(own)))
    said("OREO learns from both; its controls learn as long, without a value.")
    both = ("--data", str(own), "--data", str(shown), "--model", str(out / "sft"))
    taught("oreo", "oreo", *both)
    taught("rejection", "rejection", *both)
    again = ("--data", str(shown), "--model", str(out / "sft"), "--method", "sft")
    taught("longer", "rejection", *again)


def ways(out: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Who plays and how, in the order of the table."""
    yield "Chance", ("--agent", "random")
    yield "Expert", ("--agent", "expert")
    for agent, name in NAMES.items():
        bundle = ("--agent", str(out / agent))
        yield f"{name}, greedy", (*bundle, "--strategy", "greedy")
        yield f"{name}, sampled", (*bundle, "--strategy", "sample", "--temperature", WARM)
    five = ("--strategy", "best-of-k", "--k", "5", "--temperature", WARM, "--score")
    for agent in ("sft", "oreo"):
        bundle = ("--agent", str(out / agent), "--value", str(out / "oreo"), "--trust-value")
        for score in SCORES:
            yield f"{NAMES[agent]}, best of 5 by {score}", (*bundle, *five, score)


def judge(world: World, out: Path, split: str, episodes: str, seed: str) -> dict[str, Report]:
    """All of them on the same instances."""
    said(f"Seed {seed}: {episodes} instances of {split}.")
    where = ("--env", world.env, "--split", split, "--episodes", episodes, "--seed", seed)
    asked = {name: (*how, *where) for name, how in ways(out)}
    return scored(out / "reports" / split, asked)


def show(reports: Mapping[str, Sequence[Report]]) -> None:
    """Games won, by seed and in all."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("won", no_wrap=True)
    seeds = max(map(len, reports.values()))
    for seed in range(seeds):
        table.add_column(f"run {seed + 1}", justify="right")
    table.add_column("of all", justify="right")
    table.add_column("turns", justify="right")
    for name, found in reports.items():
        rates = [one.totals.success for one in found]
        won, played = sum(rate.wins for rate in rates), sum(rate.n for rate in rates)
        turns = sum(one.totals.steps for one in found) / len(found)
        table.add_row(
            name, *(f"{rate.wins}" for rate in rates), f"{won / played:.1%}", f"{turns:.1f}"
        )
    CONSOLE.print(table)


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--env",
        default="oreo/FrozenLake-v0",
        help="environment, as in `oreo-agent rollout --env` [default: %(default)s]",
    )
    parser.add_argument(
        "--recipe",
        default="frozenlake-tiny",
        help="start of the recipes' names in configs/ [default: %(default)s]",
    )
    parser.add_argument(
        "--slips",
        default="0.2",
        help="share of the expert's turns that are random [default: %(default)s]",
    )
    parser.add_argument(
        "--shown", default="400", help="number of the expert's episodes [default: %(default)s]"
    )
    parser.add_argument(
        "--own", default="600", help="number of the SFT model's episodes [default: %(default)s]"
    )
    parser.add_argument(
        "--split", default="test", help="split to judge the agents on [default: %(default)s]"
    )
    parser.add_argument(
        "--episodes", default="200", help="number of instances of that split [default: %(default)s]"
    )
    parser.add_argument(
        "--seeds", nargs="+", default=["0"], help="seeds, one run each [default: 0]"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/lake"),
        help="folder for all files [default: %(default)s]",
    )
    told = parser.parse_args()
    world = World(told.env, told.recipe, told.slips, told.shown, told.own)
    began = time.monotonic()
    found: dict[str, list[Report]] = {}
    for seed in told.seeds:
        folder = told.out / seed
        folder.mkdir(parents=True, exist_ok=True)
        learn(world, folder, seed)
        for name, report in judge(world, folder, told.split, told.episodes, seed).items():
            found.setdefault(name, []).append(report)
    show(found)
    files = {
        name: ",".join(
            str(told.out / seed / "reports" / told.split / f"{file}.json") for seed in told.seeds
        )
        for name, file in (
            ("SFT", "SFT-greedy"),
            ("longer", "SFT-longer-greedy"),
            ("rejection", "Rejection-greedy"),
            ("OREO", "OREO-greedy"),
            ("by value", "OREO-best-of-5-by-value"),
            ("by chance", "OREO-best-of-5-by-chance"),
        )
    }
    base, *others = files.values()
    more = [part for each in others for part in ("--with", each)]
    run(("compare", *base.split(","), *more))
    CONSOLE.print(f"\n{(time.monotonic() - began) / 60:.1f} minutes.")


if __name__ == "__main__":
    main()
