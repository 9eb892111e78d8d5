"""The letter of a choice: A to E, also "(B)", "B." and "b"."""

import re

from oreo_tasks.answers import Verdict
from oreo_tasks.answers.marks import last_mark

_DRESS = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox)\s*|[${}*]")
# "A dog" begins with an article: a capital A needs its end marked, the other letters a space only
_CAPITAL = re.compile(r"(?:[Oo]ption |[Cc]hoice )?\(?(?:([A-E])(?:[).:,]|$)|([B-E])\s)")
_ALONE = re.compile(r"\(?([a-e])\)?[.]?")


class Choice:
    """Compares letters."""

    name = "choice"

    def answer(self, text: str) -> str | None:
        """The marked letter, as a capital."""
        mark = last_mark(text)
        return _letter(mark.content) if mark else None

    def __call__(self, text: str, gold: str) -> Verdict:
        """Undecided only where ``gold`` is no letter from A to E."""
        wanted = _letter(gold)
        if wanted is None:
            return Verdict.UNDECIDED
        return Verdict.RIGHT if self.answer(text) == wanted else Verdict.WRONG


def _letter(content: str) -> str | None:
    bare = _DRESS.sub("", content[:200]).strip()
    if alone := _ALONE.fullmatch(bare):
        return alone.group(1).upper()
    found = _CAPITAL.match(bare)
    return (found.group(1) or found.group(2)) if found else None
