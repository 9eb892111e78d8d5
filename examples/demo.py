"""Run the whole path on two CPU cores: collect, train offline, act with the value, compare.

    python examples/demo.py [--seed 0] [--games 200] [--out runs/demo] [--data generated:small]

Every step is one command of `oreo-agent`, printed before it runs, so that you can repeat it. The
same command resumes a demo that was stopped. No figure is fixed: another seed gives other episodes
and other results.
"""

import argparse
import os
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from commands import CONSOLE, CORES, PROGRAM, run, said, scored
from rich.box import SIMPLE_HEAD
from rich.table import Table

from oreo_agent.player.first_agent import TURNS, commands
from oreo_agent.rollouts.comparison import Comparison, compare
from oreo_agent.rollouts.report import Report
from oreo_agent.rollouts.verdicts import verdict

TEMPERATURE = "0.5"


@dataclass(frozen=True)
class Row:
    """One way to act."""

    name: str
    agent: str
    against: str
    """Name of the row that it is paired with."""
    how: tuple[str, ...]


def rows() -> Iterator[Row]:
    """What the table shows, in its order."""
    yield Row("SFT greedy", "sft", "", ())
    yield Row("OREO greedy", "oreo", "SFT greedy", ())
    for agent, name in (("sft", "SFT"), ("oreo", "OREO")):
        greedy = f"{name} greedy"
        drawn = ("--temperature", TEMPERATURE)
        best = ("--strategy", "best-of-k", "--k", "5", *drawn)
        yield Row(f"{name} best-of-5, value", agent, greedy, (*best, "--score", "value"))
        for score in ("logp", "chance", "constant"):
            yield Row(f"{name} best-of-5, {score}", agent, greedy, (*best, "--score", score))
        yield Row(f"{name} sampled", agent, greedy, ("--strategy", "sample", *drawn))


def learn(out: Path, data: str, seed: str) -> None:
    """Demonstrations, imitation, own episodes, OREO."""
    for told, command in commands(out, data=data, seed=seed, workers=CORES):
        said(told)
        run(command)


def judge(out: Path, data: str, games: int, seed: str) -> dict[str, Report]:
    """All rows on the same held-out games, two at a time."""
    said(f"{games} games on floor plans that none of them has seen.")
    split = ("--split", "valid_unseen", "--episodes", str(games), "--data", data)
    split = (*split, "--step-limit", TURNS, "--seed", seed)

    def how(row: Row) -> tuple[str, ...]:
        value = ("--value", str(out / "oreo")) if row.agent == "sft" and row.how else ()
        # what its own held-out evidence says of a value is to be seen here, not obeyed
        return ("--agent", str(out / row.agent), *split, *row.how, *value, "--trust-value")

    return scored(out / "reports", {row.name: how(row) for row in rows()})


def show(reports: dict[str, Report]) -> None:
    """The table, and what can be concluded from it."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for head in ("won", "95 % interval", "turns", "valid", "against greedy", "paired p"):
        table.add_column(head, justify="right", no_wrap=True)
    found: dict[str, Comparison] = {}
    for row in rows():
        totals = reports[row.name].totals
        rate = totals.success
        beside, p = "", ""
        if row.against:
            paired = found[row.name] = compare(reports[row.against], reports[row.name])
            beside = f"+{paired.only_second} -{paired.only_first}"
            p = f"{paired.p:.3f}"
        table.add_row(
            row.name,
            f"{rate.share:.1%}",
            f"{rate.low:.1%} - {rate.high:.1%}",
            f"{totals.steps:.1f}",
            f"{totals.valid:.0%}",
            beside,
            p,
        )
    CONSOLE.print(table)
    CONSOLE.print(
        "OREO greedy is paired with SFT greedy, every other row with its own policy's greedy play; "
        "+ counts games only this row won, - games only the other won.\n"
    )
    for first, second in (
        ("SFT greedy", "OREO greedy"),
        ("SFT greedy", "OREO best-of-5, value"),
        ("OREO best-of-5, chance", "OREO best-of-5, value"),
    ):
        CONSOLE.print(f"[bold]{first} -> {second}.[/bold] ", end="")
        CONSOLE.print(verdict(compare(reports[first], reports[second])))


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--seed", default="0", help="seed of all random choices [default: %(default)s]"
    )
    parser.add_argument(
        "--games",
        type=int,
        default=200,
        help="number of held-out games, at least 100 [default: %(default)s]",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/demo"),
        help="folder for all files [default: %(default)s]",
    )
    parser.add_argument(
        "--data",
        default="generated:small",
        help="folder of games, or generated[:TIER] [default: %(default)s]",
    )
    asked = parser.parse_args()
    began = time.monotonic()
    asked.out.mkdir(parents=True, exist_ok=True)
    learn(asked.out, asked.data, asked.seed)
    reports = judge(asked.out, asked.data, asked.games, asked.seed)
    show(reports)
    minutes = (time.monotonic() - began) / 60
    CONSOLE.print(f"\n{minutes:.1f} minutes. Watch the agent that was just trained:")
    watch = ("play", "--agent", str(asked.out / "oreo"), "--split", "valid_unseen")
    program = os.path.relpath(PROGRAM)
    CONSOLE.print(f"[bold]{program} {shlex.join((*watch, '--data', asked.data))}[/bold]")


if __name__ == "__main__":
    main()
