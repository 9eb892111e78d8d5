r"""Leaves compared without a computer algebra system: exactly, or not at all.

Right and wrong are said only of what is read to the last character: rational numbers, numerals in
a base, ratios, words, and two cores that are the same string. All else is for `child`.
"""

import re
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from oreo_tasks.answers import Verdict
from oreo_tasks.answers.latex import joined, spelled
from oreo_tasks.answers.units import measured

LONGEST_ASKED = 300
"""Characters of a leaf that a computer algebra system is asked about."""

DEEPEST_ASKED = 20
"""Braces within braces that it is asked about."""

_N = r"\d+(?:\.\d+)?"
_RATIONAL = re.compile(
    rf"(?P<sign>[-+]?)(?:(?P<whole>\d+)?\\frac\{{(?P<above>[-+]?{_N})\}}\{{(?P<below>[-+]?{_N})\}}"
    rf"|(?P<over>{_N})/(?P<under>{_N})"
    rf"|(?P<number>{_N})(?:\*10\^\{{(?P<exponent>[-+]?\d{{1,3}})\}})?)"
)
_MIXED = re.compile(r"([-+]?)(\d+) (\d+)/(\d+)")
_NUMERAL = re.compile(r"(-?[0-9A-Z]+)_\{(\d+)\}")
_RATIO = re.compile(r"(\d+):(\d+)")
_WORD = re.compile(r"(?=.*[A-Za-z]{3})[A-Za-z][A-Za-z0-9.'-]*|[A-Z]{2,}")
_LEFT_SIDE = re.compile(
    r"((?:\\?[A-Za-z]{1,2}|\\[a-z]+)(?:\s*_\s*\{?\w+\}?)?(?:\s*\(\s*[A-Za-z]\s*\))?)\s*=(?!.*=)\s*(?=\S)",
    re.DOTALL,
)
# What the algebra system reads in more than one way, or not as it is meant here
_NOT_ASKED = re.compile(
    r"\\(?:text|pm|mp|approx|ldots|dots|begin|cr|sim|boxed|circ|overline|[A-Z])"
    r"|[:?\"'@&#%]|\.\.|\.\d*\.|\d[eE]\d|\d \d|[A-Z]_|/\d+(?:\.\d+)?[A-Za-z(\\]"
)


class Leaf(NamedTuple):
    """One part of an answer, with what stands beside it taken off."""

    core: str
    """In the normal form of `latex`."""

    unit: str
    left_side: str
    """``x`` of "x = 3"; empty if there is none."""


@lru_cache(maxsize=4096)
def leaf(text: str) -> Leaf:
    """Take a leaf of a tree apart."""
    text = spelled(text)
    left = _LEFT_SIDE.match(text)
    core, unit = measured(text[left.end() :] if left else text)
    return Leaf(joined(core), unit, joined(left.group(1)) if left else "")


def decide(gold: str, answer: str) -> Verdict | None:
    """The verdict on two leaves; None if a computer algebra system has to be asked."""
    wanted, given = leaf(gold), leaf(answer)
    verdict = _decide_cores(wanted.core, given.core)
    beside = [(wanted.unit, given.unit), (wanted.left_side, given.left_side)]
    if verdict is not Verdict.WRONG and any(a and b and a != b for a, b in beside):
        return Verdict.UNDECIDED  # 3 cm and 3 feet, x = 3 and y = 3
    if verdict is None and "degree" in beside[0] and wanted.unit != given.unit:
        return Verdict.UNDECIDED  # 30 degrees and pi / 6
    return verdict


def exactly(gold: str, answer: str) -> Verdict:
    """As `decide`, with undecided for what would have to be asked."""
    verdict = decide(gold, answer)
    return Verdict.UNDECIDED if verdict is None else verdict


def _decide_cores(gold: str, answer: str) -> Verdict | None:
    if not gold or not answer:
        return Verdict.UNDECIDED
    if gold == answer:
        return Verdict.RIGHT
    wanted, given = rational(gold), rational(answer)
    if wanted is not None and given is not None:
        return Verdict.RIGHT if wanted == given else Verdict.WRONG
    for special in (_numerals, _ratios, _words):
        verdict = special(gold, answer)
        if verdict is not None:
            return verdict
    return Verdict.UNDECIDED if _unreadable(gold) or _unreadable(answer) else None


def rational(core: str) -> Fraction | None:
    r"""The exact value of ``-12``, ``0.5``, ``1/2``, ``\frac{1}{2}``, ``3 1/2``, ``2*10^{-3}``."""
    if mixed := _MIXED.fullmatch(core):
        sign, whole, above, below = mixed.groups()
        core = f"{sign}{whole}\\frac{{{above}}}{{{below}}}"
    found = _RATIONAL.fullmatch(core)
    if found is None or not core.isascii():
        return None
    part = found.groupdict()
    above, below = part["above"] or part["over"], part["below"] or part["under"]
    if below is not None:
        if Fraction(below) == 0 or (part["whole"] and (above + below).strip("0123456789")):
            return None
        value = Fraction(part["whole"] or 0) + Fraction(above) / Fraction(below)
    else:
        value = Fraction(part["number"]) * Fraction(10) ** int(part["exponent"] or 0)
    return -value if part["sign"] == "-" else value


def _numerals(gold: str, answer: str) -> Verdict | None:
    """Numbers in a base: the digits and the base are the answer, not the value."""
    wanted, given = _NUMERAL.fullmatch(gold), _NUMERAL.fullmatch(answer)
    if wanted is None and given is None:
        return None
    if wanted is None or given is None or wanted.group(2) != given.group(2):
        return Verdict.UNDECIDED
    same = wanted.group(1).lstrip("0") == given.group(1).lstrip("0")
    return Verdict.RIGHT if same else Verdict.WRONG


def _ratios(gold: str, answer: str) -> Verdict | None:
    wanted, given = _RATIO.fullmatch(gold), _RATIO.fullmatch(answer)
    if wanted is None or given is None:
        return None
    a, b, c, d = map(int, (*wanted.groups(), *given.groups()))
    # equal as ratios, but a time of day is written so too
    return Verdict.UNDECIDED if a * d == b * c else Verdict.WRONG


def _words(gold: str, answer: str) -> Verdict | None:
    if len(gold) == len(answer) == 1 and gold.isalpha() and answer.isalpha():
        same = gold.casefold() == answer.casefold()
        return Verdict.UNDECIDED if same else Verdict.WRONG  # a choice, or two variables
    words = [_WORD.fullmatch(core) is not None for core in (gold, answer)]
    if all(words):
        if gold.casefold() == answer.casefold():
            return Verdict.RIGHT
        # the same letters may be a product of variables in another order
        return Verdict.UNDECIDED if Counter(gold) == Counter(answer) else Verdict.WRONG
    if any(words):
        other = answer if words[0] else gold
        return Verdict.WRONG if rational(other) is not None else None
    return None


def _unreadable(core: str) -> bool:
    if len(core) > LONGEST_ASKED or not core.isascii() or _NOT_ASKED.search(core):
        return True
    depth = deepest = 0
    for character in core:
        depth += (character in "{([") - (character in "})]")
        deepest = max(deepest, depth)
    return depth != 0 or deepest > DEEPEST_ASKED
