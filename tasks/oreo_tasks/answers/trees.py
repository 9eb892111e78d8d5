r"""The shape of an answer: tuples, intervals, sets, lists, unions and matrices, down to leaves.

Shapes are compared here, part by part, so that ``(1,2)`` is neither ``[1,2]`` nor ``(2,1)``.
Whether two leaves are equal is asked of a function: here without, in a child process with a
computer algebra system.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from oreo_tasks.answers import Verdict
from oreo_tasks.answers.latex import spelled

DEEPEST = 6
"""Levels of brackets that are taken apart; what lies deeper stays text."""

MANY = 40
"""Parts of a set or list that are matched in any order, which takes their square in time."""

_TOKEN = re.compile(r"\\begin\{matrix\}|\\end\{matrix\}|\\[A-Za-z]+|\\.|.", re.DOTALL)
_UP = {"(", "[", "{", r"\{", r"\begin{matrix}"}
_DOWN = {")", "]", "}", r"\}", r"\end{matrix}"}
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_AND = re.compile(r",?\s*\\text\s*\{\s*,?\s*(?:and|or)\s*\}|,?\s+(?:and|or)\s+")
_WORDS = re.compile(r"\\text\s*\{([^{}]*)\}")
_MEMBER = re.compile(r"[A-Za-z]\s*\\in(?![A-Za-z])\s*")


@dataclass(frozen=True, slots=True)
class Group:
    """Parts within one kind of brackets, or side by side."""

    kind: str
    """Both brackets ("(]"), "list", "union", or "matrix" with its number of columns."""

    parts: tuple["Tree", ...]


Tree = str | Group
LeafCompare = Callable[[str, str], Verdict]


def read(text: str) -> Tree:
    """The shape of an answer's text; leaves are spelled but still have their units."""
    text = spelled(text).strip(" ,;").rstrip(" .,;")
    if words := _WORDS.fullmatch(text):
        text = words.group(1)
    if member := _MEMBER.match(text):
        text = text[member.end() :]
    text = re.sub(r",\s*(?:,\s*)+", ", ", _AND.sub(",", text))
    return _read(_without_thousands(text), DEEPEST)


def _without_thousands(text: str) -> str:
    """``1,234`` is a number where no bracket makes it a pair."""
    if "(" in text or "[" in text or r"\{" in text:
        return text
    return _THOUSANDS.sub(lambda found: _GROUPED.sub("", found.group()), text)


def _read(text: str, levels: int) -> Tree:
    text = text.strip()
    if not levels or not text:
        return text
    union = _split(text, {r"\cup"})
    if len(union) > 1:
        return Group("union", tuple(_read(part, levels - 1) for part in union))
    listed = _split(text, {",", ";"})
    if len(listed) > 1:
        parts = (_read(part, levels - 1) for part in listed if part.strip())
        return Group("list", tuple(parts))
    tokens = _TOKEN.findall(text)
    if tokens[0] == r"\begin{matrix}" and _closes_at_end(tokens):
        rows = [
            _split(row, {"&"}) for row in _split("".join(tokens[1:-1]), {r"\cr"}) if row.strip()
        ]
        cells = tuple(_read(cell, levels - 1) for row in rows for cell in row)
        return Group("matrix " + "x".join(str(len(row)) for row in rows), cells)
    if tokens[0] in ("(", "[", r"\{", "{") and tokens[-1] in _DOWN and _closes_at_end(tokens):
        return _bracketed(tokens, levels)
    return text


def _bracketed(tokens: list[str], levels: int) -> Tree:
    inner = "".join(tokens[1:-1])
    parts = _split(inner, {",", ";"})
    kind = tokens[0] + tokens[-1]
    if kind == "{}" or (kind == "()" and len(parts) == 1):
        return _read(inner, levels - 1)
    return Group(kind, tuple(_read(part, levels - 1) for part in parts))


def _split(text: str, separators: set[str]) -> list[str]:
    """The parts between separators that stand in no bracket."""
    depth = start = 0
    parts: list[str] = []
    for found in _TOKEN.finditer(text):
        token = found.group()
        depth += (token in _UP) - (token in _DOWN)
        if depth == 0 and token in separators:
            parts.append(text[start : found.start()])
            start = found.end()
    return [*parts, text[start:]]


def _closes_at_end(tokens: list[str]) -> bool:
    """Whether the bracket that the tokens begin with is closed by the last of them."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token in _UP) - (token in _DOWN)
        if depth == 0:
            return index == len(tokens) - 1
    return False


def compare(gold: Tree, answer: Tree, leaf: LeafCompare) -> Verdict:
    """Part by part: right if all parts are, wrong if one surely is or the shape differs."""
    if isinstance(gold, str) and isinstance(answer, str):
        return leaf(gold, answer)
    if isinstance(gold, str) or isinstance(answer, str):
        # "x < 3" may be an interval and "1 \pm 2" a list; nobody here knows
        return Verdict.UNDECIDED
    if {gold.kind, answer.kind} <= {"list", r"\{\}"}:
        return _any_order(gold.parts, answer.parts, leaf)
    if gold.kind == answer.kind == "union":
        if len(gold.parts) != len(answer.parts):
            return Verdict.UNDECIDED  # pieces may overlap or touch
        verdict = _any_order(gold.parts, answer.parts, leaf)
        return verdict if verdict is Verdict.RIGHT else Verdict.UNDECIDED
    verdict = _in_order(gold.parts, answer.parts, leaf)
    if gold.kind == answer.kind:
        return verdict
    matrices = gold.kind.startswith("matrix") + answer.kind.startswith("matrix")
    # a tuple without its brackets, or a vector written as a column
    perhaps = matrices == 1 or (not matrices and "list" in (gold.kind, answer.kind))
    return Verdict.UNDECIDED if perhaps and verdict is not Verdict.WRONG else Verdict.WRONG


def _in_order(gold: tuple[Tree, ...], answer: tuple[Tree, ...], leaf: LeafCompare) -> Verdict:
    if len(gold) != len(answer):
        return Verdict.WRONG
    verdict = Verdict.RIGHT
    for wanted, given in zip(gold, answer, strict=True):
        part = compare(wanted, given, leaf)
        if part is Verdict.WRONG:
            return part
        if part is Verdict.UNDECIDED:
            verdict = part
    return verdict


def _any_order(gold: tuple[Tree, ...], answer: tuple[Tree, ...], leaf: LeafCompare) -> Verdict:
    """Each gold part takes a part that is equal to it; equality lets the first one do."""
    if len(gold) != len(answer):
        return Verdict.WRONG
    if len(gold) > MANY:
        return Verdict.UNDECIDED
    left, doubt = list(answer), False
    for wanted in gold:
        for index, given in enumerate(left):
            part = compare(wanted, given, leaf)
            if part is Verdict.RIGHT:
                del left[index]
                break
            doubt |= part is Verdict.UNDECIDED
        else:
            return Verdict.UNDECIDED if doubt else Verdict.WRONG
    return Verdict.RIGHT
