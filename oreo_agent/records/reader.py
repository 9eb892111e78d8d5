"""Reading a store: by id, as a stream, or as a table of counts."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from oreo_agent.errors import RecordError
from oreo_agent.records.episode import Episode, PolicyRecord, decode
from oreo_agent.records.folder import Card, opened, read_card
from oreo_agent.records.listing import (
    BY_ID,
    EVERYTHING,
    ROW_COLUMNS,
    Column,
    EpisodeRow,
    Filter,
    Order,
    episode_rows,
    nearest_id,
    select_some,
)

Columns = tuple[str | float | int, ...]
"""What stands in `ROW_COLUMNS` after the id."""


def columns_of(episode: Episode) -> Columns:
    """What stands in an episode's columns, its id left out."""
    return (
        episode.task,
        episode.split,
        episode.instance,
        episode.task_type,
        policy_name(episode.policy),
        episode.end,
        episode.reward,
        episode.steps,
        episode.tokens,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """Counts over the episodes of one task type, split and policy."""

    task: str
    task_type: str
    split: str
    policy: str
    episodes: int
    wins: int
    """Episodes that ended ``won``."""
    faults: int
    """Episodes that ended in a fault of ours; no part of a success rate."""
    steps: int
    tokens: int


def policy_name(policy: PolicyRecord) -> str:
    """Who played, in a few words: ``expert epsilon=0.1``, ``model 3f2a8c019d7e sample T=0.7``."""
    parts: list[str] = [policy.kind]
    if policy.kind == "model":
        parts += [policy.fingerprint[:12], policy.strategy]
        parts += [] if policy.strategy == "greedy" else [f"T={policy.temperature:g}"]
    if policy.epsilon:
        parts.append(f"epsilon={policy.epsilon:g}")
    return " ".join(part for part in parts if part)


class StoreReader:
    """The episodes that were durable when asked; any number of readers, beside a living writer.

    Every call opens the database anew: a reader needs no closing, and may be passed to other
    threads and processes.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open the store in ``folder``.

        Raises:
            RecordError: there is none, or it is damaged, or written by a newer version.
        """
        self.folder = Path(folder)
        card = read_card(self.folder)
        if card is None:
            raise RecordError(
                f"{self.folder} holds no episodes: collect some with "
                f"`oreo-agent rollout --out {self.folder}`"
            )
        self.card: Card = card

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return opened(self.folder)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    def __len__(self) -> int:
        return self.count()

    def __iter__(self) -> Iterator[Episode]:
        return self.episodes()

    def count(self, where: Filter = EVERYTHING) -> int:
        """Number of episodes."""
        clause, values = where.sql()
        with self._reading() as connection:
            rows = connection.execute(f"SELECT count(*) FROM episodes {clause}", values)
            return rows.fetchone()[0]

    def counts(
        self, columns: Sequence[Column], where: Filter = EVERYTHING
    ) -> dict[tuple[Any, ...], int]:
        """Number of episodes for each combination of values that these columns have, sorted."""
        clause, values = where.sql()
        named = ", ".join(columns)
        query = f"SELECT {named}, count(*) FROM episodes {clause} GROUP BY {named} ORDER BY {named}"
        with self._reading() as connection:
            return {tuple(row[:-1]): row[-1] for row in connection.execute(query, values)}

    def listed(self, where: Filter = EVERYTHING, order: Order = BY_ID) -> list[str]:
        """The episodes' ids in an order; no record is read."""
        clause, values = where.sql()
        query = f"SELECT id FROM episodes {clause} {order.sql()}"
        with self._reading() as connection:
            return [row[0] for row in connection.execute(query, values)]

    def rows(self, names: Sequence[str]) -> dict[str, EpisodeRow]:
        """What the columns say of the episodes so called; those that cannot be read are absent."""
        with self._reading() as connection:
            found = select_some(connection, ROW_COLUMNS, names)
        return {row.id: row for row in episode_rows(found)}

    def packed(self, names: Sequence[str]) -> dict[str, bytes]:
        """Records as they are stored (see `unpack`); those that cannot be read are absent."""
        with self._reading() as connection:
            return dict(select_some(connection, "id, record", names))

    def find(self, wanted: str) -> str:
        """The id that is ``wanted``, or that alone contains it.

        Raises:
            RecordError: there is none, and the nearest is named; or there are several.
        """
        names = self.listed()
        near = [wanted] if wanted in names else [name for name in names if wanted in name]
        if len(near) == 1:
            return near[0]
        if near:
            raise RecordError(
                f"episode {wanted!r} could be {len(near)} of store {self.folder}, the first two "
                f"{near[0]!r} and {near[1]!r}; write more of the id"
            )
        other = nearest_id(wanted, names)
        hint = "it is empty" if other is None else f"the nearest is {other!r}"
        raise RecordError(f"store {self.folder} has no episode {wanted!r}; {hint}")

    def episodes(
        self, where: Filter = EVERYTHING, *, by_instance: bool = False
    ) -> Iterator[Episode]:
        """Stream in the order of ids: one snapshot, taken at the first episode.

        Args:
            where: which of them.
            by_instance: in the order of instances, then of ids.

        Raises:
            RecordError: an episode is damaged; the message names it.
        """
        for _, _, episode in self._stream(where, by_instance):
            if isinstance(episode, RecordError):
                raise episode
            yield episode

    def examined(self) -> Iterator[tuple[str, Columns, Episode | RecordError]]:
        """Every episode's id, columns and record, or what is wrong with it, by instance and id."""
        return self._stream(EVERYTHING, True)

    def _stream(
        self, where: Filter, by_instance: bool
    ) -> Iterator[tuple[str, Columns, Episode | RecordError]]:
        clause, values = where.sql()
        order = "instance, id" if by_instance else "id"
        # ids are sorted, not records: a sort of 100,000 records would fill the disk
        query = f"SELECT {ROW_COLUMNS} FROM episodes {clause} ORDER BY {order}"
        with self._reading() as connection:
            for name, *columns in connection.execute(query, values):
                fetched = "SELECT record FROM episodes WHERE id = ?"
                row = connection.execute(fetched, (name,)).fetchone()
                try:
                    yield name, tuple(columns), self._unpack(name, row[0])
                except RecordError as error:
                    yield name, tuple(columns), error

    def get(self, name: str) -> Episode:
        """The episode whose id is ``name``.

        Raises:
            RecordError: there is none, or it is damaged.
        """
        query = "SELECT record FROM episodes WHERE id = ?"
        with self._reading() as connection:
            row = connection.execute(query, (name,)).fetchone()
        if row is None:
            raise RecordError(
                f"store {self.folder} has no episode {name!r}; `oreo-agent data show "
                f"{self.folder}` lists them"
            )
        return self._unpack(name, row[0])

    def held(self, names: Sequence[str]) -> dict[str, Episode]:
        """Those of the episodes so called that are there, by id.

        Raises:
            RecordError: one of them is damaged.
        """
        marks = ", ".join("?" * len(names))
        query = f"SELECT id, record FROM episodes WHERE id IN ({marks})"
        with self._reading() as connection:
            return {name: self._unpack(name, row) for name, row in connection.execute(query, names)}

    def summary(self, where: Filter = EVERYTHING) -> list[SummaryRow]:
        """Counts by task, task type, split and policy, in that order; no episode is decoded."""
        clause, values = where.sql()
        query = f"""
            SELECT task, task_type, split, policy, count(*), sum(end = 'won'), sum(end = 'fault'),
                   sum(steps), sum(tokens)
            FROM episodes {clause} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """
        with self._reading() as connection:
            return [
                SummaryRow(
                    task=task,
                    task_type=task_type,
                    split=split,
                    policy=policy,
                    episodes=episodes,
                    wins=wins,
                    faults=faults,
                    steps=steps,
                    tokens=tokens,
                )
                for task, task_type, split, policy, episodes, wins, faults, steps, tokens in (
                    connection.execute(query, values)
                )
            ]

    def instances(self, where: Filter = EVERYTHING) -> int:
        """Number of different instances."""
        clause, values = where.sql()
        query = f"SELECT count(DISTINCT instance) FROM episodes {clause}"
        with self._reading() as connection:
            return connection.execute(query, values).fetchone()[0]

    def _unpack(self, name: str, packed: bytes) -> Episode:
        try:
            episode = decode(unpack(packed))
            if episode.id != name:
                raise RecordError(f"it says that it is {episode.id!r}")
        except RecordError as error:
            raise RecordError(f"store {self.folder}, episode {name!r}: {error}") from error
        return episode


def named_episode(where: str) -> tuple[Path, str]:
    """``DIR:ID`` as folder and id, ``""`` if none is named; both may have colons of their own."""
    if Path(where).exists():
        return Path(where), ""
    at = [place for place, letter in enumerate(where) if letter == ":"]
    there = [place for place in at if Path(where[:place]).is_dir()]
    if not at:
        return Path(where), ""
    cut = there[-1] if there else at[-1]
    return Path(where[:cut]), where[cut + 1 :]


def pack(record: bytes) -> bytes:
    """Compress an encoded episode, with a checksum of its own."""
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(record)


def unpack(packed: bytes) -> bytes:
    """What `pack` was given.

    Raises:
        RecordError: the bytes are torn.
    """
    try:
        return zstandard.ZstdDecompressor().decompress(packed)
    except (zstandard.ZstdError, TypeError) as error:
        raise RecordError(
            f"its record is damaged ({error}); restore the store from a copy, "
            "or collect anew into another folder"
        ) from error
