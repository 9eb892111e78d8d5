"""GSM8K: grade school mathematics in words (Cobbe et al. 2021), answers after ``####``."""

import re

from oreo_tasks.questions.official import OfficialQuestions, Published
from oreo_tasks.questions.problem import Problem
from oreo_tasks.questions.rows import Row

_CALCULATOR = re.compile(r"<<[^<>\n]*>>")
"""Marks that the authors put around sums for a calculator: ``<<48/2=24>>``."""


class Gsm8k(OfficialQuestions):
    """7,473 and 1,319 problems, 500 of the former in ``valid``; ids are positions: train/00012."""

    name = "gsm8k"
    environment = "oreo/GSM8K-v0"
    verifier = "number"
    published = Published(
        title="GSM8K",
        variable="GSM8K_DATA",
        counts={"train": 7473, "test": 1319},
        checksums={"train": "d2700aa04c1d1134"},
        files={
            split: [
                [split],
                [f"grade_school_math/data/{split}"],
                [f"main/{split}-*"],
                [f"{split}-*"],
                [f"gsm8k_{split}"],
            ]
            for split in ("train", "test")
        },
        source="github.com/openai/grade-school-math",
        hub="openai/gsm8k",
        valid_below=0x10A0_0000,
    )

    def problem_of(self, row: Row, split: str, number: int) -> Problem:
        """A row of the official files, or of a part of them that kept the number in its id."""
        steps, mark, final = row.text("answer").rpartition("####")
        answer = final.strip().replace(",", "")
        if not mark or not answer:
            raise row.fault("the answer does not end in '#### ' and a number")
        lines = _CALCULATOR.sub("", steps).split("\n")
        kept = [line.strip() for line in lines if line.strip()]
        return Problem(
            id=f"{split}/{_position(row, number):05d}",
            question=row.text("question"),
            answer=answer,
            solution="\n".join([*kept, f"#### {answer}"]),
        )


def _position(row: Row, number: int) -> int:
    last = str(row.get("id") or "").rpartition("/")[2]
    return int(last) if last.isascii() and last.isdecimal() else number
