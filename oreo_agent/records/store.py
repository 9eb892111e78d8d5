"""A folder of episodes that survives ``kill -9``: one writer, any number of readers.

An episode is durable once its group is committed: at most `GROUP_SECONDS` after it was appended, at
most `GROUP_EPISODES` of them together. `Store.take_committed` says which ones are: nothing else
may be reported as done.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from oreo_agent.errors import RecordError
from oreo_agent.records.episode import Episode, encode
from oreo_agent.records.folder import (
    DATABASE,
    Card,
    WriterLock,
    connect_writer,
    found_store,
    read_card,
)
from oreo_agent.records.reader import StoreReader, columns_of, pack

GROUP_SECONDS = 1.0
GROUP_EPISODES = 64

_BUNDLE = "bundle.json"
"""By which a folder is known that `oreo-agent train` wrote."""

Row = tuple[str | float | int | bytes, ...]
_INSERT = f"INSERT INTO episodes VALUES ({', '.join('?' * 11)})"


class Alarm(Protocol):
    """What `threading.Timer` is to the writer: rings once, unless it is cancelled before."""

    daemon: bool

    def start(self) -> None:
        """Begin to wait."""

    def cancel(self) -> None:
        """Never ring."""


AlarmMaker = Callable[[float, Callable[[], None]], Alarm]


class Store(StoreReader):
    """The writer; a context manager whose end makes everything durable.

    What it reads is durable too: each reading call commits what is pending first.
    """

    def __init__(
        self,
        folder: str | Path,
        lock: WriterLock,
        *,
        group_episodes: int = GROUP_EPISODES,
        group_seconds: float = GROUP_SECONDS,
        alarm: AlarmMaker = threading.Timer,
        reported: bool = True,
    ) -> None:
        """Use `create`; this takes over a ``lock`` on a store that is there."""
        super().__init__(folder)
        self._file_lock = lock
        self._group_episodes = group_episodes
        self._group_seconds = group_seconds
        self._make_alarm = alarm
        self._reported = reported
        self._alarm: Alarm | None = None
        self._overdue = False
        self._pending: dict[str, Row] = {}
        self._committed: list[str] = []
        self._guard = threading.RLock()
        self._connection: sqlite3.Connection | None = connect_writer(self.folder)

    @classmethod
    def create(
        cls,
        folder: str | Path,
        *,
        prompt: str,
        tokenizer: str,
        settings: Mapping[str, Any] | None = None,
        group_episodes: int = GROUP_EPISODES,
        group_seconds: float = GROUP_SECONDS,
        alarm: AlarmMaker = threading.Timer,
        reported: bool = True,
    ) -> "Store":
        """Write to the store in ``folder``, which is made if it is not there.

        Args:
            folder: of the store.
            prompt: name of the prompt format of its episodes.
            tokenizer: fingerprint of their tokenizer; ``""`` if they hold no token ids.
            settings: of the prompt format, plain data that makes it again.
            group_episodes: so many are committed together at most.
            group_seconds: the longest that an episode waits for its commit.
            alarm: makes what rings after that time.
            reported: whether `take_committed` is asked; without it no ids are held for that.

        Raises:
            RecordError: somebody else writes to it; or it is damaged, foreign, too new, or for
                another prompt format or tokenizer. Nothing was written then.
        """
        path = Path(folder)
        card = Card(prompt=prompt, tokenizer=tokenizer, settings=dict(settings or {}))
        _check_card(path, card)
        if path.is_symlink() and not path.exists():
            raise RecordError(
                f"store {path} is a link to {path.readlink()}, which is not there; make that "
                "folder, or name another"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = WriterLock(path)
        except OSError as error:
            raise RecordError(f"store {path} cannot be written to: {error}") from error
        try:
            # Looked at again: another writer may have founded it before we had the lock.
            if not _check_card(path, card):
                found_store(path, card)
            return cls(
                path,
                lock,
                group_episodes=group_episodes,
                group_seconds=group_seconds,
                alarm=alarm,
                reported=reported,
            )
        except (OSError, sqlite3.Error) as error:
            lock.release()
            raise RecordError(f"store {path} cannot be written to: {error}") from error
        except BaseException:
            lock.release()
            raise

    @staticmethod
    def open(folder: str | Path) -> StoreReader:
        """Read the store in ``folder``; see `StoreReader`."""
        return StoreReader(folder)

    def append(self, episode: Episode) -> None:
        """Add an episode; it is durable when `take_committed` names it.

        Raises:
            RecordError: its id is there already, it is for another prompt format or tokenizer, or
                the disk refuses. What was appended before stays as it was.
        """
        card = Card(prompt=episode.prompt, tokenizer=episode.tokenizer)
        self.card.refuse_unlike(card, f"store {self.folder}", f"episode {episode.id!r}")
        row = _row(episode)
        with self._guard:
            name = episode.id
            if self.holds(name):
                raise RecordError(
                    f"store {self.folder} already holds an episode {name!r}: "
                    "leave out what `holds()` says is there"
                )
            self._pending[name] = row
            if len(self._pending) >= self._group_episodes or self._overdue:
                self._commit()
            elif self._alarm is None:
                self._alarm = self._make_alarm(self._group_seconds, self._ring)
                self._alarm.daemon = True
                self._alarm.start()

    def holds(self, name: str) -> bool:
        """Whether an episode of that id is there, or waits for its commit."""
        with self._guard:
            return name in self._pending or self._holds(name)

    def _holds(self, name: str) -> bool:
        query = "SELECT 1 FROM episodes WHERE id = ?"
        try:
            return self._living().execute(query, (name,)).fetchone() is not None
        except sqlite3.Error as error:
            raise RecordError(
                f"store {self.folder}: {DATABASE} cannot be read ({error}): "
                "restore the folder from a copy, or use a new folder"
            ) from error

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        with self._guard:
            if self._connection is not None:
                self._commit()
        return super()._reading()

    def _living(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RecordError(f"store {self.folder} was closed: open it again with `Store.create`")
        return self._connection

    def _ring(self) -> None:
        """The oldest pending episode has waited long enough."""
        with self._guard:
            self._alarm = None
            if self._connection is None:
                return
            try:
                self._commit()
            except RecordError:
                # This thread has nobody to tell; the next `append` tries again and tells.
                self._overdue = True

    def _commit(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if not self._pending:
            return
        connection = self._living()
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, self._pending.values())
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise RecordError(
                f"store {self.folder}: {len(self._pending)} episodes could not be written to "
                f"{DATABASE} ({error}): make room, then run the same command again"
            ) from error
        self._overdue = False
        if self._reported:
            self._committed += self._pending
        self._pending = {}

    def flush(self) -> None:
        """Make everything durable that was appended.

        Raises:
            RecordError: the disk refuses; nothing is forgotten, and a later call tries again.
        """
        with self._guard:
            self._living()
            self._commit()

    def take_committed(self) -> list[str]:
        """Ids that became durable since the last call, in the order of `append`."""
        with self._guard:
            taken, self._committed = self._committed, []
            return taken

    def close(self) -> None:
        """Make everything durable and let another writer in; once is enough."""
        with self._guard:
            if self._connection is None:
                return
            try:
                self._commit()
            finally:
                self._connection.close()
                self._connection = None
                self._file_lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _check_card(folder: Path, card: Card) -> bool:
    """Whether there is a store in ``folder``; refuses one that is unlike ``card``."""
    found = read_card(folder)
    if found is None and (folder / _BUNDLE).exists():
        raise RecordError(f"{folder} is a trained agent's folder; name another one for the store")
    if found is None:
        return False
    found.refuse_unlike(card, f"store {folder}", "what is to be written")
    return True


def _row(episode: Episode) -> Row:
    return (episode.id, *columns_of(episode), pack(encode(episode)))
