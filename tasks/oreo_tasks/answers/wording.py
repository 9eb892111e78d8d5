"""Answers in words: equal but for case, spaces, Unicode forms and marks around them."""

import unicodedata

from oreo_tasks.answers import Verdict
from oreo_tasks.answers.marks import LONGEST, last_mark

_AROUND = " \t\n.,;:!?*_\"'`$"


class Wording:
    """Compares normalised words."""

    name = "text"

    def answer(self, text: str) -> str | None:
        """What is marked, as it stands there."""
        mark = last_mark(text)
        return mark.content if mark and _plain(mark.content) else None

    def __call__(self, text: str, gold: str) -> Verdict:
        """Undecided where ``gold`` has no words, or either is too long to be an answer."""
        answer = self.answer(text)
        if not _plain(gold):
            return Verdict.UNDECIDED
        if answer is None:
            return Verdict.WRONG
        if max(len(answer), len(gold)) > LONGEST:
            return Verdict.UNDECIDED
        return Verdict.RIGHT if _plain(answer) == _plain(gold) else Verdict.WRONG


def _plain(words: str) -> str:
    folded = unicodedata.normalize("NFKC", words[: LONGEST + 1]).casefold()
    return " ".join(folded.split()).strip(_AROUND)
