"""Count the faults of wrong puzzle solutions by kind, which decides how hard V's task is.

    python examples/puzzle_faults.py runs/wordproblems/own [another store ...]

A solution that reaches another number and says so is caught by comparing two numbers, the goal and
the answer. One that bends a sum until it gives the goal is caught only by computing the sum again.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

from commands import CONSOLE
from rich.box import SIMPLE_HEAD
from rich.table import Table

from oreo_agent.errors import OreoError
from oreo_agent.records.episode import Episode
from oreo_agent.records.store import Store
from oreo_tasks.wordproblems import WordProblems
from oreo_tasks.wordproblems.derivation import Derivation
from oreo_tasks.wordproblems.puzzle import result

SUM = re.compile(r"(\d+) ([-+*]) (\d+) = (\d+)")


def fault(episode: Episode) -> tuple[bool, bool]:
    """Whether a wrong solution says the goal, and whether one of its sums comes out wrong."""
    tier = episode.instance.partition("/")[0]
    goal = WordProblems().problem(episode.instance, episode.split, tier).answer.partition(" ")[0]
    said = "\n".join(part.text.strip() for part in episode.segments if part.kind == "action")
    sums = SUM.findall(said)
    false = any(result(int(a), sign, int(b)) != int(c) for a, sign, b, c in sums)
    return Derivation().answer(said) == goal, false


def main() -> None:
    """One row a store."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "stores", nargs="+", type=Path, metavar="STORE", help="stores with solutions of puzzles"
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("of the wrong ones", no_wrap=True)
    for head in ("wrong", "say the goal, by a false sum", "without one"):
        table.add_column(head, justify="right")
    for head in ("say another number, by a false sum", "without one"):
        table.add_column(head, justify="right")
    for store in parser.parse_args().stores:
        try:
            found = Counter(fault(e) for e in Store.open(store) if e.end == "lost")
        except (OreoError, LookupError, ValueError) as error:
            told = error if isinstance(error, OreoError) else f"{store} has no puzzles ({error})"
            parser.exit(2, f"error: {told}; name a store of solutions of puzzles\n")
        shares = [
            f"{found[goal, false] / max(1, found.total()):.1%}"
            for goal in (True, False)
            for false in (True, False)
        ]
        table.add_row(str(store), f"{found.total():,}", *shares)
    CONSOLE.print(table)


if __name__ == "__main__":
    main()
