"""What the official question sets share: files found, problems counted, some kept for settings.

``data`` is a folder that holds the official files, one such file, or ``"hub"`` for what the
Hugging Face hub has; None takes what the set's environment variable says. A split that does not
have its official number of problems is refused. Who wants a part of it on purpose adds
``?any-count`` to ``data``.

Besides the official splits, a set without an official one for choosing settings has two parts of
its training split: ``fit`` and ``valid``. Which part a problem is in follows from the text of its
question alone, so it is the same in every layout, and equal questions are in the same part.
"""

import functools
import hashlib
import os
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oreo_tasks.questions.hub import download
from oreo_tasks.questions.problem import ListedQuestions, Problem, check_known
from oreo_tasks.questions.rows import ENDINGS, SUFFIXES, Row, read_rows
from oreo_tasks.task import Holding, Instance

ANY_COUNT = "?any-count"
HUB = "hub"
_HUB_ENDINGS = (".jsonl", ".parquet")
PARTS = ("fit", "valid")
"""Two disjoint parts that together are the training split."""
_Split = Mapping[str, Problem]
"""Problems by id, sorted by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """How a question set was published."""

    title: str
    """What people call it."""
    variable: str
    """The environment variable that names where the user has it."""
    counts: Mapping[str, int]
    """Official split -> number of its problems, training first."""
    files: Mapping[str, Sequence[Sequence[str]]]
    """Official split -> layouts, each the files (without ending, ``*`` allowed) that make it up."""
    source: str
    """Where the official files are to be had."""
    hub: str = ""
    """The data set on the Hugging Face hub that has the official splits; ``""``: none."""
    valid_below: int = 0
    """Questions whose hash is below this are in ``valid``, chosen so that it has the number that
    the set's docstring says; 0: there are no such parts."""
    unanswered: frozenset[str] = frozenset()
    """Official splits that come without answers."""
    checksums: Mapping[str, str] = field(default_factory=dict[str, str])
    """Official split -> `texts_checksum` of its problems, where that is on record."""

    def missing(self, split: str, looked: str) -> FileNotFoundError:
        """An error that says what was looked for and where, and how to mend it."""
        hub = f', or take those of the Hugging Face hub with "{HUB}"' if self.hub else ""
        return FileNotFoundError(
            f"no {self.title} problems of split {split!r}: {looked}. Fetch the official files "
            f"({self.source}) and name their folder with --data or in {self.variable}{hub}"
        )


class OfficialQuestions(ListedQuestions):
    """A question set in its published files; a subclass says which, and what a row means."""

    name: str
    environment: str
    step_limit = 20
    verifier: str
    delimiters: tuple[str, ...] = ("\n",)
    published: Published

    @abstractmethod
    def problem_of(self, row: Row, split: str, number: int) -> Problem:
        """The problem that a row stands for; ``number`` counts the split's rows from 0.

        Raises:
            ValueError: a field is missing or wrong.
        """

    def is_valid(self, row: Row, problem: Problem) -> bool:
        """Whether a problem of the training split is in its part ``valid``."""
        return question_hash(problem.question) < self.published.valid_below

    def splits(self) -> Sequence[str]:
        """The names of the splits, training first."""
        first, *others = self.published.counts
        return (first, *(PARTS if self.published.valid_below else ()), *others)

    def instances(self, split: str, data: str | None = None) -> list[Instance]:
        """The problems of ``split`` whose answer is known, sorted by id.

        Of a split that is published without answers, all problems.

        Raises:
            FileNotFoundError: ``data`` holds no files of this split.
            LookupError: there is no such split.
            ValueError: a file is broken, or the split is not whole.
        """
        return [
            Instance(id=problem.id, task=self.name, split=split, task_type=problem.task_type)
            for problem in self.problems(split, data).values()
            if problem.answer or split in self.published.unanswered
        ]

    def holding(self, split: str, data: str | None) -> Holding:
        """What ``data`` holds of an official split; raises what `instances` raises."""
        known = self.published.checksums.get(split)
        problems = self.problems(split, data)
        return Holding(
            count=len(problems),
            official=self.published.counts.get(split),
            checksum=texts_checksum(problems.values()),
            releases={} if known is None else {known: self.published.title},
        )

    def titled(self, split: str, data: str | None) -> str:
        """By the name that people call the set."""
        return f"{self.published.title}, split {split!r}"

    def problems(self, split: str, data: str | None) -> _Split:
        """Those whose answer is not known too."""
        check_known(split, self.splits(), self.published.title, "split")
        official = next(iter(self.published.counts)) if split in PARTS else split
        root, whole = self._root(data, official)
        time = root.stat().st_mtime_ns if root.exists() else 0
        return _read(type(self), official, root, whole, time).get(split, {})

    def _root(self, data: str | None, split: str) -> tuple[Path, bool]:
        """Where to look, and whether the split has to be whole."""
        data = data or os.environ.get(self.published.variable)
        if not data:
            raise self.published.missing(
                split, f"no data is named, and {self.published.variable} is not set"
            )
        place = data.removesuffix(ANY_COUNT)
        root = self._download(split) if place == HUB else Path(place).expanduser()
        return root, place == data

    def _download(self, split: str) -> Path:
        if not self.published.hub:
            raise self.published.missing(
                split, "the Hugging Face hub has no copy with the official splits"
            )
        stems = {
            stem for layouts in self.published.files.values() for files in layouts for stem in files
        }
        patterns = (f"{stem}{ending}" for stem in sorted(stems) for ending in _HUB_ENDINGS)
        try:
            return download(self.published.hub, tuple(patterns))
        except (OSError, ImportError) as error:
            looked = (
                f"{self.published.hub} could not be fetched from the Hugging Face hub ({error})"
            )
            raise self.published.missing(split, looked) from error

    def find(self, root: Path, split: str) -> list[Path]:
        """The files that make up an official split, from the first layout that is all there.

        Raises:
            FileNotFoundError: there are none, or ``root`` is a file of another split.
        """
        if root.is_file():
            self._check_name(root, split)
            return [root]
        if not root.is_dir():
            raise self.published.missing(split, f"there is no folder and no file {root}")
        for layout in self.published.files[split]:
            found = [_matching(root, stem) for stem in layout]
            if all(found):
                return [path for paths in found for path in paths]
        looked = ", ".join(" with ".join(layout) for layout in self.published.files[split])
        raise self.published.missing(split, f"looked in {root} for {looked} (ending in {ENDINGS})")

    def _check_name(self, file: Path, split: str) -> None:
        """Refuse a file that is named after another split: nobody means that."""
        stem = file.name.partition(".")[0]
        named = [
            other
            for other, layouts in self.published.files.items()
            if any(Path(name).name == stem for layout in layouts for name in layout)
        ]
        if named and split not in named:
            raise self.published.missing(
                split, f"{file} is named as the file of split {named[0]!r}"
            )


def texts_checksum(problems: Iterable[Problem]) -> str:
    """16 hexadecimal digits of questions and answers, whatever their ids and their order."""
    texts = sorted(f"{problem.question}\0{problem.answer}" for problem in problems)
    return hashlib.sha256("\0\0".join(texts).encode()).hexdigest()[:16]


def question_hash(question: str) -> int:
    """32 bits that follow from the text alone."""
    return int.from_bytes(hashlib.sha256(question.encode()).digest()[:4], "big")


@functools.lru_cache(maxsize=12)
def _read(
    kind: type[OfficialQuestions], split: str, root: Path, whole: bool, time: int
) -> Mapping[str, _Split]:
    """Read an official split, and part it where it has parts: once a process and ``time``."""
    task, problems, valid = kind(), dict[str, Problem](), set[str]()
    files = task.find(root, split)
    rows = (row for file in files for row in read_rows(file))
    for number, row in enumerate(rows):
        problem = task.problem_of(row, split, number)
        if problem.id in problems:
            raise row.fault(f"a second problem has the id {problem.id!r}")
        problems[problem.id] = problem
        if task.is_valid(row, problem):
            valid.add(problem.id)
    _check_count(task, split, files, len(problems), whole)
    problems = dict(sorted(problems.items()))
    parts = {
        part: {id: p for id, p in problems.items() if (id in valid) == (part == "valid")}
        for part in PARTS
    }
    return {split: problems, **parts}


def _check_count(
    task: OfficialQuestions, split: str, files: list[Path], found: int, whole: bool
) -> None:
    where = str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} files more"
    published = task.published
    official = published.counts[split]
    if not found:
        raise ValueError(f"{where}: no problem in it; fetch it again ({published.source})")
    if whole and found != official:
        raise ValueError(
            f"{where}: {found:,} problems, but the official split {split!r} of {published.title} "
            f"has {official:,}. Fetch it again ({published.source}), or add {ANY_COUNT!r} to what "
            "names the data if a part is meant"
        )


def _matching(root: Path, stem: str) -> list[Path]:
    """The files of a name without ending, sorted; all of one ending, the first that there is."""
    found = (sorted(root.glob(f"{stem}{suffix}")) for suffix in SUFFIXES)
    return next(filter(None, found), [])
