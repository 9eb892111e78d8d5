"""The scorers of reasoning-gym as a verifier: right is what scores 1."""

from oreo_tasks.answers import Verdict
from oreo_tasks.questions.reasoning_gym import entry


class GymScorer:
    """Judges by an answer ``NAME?SETTINGS#NUMBER``; what scores below 1 is wrong."""

    name = "reasoning-gym"

    def answer(self, text: str) -> str | None:
        """All that follows the last ``####``, as answers may have many lines; None without it."""
        _, mark, rest = text.rpartition("####")
        return rest.strip() or None if mark else None

    def __call__(self, text: str, gold: str) -> Verdict:
        """Undecided where the entry is not to be had or its scorer breaks."""
        try:
            made, held = entry(gold)
            score = float(made.score_answer(answer=self.answer(text), entry=held))
        except Exception:  # a scorer of somebody else's, on text that a model wrote
            return Verdict.UNDECIDED
        return Verdict.RIGHT if score == 1.0 else Verdict.WRONG
