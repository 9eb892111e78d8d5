r"""Mathematical answers in LaTeX: our own comparison first, then math-verify in a child process.

Shapes, rational numbers, words and equal strings are compared here, exactly. What is left, such as
``\sqrt{8}`` and ``2\sqrt{2}``, is asked of math-verify, which runs where it can do no harm (see
`children`). Needs the extra ``[math]``.

What counts as equal beyond algebra: a unit, ``$``, a percent or degree sign on one side only;
``x =`` on one side only; a list without brackets in another order, since several solutions are
given so.
"""

import importlib.util
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from oreo_tasks.answers import Verdict
from oreo_tasks.answers.children import Children
from oreo_tasks.answers.leaves import decide
from oreo_tasks.answers.marks import LONGEST, Mark, last_mark
from oreo_tasks.answers.trees import compare, read


class Judgement(NamedTuple):
    """A verdict and what it rests on."""

    verdict: Verdict
    reason: str
    """"no answer", "no gold", "too long", "exact", "not comparable", "algebra", "deadline" or
    "crash"."""


class Mathematics:
    """Compares answers as they stand in MATH, up to algebra."""

    name = "math"

    def __init__(self, *, deadline: float = 2.0, processes: int = 1) -> None:
        """Processes are started when math-verify is first needed, and ended with this object.

        Args:
            deadline: Seconds of wall time for one pair, above 0; a slower one is undecided.
            processes: How many pairs are compared at the same time, at least 1.

        Raises:
            ImportError: math-verify is not installed.
        """
        if deadline <= 0 or processes < 1:
            raise ValueError("deadline must be above 0 and processes at least 1")
        if importlib.util.find_spec("math_verify") is None:
            raise ImportError("it needs math-verify: pip install 'oreo-agent[math]'")
        self._processes = processes
        self._children = Children(processes, deadline)

    def answer(self, text: str) -> str | None:
        """What is marked, as it stands there; a sentence has to go on with something to compare."""
        mark = last_mark(text)
        return _content(mark) if mark else None

    def __call__(self, text: str, gold: str) -> Verdict:
        """Compare the answer in ``text`` with ``gold``, a bare answer in LaTeX."""
        return self.judge(text, gold).verdict

    def judge(self, text: str, gold: str) -> Judgement:
        """The verdict with its reason.

        Raises:
            ChildProcessError: math-verify is installed but cannot be started.
        """
        answer = self.answer(text)
        if not gold.strip():
            return Judgement(Verdict.UNDECIDED, "no gold")
        if answer is None:
            return Judgement(Verdict.WRONG, "no answer")
        if max(len(answer), len(gold)) > LONGEST:
            return Judgement(Verdict.UNDECIDED, "too long")
        return self._compared(gold, answer)

    def _compared(self, gold: str, answer: str) -> Judgement:
        open_questions = 0

        def leaf(wanted: str, given: str) -> Verdict:
            nonlocal open_questions
            verdict = decide(wanted, given)
            open_questions += verdict is None
            return Verdict.UNDECIDED if verdict is None else verdict

        verdict = compare(read(gold), read(answer), leaf)
        if verdict is not Verdict.UNDECIDED:
            return Judgement(verdict, "exact")
        if not open_questions:
            return Judgement(verdict, "not comparable")
        reply = self._children.ask(gold, answer)
        if reply in ("late", "died"):
            return Judgement(verdict, "deadline" if reply == "late" else "crash")
        return Judgement(Verdict(reply), "algebra")

    def verify_many(self, pairs: Iterable[tuple[str, str]]) -> list[Verdict]:
        """The verdicts on (text, gold) pairs, in their order, over all processes."""
        return [judgement.verdict for judgement in self.judge_many(pairs)]

    def judge_many(self, pairs: Iterable[tuple[str, str]]) -> list[Judgement]:
        """As `verify_many`, with reasons."""
        texts: list[str] = []
        golds: list[str] = []
        for text, gold in pairs:
            texts.append(text)
            golds.append(gold)
        with ThreadPoolExecutor(self._processes) as threads:
            return list(threads.map(self.judge, texts, golds))

    def close(self) -> None:
        """End the processes; the next question that needs one starts it again."""
        self._children.close()


def _content(mark: Mark) -> str | None:
    """The marked answer; of a sentence only what looks like one, up to its end."""
    content = mark.content
    if mark.kind != "said":
        return content
    for opening, closing in (("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if content.startswith(opening):
            end = content.find(closing, len(opening))
            return content[len(opening) : end].strip() or None if end > 0 else None
    looks_like_one = content[0] in "-+([{\\." or content[0].isdigit() or len(content.split()) == 1
    return content if looks_like_one else None
