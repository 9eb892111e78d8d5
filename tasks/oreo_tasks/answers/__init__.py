"""Verifiers: whether the final answer that a solution text gives is the gold answer.

A verifier never says `right` of what it could not compare. To add one: write a file beside this
one, then add its line to `VERIFIERS`.
"""

import difflib
import pkgutil
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """What a comparison with the gold answer came to."""

    RIGHT = "right"
    """The text gives an answer, and it is the gold answer."""

    WRONG = "wrong"
    """The text gives no answer, or another one."""

    UNDECIDED = "undecided"
    """Nobody knows: no gold answer, not comparable, too slow, or the comparison broke."""


class Verifier(Protocol):
    """Reads the answer out of a text and compares it; made without arguments by its name."""

    name: str

    def answer(self, text: str) -> str | None:
        """The final answer that ``text`` marks as such; None if it marks none."""
        ...

    def __call__(self, text: str, gold: str) -> Verdict:
        """Compare the answer in a solution ``text`` with ``gold``, which is the bare answer."""
        ...


VERIFIERS: dict[str, str] = {
    "choice": "oreo_tasks.answers.choice:Choice",
    "derivation": "oreo_tasks.wordproblems.derivation:Derivation",
    "math": "oreo_tasks.answers.mathematics:Mathematics",
    "number": "oreo_tasks.answers.number:Number",
    "reasoning-gym": "oreo_tasks.questions.gym_scorer:GymScorer",
    "text": "oreo_tasks.answers.wording:Wording",
    "yes-no": "oreo_tasks.answers.yes_no:YesNo",
}
"""Name -> "module:Class"; listing the names imports nothing."""


def load_verifier(name: str) -> Verifier:
    """The verifier of that name, with its own settings at their defaults.

    Raises:
        LookupError: there is no such verifier, and the message holds the nearest name; or it needs
            a package that is not installed, and the message holds the command that adds it.
    """
    if name not in VERIFIERS:
        near = difflib.get_close_matches(name, VERIFIERS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(VERIFIERS))}"
        raise LookupError(f"no verifier is called {name!r}; {hint}")
    try:
        return pkgutil.resolve_name(VERIFIERS[name])()
    except ImportError as error:
        raise LookupError(f"the verifier {name!r} cannot be loaded: {error}") from error
