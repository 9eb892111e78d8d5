r"""Whether the verifiers find the gold answers right, and everything else not right.

    python benchmarks/gold.py --data FOLDER [--json FILE] [--processes 2]

FOLDER holds gsm8k_train, math_train, strategyqa_train, openbookqa_train and openbookqa_dev
(.jsonl.xz). For each set the answer is read out of the gold solution and compared with the stored
one; where a set has no solutions, a sentence is made of the answer. Then the gold answer is changed
in ways that models get it wrong, put into the mark that the set uses, and must not be right. The
changes, each left out where the result has the same value by a rule that stands beside it:

- another number (the last one, plus one), digits swapped, a sign in front, a fraction upside down,
  an exponent plus one, the first two parts of a tuple swapped, round brackets for square ones;
- the next problem's answer; the other letter, the other word.

Figures:

- ``NAME_gold_right``: share of the set whose gold solution is right; ``perturbed_right``: how many
  changed answers were right, over all sets;
- ``rewritten_right``: share of MATH's answers that are still right when they are rewritten so that
  only algebra can tell (twice itself over two, terms put in front of it and taken off again);
- ``gold_5000_seconds`` and ``rewritten_5000_seconds``: wall seconds for 5,000 MATH solutions as
  they are, and with rewritten answers.

All exceptions are in the details, by cause.
"""

import argparse
import json
import lzma
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from machine import machine, write

from oreo_tasks.answers import Verifier, load_verifier
from oreo_tasks.answers.mathematics import Mathematics

TIMED = 5000
SETS = {
    "gsm8k_train": "number",
    "math_train": "math",
    "strategyqa_train": "yes-no",
    "openbookqa_train": "choice",
    "openbookqa_dev": "choice",
}


class Pair(NamedTuple):
    """A text, what it is compared with, and how it was made."""

    text: str
    gold: str
    made: str


def problems(folder: Path, name: str) -> list[tuple[str, str]]:
    """Solution and gold answer of each problem of a set."""
    with lzma.open(folder / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    if name.startswith("gsm8k"):
        return [(row["answer"], row["final"]) for row in rows]
    if name.startswith("math"):
        return [(row["solution"], row["answer"]) for row in rows]
    if name.startswith("strategyqa"):
        words = ["yes" if row["answer"] else "no" for row in rows]
        return [(f"So the answer is {word}.", word) for word in words]
    return [(f"So the answer is ({row['answer']}).", row["answer"]) for row in rows]


_PAIR = re.compile(r"\s*(?:\\left)?\s*([(\[])([^()\[\],]+),([^()\[\],]+?)(?:\\right)?\s*([)\]])\s*")


def changes(gold: str) -> Iterator[tuple[str, str]]:
    """A name and a changed answer, for each change that alters the value."""
    numbers = list(re.finditer(r"\d+", gold))
    words = "text" in gold or "mbox" in gold
    if numbers:
        last = numbers[-1]
        more = str(int(last.group()) + 1)
        # 1 is no change as an exponent of 1 or 0, and a term times 0 hides its other factor
        if not re.search(r"(?<!\d)[01]\^", gold):
            yield "another number", gold[: last.start()] + more + gold[last.end() :]
        digits = last.group()
        if digits[::-1].lstrip("0") != digits.lstrip("0"):
            yield "digits swapped", gold[: last.start()] + digits[::-1] + gold[last.end() :]
    # zero has no sign; equations and lists may be symmetric
    plain = not re.search(r"[=,;()\[\]<>&:]|\\pm|\\cup|\\begin", gold) and not words
    if numbers and plain and not re.fullmatch(r"[-\\$ ]*0*(\\.0*)?[%\\]*", gold):
        yield "a sign in front", f"-({gold})" if re.search(r"[-+]", gold) else f"-{gold}"
    for over in re.finditer(r"\\[dt]?frac\{(\w+)\}\{(\w+)\}", gold):
        above, below = over.groups()
        if above != below and "0" not in (above, below):
            turned = f"\\frac{{{below}}}{{{above}}}"
            yield "upside down", gold[: over.start()] + turned + gold[over.end() :]
    for power in re.finditer(r"(?<![01])\^\{?(\d+)\}?", gold):
        more = f"^{{{int(power.group(1)) + 1}}}"
        yield "exponent plus one", gold[: power.start()] + more + gold[power.end() :]
    if bracketed := _PAIR.fullmatch(gold):
        opening, first, second, closing = bracketed.groups()
        if re.sub(r"\s", "", first) != re.sub(r"\s", "", second):
            yield "parts swapped", f"{opening}{second},{first}{closing}"
        other = {"(": "[", "[": "("}[opening]
        yield "other bracket", f"{other}{first},{second}{closing}"


_DRESS = re.compile(r"^\s*[A-Za-z]\s*=|\\(?:text|mbox)\{[^{}]*\}|\^\\circ|\\!|[\\$,%{}\s]")


def same_value(one: str, two: str) -> bool:
    """Whether two answers are equal as text or as fractions, but for units and "x ="."""
    bare = [_DRESS.sub("", side) or side for side in (one, two)]
    try:
        return bare[0] == bare[1] or Fraction(bare[0]) == Fraction(bare[1])
    except (ValueError, ZeroDivisionError):
        return bare[0] == bare[1]


def perturbed(name: str, solved: list[tuple[str, str]]) -> Iterator[Pair]:
    """Texts that give another answer than the gold one."""
    golds = [gold for _, gold in solved]
    if SETS[name] == "yes-no":
        for gold in golds:
            yield Pair(f"So the answer is {'no' if gold == 'yes' else 'yes'}.", gold, "other word")
        return
    if SETS[name] == "choice":
        for gold in golds:
            for letter in sorted({"A", "B", "C", "D"} - {gold}):
                yield Pair(f"So the answer is ({letter}).", gold, "other letter")
        return
    mark = "#### {}" if SETS[name] == "number" else "So we get $\\boxed{{{}}}$."
    for index, gold in enumerate(golds):
        if not gold.strip():
            continue
        others = [*changes(gold), ("the next problem's answer", golds[(index + 1) % len(golds)])]
        for made, other in others:
            if other.strip() and not same_value(gold, other):
                yield Pair(mark.format(other), gold, made)


def rewritten(solved: list[tuple[str, str]]) -> Iterator[Pair]:
    """MATH's answers in forms that only algebra finds equal, in turn."""
    forms = (r"\frac{{2\left({}\right)}}{{2}}", r"7+{}-7", r"3\cdot\left({}\right)\div 3")
    plain = re.compile(r"(?!.*(?:text|mbox|_|=|begin|[,;:\[\]<>&%$]|circ|cup|\\!|pm|approx))\S.*")
    for index, (_, gold) in enumerate(solved):
        if plain.fullmatch(gold):
            form = forms[index % len(forms)]
            other = f"({gold})" if gold.lstrip().startswith("-") else gold
            yield Pair(f"$\\boxed{{{form.format(other)}}}$", gold, form.format("x"))


def judged(verifier: Verifier, pairs: list[Pair]) -> list[tuple[str, str]]:
    """Verdict and reason of each pair."""
    if isinstance(verifier, Mathematics):
        return [
            (j.verdict.value, j.reason) for j in verifier.judge_many((p[0], p[1]) for p in pairs)
        ]
    return [(verifier(text, gold).value, "exact") for text, gold, _ in pairs]


def counted(verifier: Verifier, pairs: list[Pair], wanted: set[str]) -> dict[str, Any]:
    """How many of each verdict, the seconds, and the pairs whose verdict is not ``wanted``."""
    began = time.perf_counter()
    verdicts = judged(verifier, pairs)
    seconds = time.perf_counter() - began
    causes: dict[str, list[list[str | None]]] = defaultdict(list)
    for pair, (verdict, reason) in zip(pairs, verdicts, strict=True):
        if verdict not in wanted:
            cause = f"{verdict}: {reason}, {pair.made}"
            causes[cause].append([verifier.answer(pair.text), pair.gold])
    return {
        "n": len(pairs),
        **dict.fromkeys(("right", "wrong", "undecided"), 0),
        **Counter(verdict for verdict, _ in verdicts),
        "seconds": round(seconds, 2),
        "reasons": dict(Counter(reason for _, reason in verdicts)),
        "exceptions": dict(causes),
    }


def line(name: str, kind: str, table: dict[str, Any]) -> None:
    """One row on the screen, and what it does not agree with."""
    counts = "".join(f"{table[word]:>10,}" for word in ("n", "right", "wrong", "undecided"))
    print(f"{name:<18}{kind:<11}{counts}{table['seconds']:>9}", flush=True)
    for cause, pairs in table["exceptions"].items():
        print(f"    {len(pairs)} {cause}, such as {pairs[:3]}", flush=True)


def timed(verifier: Mathematics, pairs: list[Pair]) -> float:
    """Wall seconds for TIMED pairs, in a pool that is warm; fewer pairs are repeated."""
    pairs = (pairs * (TIMED // len(pairs) + 1))[:TIMED]
    began = time.perf_counter()
    verifier.verify_many((pair.text, pair.gold) for pair in pairs)
    return time.perf_counter() - began


def main() -> None:
    """Fill the table and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with the five sets")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--processes", type=int, default=2, help="children that run math-verify")
    asked = parser.parse_args()
    sys.set_int_max_str_digits(0)
    mathematics = Mathematics(processes=asked.processes)
    figures: dict[str, float] = {}
    details: dict[str, Any] = {"processes": asked.processes}
    print(f"{'':<29}{'n':>10}{'right':>10}{'wrong':>10}{'undecided':>10}{'seconds':>9}")
    for name, kind in SETS.items():
        solved = problems(asked.data, name)
        verifier = mathematics if kind == "math" else load_verifier(kind)
        gold = counted(verifier, [Pair(*pair, "gold") for pair in solved], {"right"})
        line(name, "gold", gold)
        other = counted(verifier, list(perturbed(name, solved)), {"wrong", "undecided"})
        line(name, "perturbed", other)
        figures[f"{name}_gold_right"] = round(gold["right"] / gold["n"], 5)
        figures["perturbed_right"] = figures.get("perturbed_right", 0) + other["right"]
        details[name] = {"gold": gold, "perturbed": other}
    solved = problems(asked.data, "math_train")
    forms = list(rewritten(solved))
    details["rewritten"] = counted(mathematics, forms, {"right"})
    line("math_train", "rewritten", details["rewritten"])
    figures["rewritten_right"] = round(details["rewritten"]["right"] / len(forms), 4)
    figures["gold_5000_seconds"] = round(timed(mathematics, [Pair(*s, "gold") for s in solved]), 1)
    figures["rewritten_5000_seconds"] = round(timed(mathematics, forms), 1)
    mathematics.close()
    for key, value in figures.items():
        print(f"{key:<28}{value}")
    write(
        {"benchmark": "gold", "figures": figures, "details": details, "machine": machine()},
        asked.json,
    )


if __name__ == "__main__":
    main()
