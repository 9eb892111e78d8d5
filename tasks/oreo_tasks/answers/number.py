"""Numbers as in GSM8K: "1,234", "$18.00", "18 dollars", "3/4", "1.5e3"; compared exactly.

A percent sign is a unit here, so 50% equals 50 and not 0.5. "5 million" is 5000000; should the gold
answer be 5, nobody knows what was asked for, and the pair is undecided.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from oreo_tasks.answers import Verdict
from oreo_tasks.answers.latex import spelled
from oreo_tasks.answers.leaves import leaf, rational
from oreo_tasks.answers.marks import LONGEST, last_mark

_SCALES = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 1_000,
    "k": 1_000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_BEFORE = re.compile(r"(?:[A-Za-z]\s*)?=\s*|[*_:\s]+")
_AMOUNT = re.compile(
    r"(?P<sign>[-+]?)\s*(?:\\?[$£€¥₹])?\s*(?P<minus>-?)"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,]*\d)|\d+(?:\.\d+)?|\.\d+)"
    r"(?:[eE](?P<exponent>[-+]?\d{1,3})(?![A-Za-z0-9]))?"
    r"(?:(?P<over> ?/ ?| \d+/)(?P<below>\d+))?(?P<after>.*)",
    re.DOTALL,
)
_WORDS = r"(?:[mgshlL](?![A-Za-z])|[A-Za-z]{2})[A-Za-z .,'/()%°\\{}$!*_-]*(?:\^?[23])?[.]?"
_AFTER = re.compile(rf"[\s.!(){{}}\]*_%$€£¥₹°\\]*(?:{_WORDS})?")


class Amount(NamedTuple):
    """A number that a text names."""

    value: Fraction
    scale: int
    """1, or what a word such as "million" after it stands for; not yet in the value."""


class Number:
    """Compares exact values; nothing is rounded."""

    name = "number"

    def answer(self, text: str) -> str | None:
        """What is marked, as it stands there; a sentence has to go on with a number."""
        mark = last_mark(text)
        if mark is None or (mark.kind == "said" and not _AMOUNT.match(_stripped(mark.content))):
            return None
        return mark.content

    def __call__(self, text: str, gold: str) -> Verdict:
        """Wrong where the marked answer is not one number: it was asked for in so many words.

        Undecided where ``gold`` is none, or a word such as "million" leaves open what is meant.
        """
        wanted, marked = amount(gold), self.answer(text)
        if wanted is None:
            return Verdict.UNDECIDED
        given = None if marked is None else amount(marked)
        if given is None:
            return Verdict.WRONG
        if given.value * given.scale == wanted.value * wanted.scale:
            return Verdict.RIGHT
        return Verdict.UNDECIDED if given.value == wanted.value else Verdict.WRONG


def amount(text: str) -> Amount | None:
    """The one number in ``text``, which may have a currency, a unit and words after it."""
    if len(text) > LONGEST:
        return None
    bare = _stripped(text)
    found = _AMOUNT.fullmatch(bare)
    if found is None or not bare.isprintable():
        return _latex(text)
    if not _AFTER.fullmatch(found["after"]) or (found["sign"] and found["minus"]):
        return _latex(text)
    value = Fraction(found["number"].replace(",", "")) * Fraction(10) ** int(found["exponent"] or 0)
    if found["over"]:
        above, slash = found["over"].strip(), Fraction(int(found["below"]))
        if slash == 0:
            return None
        value = value + Fraction(above[:-1]) / slash if above != "/" else value / slash
    words = re.findall(r"[a-z]+", found["after"].lower())
    scale = _SCALES.get(words[0], 1) if words else 1
    return Amount(-value if found["sign"] == "-" or found["minus"] else value, scale)


def _stripped(text: str) -> str:
    text = text.replace("−", "-").strip().rstrip(".")
    before = _BEFORE.match(text)
    return text[before.end() :] if before else text


def _latex(text: str) -> Amount | None:
    value = rational(leaf(spelled(text)).core)
    return None if value is None else Amount(value, 1)
