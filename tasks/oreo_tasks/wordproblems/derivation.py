"""Right is every derivation whose lines are all legal and end in the goal, not only the known one.

A line with ``=`` must be one operation, ``4 * 6 = 24``, that the puzzle allows there; lines without
``=`` are talk and not judged. The text ends with ``#### goal``.
"""

import re
from collections import Counter
from collections.abc import Sequence

from oreo_tasks.answers import Verdict
from oreo_tasks.wordproblems.puzzle import result

_LINE = re.compile(r"\s*(\d{1,9})\s*([-+*])\s*(\d{1,9})\s*=\s*(\d{1,9})\s*\.?\s*")
_FINAL = re.compile(r"####[ \t]*(\d{1,9})[ \t]*\.?[ \t]*(?:\n|$)")
_NUMBERS = re.compile(r"(\d{1,9}) from (\d{1,9}(?: \d{1,9})*)")
_CHAIN = re.compile(r"(\d{1,9}) from (\d{1,9}) in (\d{1,2}) by ([-+*]\d{1,9}(?: [-+*]\d{1,9})*)")
_SIGNS = str.maketrans({"×": "*", "·": "*", "−": "-", "–": "-"})

_Line = tuple[int, str, int, int]


class Derivation:
    """Judges by a puzzle in short: ``18 from 3 4 6`` or ``24 from 5 in 3 by +3 *2 -1``."""

    name = "derivation"

    def answer(self, text: str) -> str | None:
        """The number after the last ``####``; None if there is none."""
        found = _FINAL.findall(text)
        return str(int(found[-1])) if found else None

    def __call__(self, text: str, gold: str) -> Verdict:
        """Undecided only where ``gold`` is no puzzle."""
        numbers, chain = _NUMBERS.fullmatch(gold), _CHAIN.fullmatch(gold)
        if numbers is None and chain is None:
            return Verdict.UNDECIDED
        goal = gold.partition(" ")[0]
        lines = _lines(text.translate(_SIGNS))
        if lines is None or self.answer(text) != goal:
            return Verdict.WRONG
        if numbers is not None:
            right = _uses_each_once([int(n) for n in numbers[2].split()], lines, int(goal))
        else:
            assert chain is not None
            moves = [(move[0], int(move[1:])) for move in chain[4].split()]
            right = len(lines) == int(chain[3]) and _follows(int(chain[2]), moves, lines, int(goal))
        return Verdict.RIGHT if right else Verdict.WRONG


def _lines(text: str) -> list[_Line] | None:
    """The operations before the final answer; None if one is no operation or comes out wrong."""
    lines: list[_Line] = []
    for written in text.rpartition("####")[0].split("\n"):
        if "=" not in written:
            continue
        found = _LINE.fullmatch(written)
        if found is None:
            return None
        a, b, c = int(found[1]), int(found[3]), int(found[4])
        if result(a, found[2], b) != c:
            return None
        lines.append((a, found[2], b, c))
    return lines


def _uses_each_once(numbers: Sequence[int], lines: Sequence[_Line], goal: int) -> bool:
    held = Counter(numbers)
    for a, _, b, c in lines:
        used = Counter((a, b))
        if not used <= held:
            return False
        held = held - used + Counter((c,))
    return held == Counter((goal,))


def _follows(
    start: int, moves: Sequence[tuple[str, int]], lines: Sequence[_Line], goal: int
) -> bool:
    at = start
    for a, sign, b, c in lines:
        swapped = sign in "+*" and b == at and (sign, a) in moves
        if not (a == at and (sign, b) in moves) and not swapped:
            return False
        at = c
    return at == goal
