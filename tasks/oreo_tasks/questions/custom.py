r"""Questions of the user's own, in any file that `rows` reads.

``data`` says which file and how to read it::

    FILE?question=FIELD&answer=FIELD&verifier=NAME

and may say more: ``&solution=FIELD``, ``&id=FIELD`` (positions are the ids without it),
``&type=FIELD`` and ``&delimiter=TEXT``, once for each text that closes a step (``\n`` is a line's
end, the default). A field inside another is ``outer.inner``. With ``{split}`` in the file's name
there is one split for each file that fits; without it there is one split, ``all``. Characters that
have a meaning here are written as in addresses: ``%26`` is ``&``.
"""

import functools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from oreo_tasks.answers import VERIFIERS
from oreo_tasks.questions.problem import ListedQuestions, Problem, check_known
from oreo_tasks.questions.rows import Row, read_rows

ALL = "all"
PLACE = "{split}"
_FORM = "FILE?question=FIELD&answer=FIELD&verifier=NAME"
_NEEDED = ("question", "answer", "verifier")
_KNOWN = (*_NEEDED, "solution", "id", "type", "delimiter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which file, and which of its fields means what; a field that is ``""`` is not there."""

    file: str
    """May hold ``{split}``."""
    question: str
    answer: str
    verifier: str
    solution: str = ""
    id: str = ""
    type: str = ""
    delimiters: tuple[str, ...] = ("\n",)


class Questions(ListedQuestions):
    """What the user brings; ``QUESTIONS_DATA`` stands for ``data`` where none is named."""

    name = "questions"
    environment = "oreo/Questions-v0"
    step_limit = 20
    verifier = "text"
    delimiters: tuple[str, ...] = ("\n",)

    def splits(self, data: str | None = None) -> Sequence[str]:
        """``all``, or the words that stand for ``{split}`` in the names of files that are there."""
        if data is None and not os.environ.get("QUESTIONS_DATA"):
            return (ALL,)
        file = reading(data).file
        if PLACE not in file:
            return (ALL,)
        parts = Path(file).expanduser().parts
        fixed = next(i for i, part in enumerate(parts) if PLACE in part)
        names = re.compile(_named_group(parts[fixed:]))
        root = Path(*parts[:fixed])
        paths = root.glob("/".join(part.replace(PLACE, "*") for part in parts[fixed:]))
        found = (names.fullmatch(path.relative_to(root).as_posix()) for path in paths)
        words = {match["split"] for match in found if match}
        return sorted(words, key=lambda word: (word != "train", word))

    def problems(self, split: str, data: str | None) -> Mapping[str, Problem]:
        """With verifier and delimiters of their own."""
        how = reading(data)
        if PLACE not in how.file:
            check_known(split, (ALL,), f"a file without {PLACE} in its name", "split")
        file = Path(how.file.replace(PLACE, split)).expanduser()
        if not file.is_file():
            there = ", ".join(self.splits(data)) or "none"
            known = f" (splits that are there: {there})" if PLACE in how.file else ""
            raise FileNotFoundError(
                f"no questions of split {split!r}: there is no file {file}{known}"
            )
        return _read(how, split, file, file.stat().st_mtime_ns)


def reading(data: str | None) -> Reading:
    """What ``data`` says, or the environment variable ``QUESTIONS_DATA``.

    Raises:
        FileNotFoundError: neither says anything.
        LookupError: a key or the verifier is not known, or one that is needed is missing.
    """
    data = data or os.environ.get("QUESTIONS_DATA")
    if not data:
        raise FileNotFoundError(
            f"no questions: name a file with --data or in QUESTIONS_DATA, as in {_FORM!r}"
        )
    file, _, rest = data.partition("?")
    pairs = [part.partition("=") for part in rest.split("&") if part]
    given: dict[str, list[str]] = {}
    for key, _, value in pairs:
        check_known(key, _KNOWN, f"the form {_FORM!r}", "key")
        given.setdefault(key, []).append(unquote(value))
    twice = [key for key, values in given.items() if len(values) > 1 and key != "delimiter"]
    missing = [key for key in _NEEDED if not given.get(key, [""])[0]]
    if twice or missing:
        fault = f"{twice[0]!r} is there twice" if twice else f"{missing[0]!r} is missing"
        raise LookupError(f"{data!r}: {fault}; the form is {_FORM!r}")
    check_known(given["verifier"][0], sorted(VERIFIERS), "the table of answers", "verifier")
    ends = tuple(text.replace("\\n", "\n") for text in given.pop("delimiter", ["\n"]) if text)
    fields = {key: values[0] for key, values in given.items()}
    return Reading(file=unquote(file), delimiters=ends or ("\n",), **fields)


def _named_group(parts: Sequence[str]) -> str:
    """A pattern that takes from a path the word that stands for ``{split}``, alike everywhere."""
    first, *others = (re.escape(text) for text in "/".join(parts).split(PLACE))
    return first + "(?P<split>[^/]+)" + "(?P=split)".join(others)


@functools.lru_cache(maxsize=12)
def _read(how: Reading, split: str, file: Path, time: int) -> Mapping[str, Problem]:
    """Read a file once a process and ``time``."""
    problems: dict[str, Problem] = {}
    for row in read_rows(file):
        problem = _problem(how, split, row)
        if problem.id in problems:
            raise row.fault(f"a second problem has the id {problem.id!r}")
        problems[problem.id] = problem
    if not problems:
        raise ValueError(f"{file}: no question in it")
    return dict(sorted(problems.items()))


def _problem(how: Reading, split: str, row: Row) -> Problem:
    return Problem(
        id=_word(row, how.id) if how.id else f"{split}/{row.number:05d}",
        question=row.text(how.question),
        answer=_word(row, how.answer, yes_no=how.verifier == "yes-no"),
        solution=row.text(how.solution) if how.solution and row.get(how.solution) else "",
        task_type=_word(row, how.type) if how.type else "",
        verifier=how.verifier,
        delimiters=how.delimiters,
    )


def _word(row: Row, field: str, *, yes_no: bool = False) -> str:
    """A text, a number or a truth value as text."""
    value = row.get(field)
    if yes_no and isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else row.text(field)
