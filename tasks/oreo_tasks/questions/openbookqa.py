"""OpenBookQA: elementary science, one of four choices (Mihaylov et al. 2018)."""

from typing import Any, cast

from oreo_tasks.questions.official import OfficialQuestions, Published
from oreo_tasks.questions.problem import Problem
from oreo_tasks.questions.rows import Row


class OpenBookQa(OfficialQuestions):
    """4,957, 500 and 500 questions; a solution begins with the fact behind it, if one is told."""

    name = "openbookqa"
    environment = "oreo/OpenBookQA-v0"
    verifier = "choice"
    published = Published(
        title="OpenBookQA",
        variable="OPENBOOKQA_DATA",
        counts={"train": 4957, "dev": 500, "test": 500},
        checksums={"train": "5cc8b07d40d5ebcb", "dev": "326ed36a05edd001"},
        files={
            split: [
                [split],
                [f"Data/Main/{split}"],
                [f"OpenBookQA-V1-Sep2018/Data/Main/{split}"],
                [f"main/{hub}-*"],
                [f"{hub}-*"],
                [f"openbookqa_{split}"],
                [f"{split}_complete"],
            ]
            for split, hub in (("train", "train"), ("dev", "validation"), ("test", "test"))
        },
        source="github.com/allenai/OpenBookQA",
        hub="allenai/openbookqa",
    )

    def problem_of(self, row: Row, split: str, number: int) -> Problem:
        """A row of the official files, of the hub's, or of one with ``choices`` by letter."""
        choices = _choices(row)
        letter = row.text("answerKey", "answer")
        if letter not in choices:
            raise row.fault(f"the answer {letter!r} is none of the choices {', '.join(choices)}")
        lines = [f"{label}. {text}" for label, text in choices.items()]
        fact = row.get("fact1") or row.get("fact")
        known = [" ".join(fact.split())] if isinstance(fact, str) else []
        return Problem(
            id=row.text("id"),
            question="\n".join([row.text("question.stem", "question_stem", "question"), *lines]),
            answer=letter,
            solution="\n".join([*known, f"#### {letter}"]),
        )


def _choices(row: Row) -> dict[str, str]:
    """Letter -> text: from a list of both, a pair of lists, or a table by letter."""
    held: Any = row.get("question.choices") or row.get("choices")
    try:
        if isinstance(held, list):
            pairs = [(choice["label"], choice["text"]) for choice in cast(list[Any], held)]
        elif set(held) == {"label", "text"}:
            pairs = list(zip(held["label"], held["text"], strict=True))
        else:
            pairs = list(held.items())
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise row.fault(f"the choices are not understood: {held!r:.60}") from error
    choices = {str(label): text.strip() for label, text in pairs if isinstance(text, str)}
    if len(choices) != len(pairs) or len(choices) < 2:
        raise row.fault(f"the choices need a letter and a text each: {held!r:.60}")
    return choices
