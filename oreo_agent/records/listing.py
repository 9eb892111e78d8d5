"""A store as a list: which episodes, in which order, and what its columns say of each."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec

from oreo_agent.errors import SettingError, nearest

SortKey = Literal["id", "steps", "tokens", "reward"]
SORT_KEYS: tuple[str, ...] = get_args(SortKey)
Column = Literal[
    "task", "split", "instance", "task_type", "policy", "end", "reward", "steps", "tokens"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which episodes: those that meet every condition that is set."""

    task: str | None = None
    split: str | None = None
    instance: str | None = None
    instance_part: str | None = None
    """What the instance's id contains, whatever the case of its ASCII letters."""
    task_type: str | None = None
    policy: str | None = None
    """A policy's name as `policy_name` writes it, or the beginning of it (``"expert"``)."""
    ends: tuple[str, ...] | None = None
    """Any of these ends."""
    least_reward: float | None = None
    """This reward or more."""
    most_reward: float | None = None
    """This reward or less."""
    least_steps: int | None = None
    """So many replies or more."""
    most_steps: int | None = None
    """So many replies or fewer."""

    def sql(self) -> tuple[str, list[str | float]]:
        """A WHERE clause, empty if nothing is set, and what stands at its question marks."""
        clauses: list[str] = []
        values: list[str | float] = []
        for column in ("task", "split", "instance", "task_type"):
            wanted = getattr(self, column)
            if wanted is not None:
                clauses.append(f"{column} = ?")
                values.append(wanted)
        if self.instance_part is not None:
            clauses.append("instr(lower(instance), lower(?)) > 0")
            values.append(self.instance_part)
        if self.policy is not None:
            clauses.append("(policy = ? OR substr(policy, 1, ?) = ?)")
            values += [self.policy, len(self.policy) + 1, self.policy + " "]
        if self.ends is not None:
            clauses.append(f"end IN ({', '.join('?' * len(self.ends))})")
            values += self.ends
        for bound in ("reward", "steps"):
            for side, sign in (("least", ">="), ("most", "<=")):
                edge = getattr(self, f"{side}_{bound}")
                if edge is not None:
                    clauses.append(f"{bound} {sign} ?")
                    values.append(edge)
        return ("WHERE " + " AND ".join(clauses) if clauses else ""), values


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a list is sorted by; ids settle what is equal, always from the first on."""

    by: SortKey = "id"
    descending: bool = False

    @classmethod
    def of(cls, text: str) -> "Order":
        """``"steps"``, the least first, or ``"-steps"``, the most first.

        Raises:
            SettingError: there is no such order; the nearest one is named.
        """
        name = text.removeprefix("-")
        if name not in SORT_KEYS:
            raise SettingError(f"episodes cannot be sorted by {name!r}; {nearest(name, SORT_KEYS)}")
        return cls(by=name, descending=text.startswith("-"))  # pyright: ignore[reportArgumentType]

    def __str__(self) -> str:
        return f"-{self.by}" if self.descending else self.by

    def sql(self) -> str:
        """An ORDER BY clause."""
        turned = " DESC" if self.descending else ""
        return f"ORDER BY {self.by}{turned}" + ("" if self.by == "id" else ", id")


BY_ID = Order()


class EpisodeRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What the columns say of an episode, whose record was not read."""

    id: str
    task: str
    split: str
    instance: str
    task_type: str
    policy: str
    """As `policy_name` writes it."""
    end: str
    reward: float
    steps: int
    """Replies."""
    tokens: int
    """Shown and sampled."""


ROW_COLUMNS = ", ".join(EpisodeRow.__struct_fields__)


def episode_rows(found: Iterable[Sequence[Any]]) -> Iterator[EpisodeRow]:
    """Rows of `ROW_COLUMNS`, without those that hold what no writer wrote."""
    for columns in found:
        with suppress(msgspec.ValidationError):
            yield msgspec.convert(columns, EpisodeRow)


def select_some(
    connection: sqlite3.Connection, columns: str, names: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Columns of the rows with these ids; where the database is torn, of those that are whole."""
    marks = ", ".join("?" * len(names))
    query = f"SELECT {columns} FROM episodes WHERE id IN ({marks})"
    try:
        return connection.execute(query, names).fetchall()
    except sqlite3.DatabaseError as error:
        # text that is no UTF-8 is an error without a code
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if code & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
    half = len(names) // 2
    parts = (names[:half], names[half:]) if half else ()
    return [row for part in parts for row in select_some(connection, columns, part)]


def nearest_id(wanted: str, names: Iterable[str]) -> str | None:
    """The name that shares most with ``wanted`` at its two ends; None if there are no names.

    One wrong, missing or additional character leaves all the others shared. It takes a moment for
    100,000 names, which a comparison of whole texts would not.
    """
    return max(names, key=lambda name: _shared(wanted, name), default=None)


def _shared(one: str, other: str) -> int:
    front = _alike(one, other)
    return front + _alike(one[front:][::-1], other[front:][::-1])


def _alike(one: str, other: str) -> int:
    """Characters up to the first that differs."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
