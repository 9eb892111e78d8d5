"""StrategyQA: yes or no, where the steps to it are left to the reader (Geva et al. 2021)."""

from typing import Any, cast

from oreo_tasks.questions.official import OfficialQuestions, Published
from oreo_tasks.questions.problem import Problem
from oreo_tasks.questions.rows import Row

_WORDS = {True: "yes", False: "no"}


class StrategyQa(OfficialQuestions):
    """2,290 questions with facts, 490 without answers.

    ``valid`` are the 229 questions of the authors' own development part where the files tell which
    these are (``train`` and ``dev`` apart, or a field ``part``), else 229 that we chose.
    """

    name = "strategyqa"
    environment = "oreo/StrategyQA-v0"
    verifier = "yes-no"
    published = Published(
        title="StrategyQA",
        variable="STRATEGYQA_DATA",
        counts={"train": 2290, "test": 490},
        checksums={"train": "b59b096c52da3e84"},
        files={
            "train": [
                ["strategyqa_train"],
                ["train", "dev"],
                ["data/strategyqa/train", "data/strategyqa/dev"],
            ],
            "test": [["strategyqa_test"], ["test"], ["data/strategyqa/test"]],
        },
        source="allenai.org/data/strategyqa",
        valid_below=0x1818_0000,
        unanswered=frozenset({"test"}),
    )

    def problem_of(self, row: Row, split: str, number: int) -> Problem:
        """A row of the official files: facts are the steps, or the questions that lead there."""
        answer = row.get("answer")
        if not isinstance(answer, bool) and (
            answer is not None or split not in self.published.unanswered
        ):
            raise row.fault(f"field 'answer' must be true or false, not {answer!r:.60}")
        word = "" if answer is None else _WORDS[answer]
        steps = _sentences(row, "facts") or _sentences(row, "decomposition")
        return Problem(
            id=row.text("qid", "id"),
            question=row.text("question"),
            answer=word,
            solution="\n".join([*steps, f"#### {word}"]) if word and steps else "",
        )

    def is_valid(self, row: Row, problem: Problem) -> bool:
        """Whether it is in the authors' development part, if the files tell."""
        part = row.get("part")
        if part is None and row.file.name.partition(".")[0] in ("train", "dev"):
            part = row.file.name.partition(".")[0]
        return super().is_valid(row, problem) if part is None else part == "dev"


def _sentences(row: Row, field: str) -> list[str]:
    """The texts of a list, each in one line."""
    value = row.get(field)
    if value is None:
        return []
    if not isinstance(value, list) or not all(
        isinstance(text, str) for text in cast(list[Any], value)
    ):
        raise row.fault(f"field {field!r} must be a list of texts, not {value!r:.60}")
    return [line for text in cast(list[str], value) if (line := " ".join(text.split()))]
