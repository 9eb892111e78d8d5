r"""MATH and MATH-500: competition problems (Hendrycks et al. 2021), answers in ``\boxed{}``."""

import re

from oreo_tasks.questions.official import OfficialQuestions, Published
from oreo_tasks.questions.problem import Problem
from oreo_tasks.questions.rows import Row

_BOX = re.compile(r"\\boxed\s*")
_BRACE = re.compile(r"(?<!\\)(?:\\\\)*([{}])")
"""A brace that groups: one after a backslash is printed, and one after two is not."""


class Math(OfficialQuestions):
    """7,500 and 5,000 problems, 500 of the former in ``valid``; drawings are [asy] text.

    Ids are places in the official folders: ``train/algebra/24.json``. Two training problems have an
    empty box for an answer and are not listed.
    """

    name = "math"
    environment = "oreo/MATH-v0"
    verifier = "math"
    delimiters = ("\n", ". ", ".$ ")
    published = Published(
        title="MATH",
        variable="MATH_DATA",
        counts={"train": 7500, "test": 5000},
        checksums={"train": "2dfa4d9d67b1a7f8"},
        files={
            split: [
                [f"{split}/*/*"],
                [f"MATH/{split}/*/*"],
                [f"*/{split}-*"],
                [f"math_{split}"],
                [split],
            ]
            for split in ("train", "test")
        },
        source="github.com/hendrycks/math",
        hub="EleutherAI/hendrycks_math",
        valid_below=0x10C4_0000,
    )

    def problem_of(self, row: Row, split: str, number: int) -> Problem:
        """A problem's own file, or a row that may hold id and subject under other names."""
        solution = row.text("solution")
        return Problem(
            id=self._id(row, split, number),
            question=row.text("problem"),
            answer=boxed(solution),
            solution=solution,
            task_type=row.text("subject", "type"),
        )

    def _id(self, row: Row, split: str, number: int) -> str:
        for field in ("unique_id", "id"):
            if isinstance(given := row.get(field), str) and given:
                return given
        if not row.place:
            return f"{split}/{row.file.parent.name}/{row.file.name.partition('.')[0]}.json"
        if row.file.name.startswith(f"{split}-"):
            return f"{split}/{row.file.parent.name}/{row.number:05d}"
        return f"{split}/{number:05d}"


class Math500(Math):
    """The 500 problems of MATH's test split that Lightman et al. (2023) left for testing."""

    name = "math500"
    environment = "oreo/MATH500-v0"
    published = Published(
        title="MATH-500",
        variable="MATH500_DATA",
        counts={"test": 500},
        files={"test": [["test"], ["math500_test"], ["math_500"], ["test-*"]]},
        source="huggingface.co/datasets/HuggingFaceH4/MATH-500",
        hub="HuggingFaceH4/MATH-500",
    )


def boxed(solution: str) -> str:
    r"""What stands in the last ``\boxed`` of a solution; ``""`` if nothing does.

    Without braces the box holds what comes before the next space or dollar sign: ``\boxed 2$``.
    """
    boxes = list(_BOX.finditer(solution))
    if not boxes:
        return ""
    rest = solution[boxes[-1].end() :]
    if not rest.startswith("{"):
        return re.split(r"[\s$]", rest, maxsplit=1)[0]
    depth = 0
    for brace in _BRACE.finditer(rest):
        depth += 1 if brace[1] == "{" else -1
        if depth == 0:
            return rest[1 : brace.start(1)].strip()
    return ""
