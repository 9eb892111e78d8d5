"""Yes or no, also said as true or false."""

import re

from oreo_tasks.answers import Verdict
from oreo_tasks.answers.marks import last_mark

_WORD = re.compile(r"[\s${}*\"'(]*(?:\\text\s*\{\s*)?(yes|no|true|false)\b", re.IGNORECASE)
_SAME = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}


class YesNo:
    """Compares the first word of what is marked."""

    name = "yes-no"

    def answer(self, text: str) -> str | None:
        """``"yes"`` or ``"no"``, whichever words the text has for it."""
        mark = last_mark(text)
        return _read(mark.content) if mark else None

    def __call__(self, text: str, gold: str) -> Verdict:
        """Undecided only where ``gold`` is neither."""
        wanted = _read(gold)
        if wanted is None:
            return Verdict.UNDECIDED
        return Verdict.RIGHT if self.answer(text) == wanted else Verdict.WRONG


def _read(content: str) -> str | None:
    found = _WORD.match(content[:200])
    return _SAME[found.group(1).lower()] if found else None
