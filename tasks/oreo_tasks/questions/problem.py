"""What a question is: the text shown, the answer that counts as right, and a worked solution."""

import difflib
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from oreo_tasks.task import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One question; all that an environment, a grader and a supervised learner need of it."""

    id: str
    question: str
    """The text shown, with the choices where there are some, one a line."""
    answer: str
    """What is right, in the words of the verifier; ``""`` where the source does not tell."""
    solution: str = ""
    """Worked steps in the task's own answer format, ending with the answer; ``""``: none known."""
    task_type: str = ""
    """Subject, level or number of steps, for tables by type; ``""`` where there is none."""
    verifier: str = ""
    """What judges this problem's answers; ``""`` is the task's verifier."""
    delimiters: tuple[str, ...] = ()
    """Texts that close a step of this problem; ``()`` are the task's delimiters."""


class QuestionTask(Protocol):
    """A `oreo_tasks.task.Task` whose instances are questions."""

    name: str
    environment: str
    """Registered Gymnasium id, for instance ``oreo/GSM8K-v0``."""
    step_limit: int
    """Steps after which an unfinished solution ends with reward 0."""
    verifier: str
    """Name of what judges answers, in the table of `oreo_tasks.answers`."""
    delimiters: tuple[str, ...]
    """Texts that close a step of a solution; the end of the text closes the last one."""

    def splits(self) -> Sequence[str]:
        """The names of the splits, training first."""
        ...

    def instances(self, split: str, data: str | None = None) -> list[Instance]:
        """All questions of ``split``, sorted by id.

        Raises:
            FileNotFoundError: ``data`` holds nothing of this split.
            LookupError: there is no such split.
            ValueError: what ``data`` holds cannot be read, or is not what it should be.
        """
        ...

    def fingerprint(self, split: str, data: str | None = None) -> str:
        """A checksum of the split's problems: equal exactly if the problems are."""
        ...

    def problem(self, instance_id: str, split: str, data: str | None = None) -> Problem:
        """The problem of that id.

        Raises:
            FileNotFoundError: ``data`` holds nothing of this split.
            LookupError: the split has no such problem, or there is no such split.
            ValueError: what ``data`` holds cannot be read, or is not what it should be.
        """
        ...


def checksum(problems: Iterable[Problem]) -> str:
    """16 hexadecimal digits that follow from every field of every problem, in their order."""
    digest = hashlib.sha256()
    for problem in problems:
        digest.update(msgspec.json.encode(problem) + b"\n")
    return digest.hexdigest()[:16]


def check_known(word: str, known: Sequence[str], owner: str, kind: str) -> None:
    """Refuse a word that is not one of ``known``: "OWNER has no KIND 'word'".

    Raises:
        LookupError: the message holds the nearest word.
    """
    if word not in known:
        near = difflib.get_close_matches(word, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        raise LookupError(f"{owner} has no {kind} {word!r}; {hint}")


class ListedQuestions(ABC):
    """A `QuestionTask` whose problems of a split are all at hand; a subclass finds them."""

    name: str

    @abstractmethod
    def problems(self, split: str, data: str | None) -> Mapping[str, Problem]:
        """The problems of ``split`` by id, sorted by it; raises what `instances` raises."""

    def titled(self, split: str, data: str | None) -> str:
        """How messages call the split."""
        return f"{self.name}, split {split!r}"

    def instances(self, split: str, data: str | None = None) -> list[Instance]:
        """All questions of ``split``, sorted by id.

        Raises:
            FileNotFoundError: ``data`` holds nothing of this split.
            LookupError: there is no such split, or ``data`` names something that is not known.
            ValueError: what ``data`` holds cannot be read, or is not what it should be.
        """
        return [
            Instance(id=problem.id, task=self.name, split=split, task_type=problem.task_type)
            for problem in self.problems(split, data).values()
        ]

    def fingerprint(self, split: str, data: str | None = None) -> str:
        """A checksum of the split's problems: equal exactly if the problems are."""
        return checksum(self.problems(split, data).values())

    def problem(self, instance_id: str, split: str, data: str | None = None) -> Problem:
        """The problem of that id; raises what `instances` raises.

        Raises:
            LookupError: the split has no such problem; the message holds the nearest id.
        """
        return chosen(self.problems(split, data), instance_id, self.titled(split, data))


def chosen(problems: Mapping[str, Problem], instance_id: str, where: str) -> Problem:
    """The problem of that id.

    Raises:
        LookupError: there is none; the message holds the nearest id.
    """
    if instance_id not in problems:
        near = difflib.get_close_matches(instance_id, problems, n=1, cutoff=0.3)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise LookupError(f"{where}: no problem {instance_id!r}{hint}")
    return problems[instance_id]
