r"""Where a solution says what its answer is: ``\boxed{x}``, ``#### x``, "the answer is x".

Only such a mark counts. What stands last in the text is no answer by that alone, since the same
marks decide when an episode ends.
"""

import re
from dataclasses import dataclass
from typing import Literal

LOOKED_AT = 100_000
"""Characters at the end of a text in which marks are looked for; answers stand at the end."""

LONGEST = 1_000
"""Characters of an answer that are compared; the longest gold answer of MATH's train set has 159.
A longer answer is read, but never right."""

_BRACES = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|\{|\}", re.DOTALL)
_UNBRACED = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*(\\[A-Za-z]+|[-+]?[\d.,/]*\d|\w)")
_HASHES = re.compile(r"####[ \t]*([^\n]*)")
_SAID = re.compile(r"(?i)\banswer\b[*_ \t]*(?:is\b[ \t]*:?|:|=)[*_ \t]*")
_SENTENCE_END = re.compile(r"\n|[.!?;](?=\s|$)")


@dataclass(frozen=True, slots=True)
class Mark:
    """One answer that a text gives."""

    content: str
    """What is marked, without the mark and without spaces around it; never empty."""

    kind: Literal["boxed", "hashes", "said"]
    """A sentence ("said") marks less clearly than the other two: its end is a guess."""


def last_mark(text: str) -> Mark | None:
    r"""The answer that counts: the last ``\boxed`` or ``####``, else the last "answer is".

    An empty mark, or a box that is never closed, is none.
    """
    tail = text[-LOOKED_AT:]
    found = [mark for mark in (_last_box(tail), _last_hashes(tail)) if mark is not None]
    if found:
        return max(found, key=lambda pair: pair[0])[1]
    return _last_said(tail)


def _last_box(text: str) -> tuple[int, Mark] | None:
    """Position and content of the box that opens last, in one pass over the text."""
    if "\\boxed" not in text and "\\fbox" not in text:
        return None
    opened: list[tuple[int, int] | None] = []  # start and content of a box; None for a plain brace
    best = (-1, "")
    for token in _BRACES.finditer(text):
        word = token.group()
        if word == "}":
            box = opened.pop() if opened else None
            if box is not None and box[0] > best[0]:
                best = (box[0], text[box[1] : token.start()])
        elif word == "{":
            opened.append(None)
        elif word.endswith("{") and len(word) > 2:
            opened.append((token.start(), token.end()))
    for bare in _UNBRACED.finditer(text, max(best[0], 0)):
        if bare.start() > best[0]:
            best = (bare.start(), bare.group(1))
    content = best[1].strip()
    return (best[0], Mark(content, "boxed")) if content else None


def _last_hashes(text: str) -> tuple[int, Mark] | None:
    start = text.rfind("####")
    found = _HASHES.match(text, start) if start >= 0 else None
    content = found.group(1).strip() if found else ""
    return (start, Mark(content, "hashes")) if content else None


def _last_said(text: str) -> Mark | None:
    ends = [found.end() for found in _SAID.finditer(text)]
    if not ends:
        return None
    rest = text[ends[-1] : ends[-1] + LONGEST]
    end = _SENTENCE_END.search(rest)
    content = (rest[: end.start()] if end else rest).strip(" \t*_")
    return Mark(content, "said") if content else None
