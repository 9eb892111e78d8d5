"""Learn reasoning in steps on two CPU cores: imitate, try often, learn from what was right.

    python examples/wordproblems.py [--seed 0] [--problems 500] [--out runs/wordproblems] [--short]
        [--solutions 80000]

A model of less than a million weights, made from nothing, imitates worked solutions of number
puzzles (SFT); steps of these puzzles are easier to check than to find. It then solves each puzzle
ten times. One model learns a value and a policy from right and wrong solutions (OREO), another
imitates the right ones alone (rejection). Each model then solves puzzles it has not seen: with a
beam over steps, by choosing among whole solutions with the value, and with every way to act that
needs no value.

Every step is one command of `oreo-agent`, printed before it runs. The same command resumes a run
that was stopped. ``--short`` leaves out rejection and most rows; ``--data medium`` takes arithmetic
word problems instead of puzzles. With fewer ``--solutions`` there are fewer problems, and V makes
more passes over them, so that the number of steps stays the same.
"""

import argparse
import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from commands import CONSOLE, CORES, ROOT, run, said, scored
from rich.box import SIMPLE_HEAD
from rich.table import Table

from oreo_agent.rollouts.comparison import compare
from oreo_agent.rollouts.report import Report
from oreo_agent.rollouts.verdicts import verdict

TASK = ("--task", "wordproblems")
ALL = 80_000
"""Solutions: ten of each problem."""
BEAMS = ("1", "3", "5", "7")
WHOLE = ("10", "22", "42", "100")
"""Whole solutions of a puzzle; 22 and 42 are as many tokens as beams of 5 and of 7 draw."""
CONTROLS = ("logp", "constant", "chance")
PUZZLE = "puzzle"
SHORT = (
    "SFT greedy",
    "OREO greedy",
    "SFT beam 5, value",
    "SFT beam 5, logp",
    "SFT beam 5, chance",
    "SFT best-of-22, value",
    "SFT best-of-22, logp",
)
"""The rows of a short run: whether the value is of use."""


@dataclass(frozen=True)
class Row:
    """One way to solve the problems."""

    name: str
    agent: str
    how: tuple[str, ...]


def rows(data: str) -> Iterator[Row]:
    """What the table shows, in its order."""
    greedy, sample = ("--strategy", "greedy"), ("--strategy", "sample")
    yield Row("Rejection greedy", "rejection", greedy)
    yield Row("Rejection one sample", "rejection", sample)
    beam = ("--strategy", "beam", "--k", "5")
    yield Row("Rejection beam 5, logp", "rejection", (*beam, "--score", "logp"))
    yield Row("Rejection beam 5, value", "rejection", beam)
    for agent, name in (("sft", "SFT"), ("oreo", "OREO")):
        yield Row(f"{name} greedy", agent, greedy)
        yield Row(f"{name} one sample", agent, sample)
        for k in BEAMS:
            beam = ("--strategy", "beam", "--k", k)
            yield Row(f"{name} beam {k}, value", agent, beam)
        for k, scores in (("5", CONTROLS), ("7", ("logp",))):
            for score in scores:
                beam = ("--strategy", "beam", "--k", k, "--score", score)
                yield Row(f"{name} beam {k}, {score}", agent, beam)
        alone = ("--strategy", "beam", "--k", "5", "--weight", "0")
        yield Row(f"{name} beam 5, value alone", agent, alone)
    if data == PUZZLE:  # every answer is the number asked for: no majority to speak of
        for k in WHOLE:
            for score in ("value", "logp"):
                many = ("--strategy", "best-of-n", "--k", k, "--score", score)
                yield Row(f"SFT best-of-{k}, {score}", "sft", many)
        return
    many = ("--strategy", "best-of-n", "--k", "25")
    for score in ("value", "weighted-majority", "majority"):
        yield Row(f"OREO best-of-25, {score}", "oreo", (*many, "--score", score))


def learn(out: Path, data: str, seed: str, *, solutions: int, control: bool) -> None:
    """Worked solutions, imitation, solutions of its own, OREO; rejection as a control."""
    train = (*TASK, "--split", "train", "--data", data)
    seeded = ("--seed", seed)

    def taught(recipe: str, name: str, *more: str) -> tuple[str, ...]:
        told = str(ROOT / "configs" / f"wordproblems-tiny-{recipe}.toml")
        return ("train", *more, "--config", told, *seeded, "--out", str(out / name))

    said("Worked solutions of 8,000 problems.")
    run(("rollout", "--policy", "expert", *train, *seeded, "--out", str(out / "worked")))
    said("A model of less than a million weights, made from nothing, imitates them (SFT).")
    run(taught("sft", "sft", "--data", str(out / "worked")))
    said(f"It solves {solutions // 10:,} of them ten times each.")
    own = ("--episodes", str(solutions), "--repeats", "10", "--temperature", "1")
    own = (*own, "--workers", str(CORES))
    policy = ("--policy", str(out / "sft"), "--out", str(out / "own"))
    run(("rollout", *train, *seeded, *own, *policy, "--live", "64"))
    said("A value learns which beginnings lead to the right answer, then the policy learns by it.")
    from_own = ("--data", str(out / "own"), "--model")
    passes = ALL / solutions  # as many steps whatever there is to learn from
    first = ("--set", f"train.value_warmup={passes:g}")
    then = ("--set", f"train.epochs={passes / 4:g}")
    run((*taught("value", "value", *from_own, str(out / "sft")), *first))
    run((*taught("policy", "oreo", *from_own, str(out / "value")), *then))
    if not control:
        return
    said("The control: as many passes over the right solutions alone.")
    run((*taught("rejection", "rejection", *from_own, str(out / "sft")), *then))


def judge(
    shown: Iterable[Row], out: Path, data: str, split: str, problems: int, seed: str
) -> dict[str, Report]:
    """These rows on the same held-out problems, two at a time."""
    said(f"{problems} problems of {split}.")
    judged = (*TASK, "--split", split, "--data", data, "--episodes", str(problems))
    judged = (*judged, "--seed", seed, "--live", "64")

    def how(row: Row) -> tuple[str, ...]:
        # the same V; its weight was found where the imitation's likelihood stood beside it
        value = () if row.agent == "oreo" else ("--value", str(out / "value"))
        # what its own held-out evidence says of a value is to be seen here, not obeyed
        return ("--agent", str(out / row.agent), *judged, *row.how, *value, "--trust-value")

    return scored(out / "reports" / split, {row.name: how(row) for row in shown})


def show(reports: dict[str, Report]) -> None:
    """The table, and what can be concluded from it."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for head in ("right", "95 % interval", "tokens drawn", "read by V", "ms"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, report in reports.items():
        all_of_it = report.totals
        rate = all_of_it.success
        table.add_row(
            name,
            f"{rate.share:.1%}",
            f"{rate.low:.1%} - {rate.high:.1%}",
            f"{all_of_it.policy_tokens:,.0f}",
            f"{all_of_it.value_tokens:,.0f}",
            f"{1000 * all_of_it.seconds:.0f}",
        )
    CONSOLE.print(table)
    CONSOLE.print("Tokens and milliseconds are means a problem.\n")
    for first, second in (
        ("SFT greedy", "OREO greedy"),
        ("Rejection greedy", "OREO greedy"),
        ("Rejection beam 5, logp", "OREO beam 5, value"),
        ("OREO beam 5, constant", "OREO beam 5, value"),
        ("OREO beam 5, logp", "OREO beam 5, value"),
        ("SFT beam 5, logp", "SFT beam 5, value"),
        ("SFT best-of-22, logp", "SFT best-of-22, value"),
        ("SFT beam 5, value", "SFT best-of-22, value"),
        ("OREO best-of-25, majority", "OREO best-of-25, weighted-majority"),
        ("OREO best-of-25, majority", "OREO beam 5, value"),
    ):
        if not {first, second} <= reports.keys():
            continue
        CONSOLE.print(f"[bold]{first} -> {second}.[/bold] ", end="")
        CONSOLE.print(verdict(compare(reports[first], reports[second])))


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--seed", default="0", help="seed of all random choices [default: %(default)s]"
    )
    parser.add_argument(
        "--problems",
        type=int,
        default=500,
        help="number of held-out problems [default: %(default)s]",
    )
    parser.add_argument(
        "--split",
        default="valid",
        help="valid, or test once every choice is made [default: %(default)s]",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/wordproblems"),
        help="folder for all files [default: %(default)s]",
    )
    parser.add_argument(
        "--data", default=PUZZLE, help="tier of the word problems [default: %(default)s]"
    )
    parser.add_argument("--short", action="store_true", help="leave out rejection and most rows")
    parser.add_argument(
        "--solutions",
        type=int,
        default=ALL,
        help="number of its own solutions to learn from [default: %(default)s]",
    )
    asked = parser.parse_args()
    began = time.monotonic()
    asked.out.mkdir(parents=True, exist_ok=True)
    control = not asked.short
    learn(asked.out, asked.data, asked.seed, solutions=asked.solutions, control=control)
    shown = [row for row in rows(asked.data) if row.name in SHORT or not asked.short]
    reports = judge(shown, asked.out, asked.data, asked.split, asked.problems, asked.seed)
    show(reports)
    minutes = (time.monotonic() - began) / 60
    CONSOLE.print(f"\n{minutes:.1f} minutes. Accuracy against compute, drawn:")
    folder = shlex.quote(str(asked.out / "reports" / asked.split))
    CONSOLE.print(f"[bold]python examples/compute.py {folder}/*.json --out compute.png[/bold]")


if __name__ == "__main__":
    main()
