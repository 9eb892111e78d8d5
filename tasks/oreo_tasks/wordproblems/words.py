"""The few words that word problems and their solutions are made of, and text as a list of them.

Small models can be trained with these words as the whole vocabulary. A number is one word a digit;
a line's end is a word too. The first word of a sentence is the same word as elsewhere: its capital
letter follows from its place. `text` and `tokens` are each other's inverse for every question and
solution of the generator.
"""

import re
from collections.abc import Iterable, Iterator

from oreo_tasks.wordproblems import wording as w

DIGITS = tuple("0123456789")
MARKS = ("\n", "####", "+", "-", "*", "/", "=", ",", ".", "?", "'s")
NAMES = (*w.WOMEN, *w.MEN)
_TOKEN = re.compile(r"\d|[A-Za-z]+|'s|####|[-+*/=,.?\n]")
_SLOT = re.compile(r"\{\w+\}")
_ENDS = frozenset(".?\n")
_CLOSE = frozenset((",", ".", "?", "'s", "\n"))
"""What no space is written before."""


def tokens(text: str) -> list[str]:
    """The words of a text.

    Raises:
        ValueError: something in it is none of `WORDS`; the message names it.
    """
    found = list(_split(text))
    for token in found:
        if token not in _KNOWN:
            raise ValueError(f"{token!r} is no word of word problems, in {text!r:.100}")
    return found


def text(tokens: Iterable[str]) -> str:
    """The text that words make, with capital letters and spaces where they belong."""
    parts: list[str] = []
    before = "\n"
    for token in tokens:
        joined = token in _CLOSE or before == "\n" or (token.isdigit() and before.isdigit())
        parts.append("" if joined else " ")
        parts.append(token[0].upper() + token[1:] if before in _ENDS else token)
        before = token
    return "".join(parts)


def _split(text: str) -> Iterator[str]:
    before, end = "\n", 0
    for match in _TOKEN.finditer(text):
        if (gap := text[end : match.start()]).strip(" "):
            yield gap.strip(" ")  # no token of ours, so the caller refuses it
        token, end = match.group(), match.end()
        starts = before in _ENDS and token not in NAMES
        yield token[0].lower() + token[1:] if starts else token
        before = token
    if text[end:].strip(" "):
        yield text[end:].strip(" ")


def _words() -> Iterator[str]:
    """Every word that a problem can hold, from what problems are made of."""
    yield from (*MARKS, *DIGITS, *NAMES, *w.THINGS, *w.HOLDERS, *w.HOLDERS.values())
    yield from (*w.FAMILY, *w.BUYS, *w.PLACES)
    yield from ("she", "he", "her", "his", "him", "and", "or", "times", "twice")
    for kind in w.THINGS.values():
        yield from (*kind.gained, *kind.lost)
    for name, held in sorted(vars(w).items()):
        if name.isupper() and name not in ("WOMEN", "MEN", "THINGS", "HOLDERS"):
            sentences = held.values() if isinstance(held, dict) else held
            for sentence in (held,) if isinstance(held, str) else sentences:
                yield from _split(_SLOT.sub(" ", sentence))


WORDS: tuple[str, ...] = tuple(dict.fromkeys(_words()))
"""All of them, marks and digits first, each once and always in the same order."""
_KNOWN = frozenset(WORDS)
VOCABULARY: tuple[str, ...] = tuple(
    sorted(
        {"####", "'", "s", *DIGITS, *"+-*/=,.?"}
        | {word for word in WORDS if word.isalpha()}
        | {word.capitalize() for word in WORDS if word.isalpha()}
    )
)
"""The same as they stand in the text: words with and without a capital letter, digits, marks."""
