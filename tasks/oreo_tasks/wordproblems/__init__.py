"""Word problems of our own, without end: arithmetic in several steps, worked out; and puzzles.

A problem follows from its id alone, on any machine and Python. Tiers and their knobs are in
`tiers`; the words that all of it is made of, for tiny vocabularies, are `words.WORDS`.

No derivation is in two splits: the lines of the solution (of a puzzle: what is given and asked)
decide which split a problem belongs to, so no question is in two splits either.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from oreo_tasks.questions.problem import Problem, check_known, checksum
from oreo_tasks.task import Instance
from oreo_tasks.wordproblems.events import tell
from oreo_tasks.wordproblems.puzzle import chain_puzzle, numbers_puzzle
from oreo_tasks.wordproblems.tiers import Tier, tier

SIZES = {"train": 8000, "valid": 500, "test": 500}
"""Problems of a split."""
VERSION = 1
"""Raised whenever a problem of a given id becomes another one."""
_SHARES = {"train": range(8), "valid": range(8, 9), "test": range(9, 10)}
"""Tenths of all derivations that belong to a split."""
_ID = re.compile(r"(?P<tier>.+)/(?P<split>[a-z]+)/(?P<number>\d{5})")
_TRIES = 10_000


class WordProblems:
    """Problems with ids as ``medium/train/00012``; ``data`` is a tier, with knobs or without."""

    name = "wordproblems"
    environment = "oreo/WordProblems-v0"
    step_limit = 12
    verifier = "number"
    delimiters: tuple[str, ...] = ("\n",)

    def splits(self) -> Sequence[str]:
        """The names of the splits, training first."""
        return tuple(SIZES)

    def instances(self, split: str, data: str | None = None) -> list[Instance]:
        """The problems of ``split`` in a tier, sorted by id; none is made yet.

        Raises:
            LookupError: there is no such split, tier or knob.
        """
        check_known(split, self.splits(), "word problems", "split")
        made = tier(data)
        return [
            Instance(
                id=f"{made.text}/{split}/{n:05d}",
                task=self.name,
                split=split,
                task_type=_type(made, n),
            )
            for n in range(SIZES[split])
        ]

    def fingerprint(self, split: str, data: str | None = None) -> str:
        """A checksum of the split's problems: equal exactly if the problems are."""
        return checksum(
            self.problem(instance.id, split, data) for instance in self.instances(split, data)
        )

    def problem(self, instance_id: str, split: str, data: str | None = None) -> Problem:
        """The problem of that id.

        Raises:
            LookupError: there is no such problem in the split, or no such tier.
            ValueError: the knobs leave no problem possible.
        """
        check_known(split, self.splits(), "word problems", "split")
        made, found = tier(data), _ID.fullmatch(instance_id)
        if (
            found is None
            or (found["tier"], found["split"]) != (made.text, split)
            or int(found["number"]) >= SIZES[split]
        ):
            raise LookupError(
                f"no word problem {instance_id!r}: an id of this tier and split looks like "
                f"'{made.text}/{split}/00012'"
            )
        return _make(made, split, int(found["number"]))


def _steps(made: Tier, number: int) -> int:
    """Every length is about equally frequent, whichever problems of a split are taken."""
    return made.fewest + _lot(number, "steps") % (made.most - made.fewest + 1)


def _kind(made: Tier, number: int) -> str:
    """Both kinds of puzzles are frequent; making a number of more than five others is not asked."""
    if not made.is_puzzle:
        return ""
    return "chain" if _lot(number, "kind") % 2 or _steps(made, number) > 4 else "numbers"


def _lot(number: int, of: str) -> int:
    """A number that looks random, and is the same everywhere."""
    return int.from_bytes(hashlib.sha256(f"{of} {number}".encode()).digest()[:4])


def _type(made: Tier, number: int) -> str:
    steps = f"{_steps(made, number)} steps"
    return f"{kind}, {steps}" if (kind := _kind(made, number)) else steps


class _Draft(NamedTuple):
    """A problem that may or may not belong to the split for which it was drawn."""

    lines: Sequence[str]
    sort: str
    """What decides to which split it belongs."""
    text: Callable[[], str]
    gold: str
    verifier: str = ""


def _story(made: Tier, steps: int, rng: Random) -> _Draft:
    story = tell(made, steps, rng)
    answer = story.lines[-1].rpartition(" ")[2]
    return _Draft(story.lines, "\n".join(story.lines), story.text, answer)


def _puzzle(made: Tier, steps: int, kind: str, rng: Random) -> _Draft:
    puzzle = (numbers_puzzle if kind == "numbers" else chain_puzzle)(made, steps, rng)
    return _Draft(puzzle.lines, puzzle.gold, lambda: puzzle.question, puzzle.gold, "derivation")


@functools.lru_cache(maxsize=16384)
def _make(made: Tier, split: str, number: int) -> Problem:
    """Draw problems until one belongs to the split."""
    rng = Random(f"word problem {VERSION} {made.text} {split} {number}")
    steps, kind = _steps(made, number), _kind(made, number)
    for _ in range(_TRIES):
        draft = _puzzle(made, steps, kind, rng) if kind else _story(made, steps, rng)
        if _tenth(draft.sort) not in _SHARES[split]:
            continue
        final = draft.lines[-1].rpartition(" ")[2]
        return Problem(
            id=f"{made.text}/{split}/{number:05d}",
            question=draft.text(),
            answer=draft.gold,
            solution="\n".join([*draft.lines, f"#### {final}"]),
            task_type=_type(made, number),
            verifier=draft.verifier,
        )
    raise ValueError(f"no problem of {steps} steps in {made.text!r} belongs to split {split!r}")


def _tenth(text: str) -> int:
    """0 to 9, from the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 10
