"""What a store's folder holds beside its episodes: the card, the writer's lock, the tables.

``store.json`` (the card) says what every episode in the folder has in common. The database is made
before the card and the card before the first episode, so that a folder with a card always has a
database, and a database without a card has no episodes: anything else is torn, and refused.
"""

import fcntl
import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from oreo_agent.errors import RecordError
from oreo_agent.records.atomic import write_atomic

STORE_SCHEMA = 1
"""Raised whenever the card or the tables change; a newer store is refused, not guessed."""

CARD = "store.json"
DATABASE = "episodes.db"
LOCK = "writer.lock"
BUSY_SECONDS = 30.0
"""How long a reader waits while SQLite recovers a journal after a crash."""

_KIND = "oreo-agent episodes"
_APPLICATION = 0x6F72656F  # "oreo", in the database's header
_TABLE = """
CREATE TABLE episodes (
    id TEXT PRIMARY KEY NOT NULL,
    task TEXT NOT NULL,
    split TEXT NOT NULL,
    instance TEXT NOT NULL,
    task_type TEXT NOT NULL,
    policy TEXT NOT NULL,
    end TEXT NOT NULL,
    reward REAL NOT NULL,
    steps INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    record BLOB NOT NULL
)
"""
_RESTORE = "restore the folder from a copy, or use a new folder"


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What all episodes of a store have in common."""

    prompt: str
    """Name of the prompt format."""
    tokenizer: str
    """Fingerprint of the tokenizer; ``""`` for episodes without token ids."""
    settings: dict[str, Any] = {}
    """Of the prompt format: what makes it again, in plain data."""
    kind: str = _KIND
    schema: int = STORE_SCHEMA

    def refuse_unlike(self, other: "Card", name: str, other_name: str) -> None:
        """Raise a `RecordError` that names both sides if ``other`` is not the same card."""
        for field in ("prompt", "tokenizer"):
            mine, its = getattr(self, field), getattr(other, field)
            if mine != its:
                what = "prompt format" if field == "prompt" else field
                raise RecordError(
                    f"{name} has the {what} {mine!r}, {other_name} has {its!r}: "
                    "episodes of both do not fit into one store; use another folder"
                )


def read_card(folder: Path) -> Card | None:
    """The card of the store in ``folder``; None if there is no store yet.

    Raises:
        RecordError: the folder holds something else, a damaged store or one that is too new.
    """
    path, database = folder / CARD, folder / DATABASE
    # os.path says of names that are too long that nothing is there; pathlib raises
    if os.path.exists(folder) and not folder.is_dir():
        raise RecordError(f"{folder} is a file, a store is a folder: choose another name")
    if not os.path.exists(path):
        if os.path.exists(database) and not _is_unborn(database):
            raise RecordError(
                f"{folder} has {DATABASE} and no {CARD}: it is torn or not ours; {_RESTORE}"
            )
        return None
    card = _parse(path)
    if not database.exists():
        raise RecordError(f"store {folder} has lost its {DATABASE}; {_RESTORE}")
    with opened(folder) as connection:
        if _identity(connection) != (_APPLICATION, STORE_SCHEMA):
            raise RecordError(f"{database} is not the database of this store; {_RESTORE}")
    return card


def _parse(path: Path) -> Card:
    try:
        loose = msgspec.json.decode(path.read_bytes())
        found = loose.get("schema") if isinstance(loose, dict) else None
        if isinstance(found, int) and found > STORE_SCHEMA:
            raise RecordError(
                f"store {path.parent} has schema {found}, this version reads {STORE_SCHEMA}: "
                "install a newer oreo-agent"
            )
        card = msgspec.convert(loose, Card)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} is damaged or not ours ({error}); {_RESTORE}") from error
    if (card.kind, card.schema) != (_KIND, STORE_SCHEMA):
        raise RecordError(f"{path} describes {card.kind!r} of schema {card.schema}; {_RESTORE}")
    return card


def _is_unborn(database: Path) -> bool:
    """Whether it is what a writer leaves that was killed before it wrote the card."""
    with opened(database.parent) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        if not tables:
            return True
        if _identity(connection) != (_APPLICATION, STORE_SCHEMA) or "episodes" not in tables:
            return False
        return connection.execute("SELECT count(*) FROM episodes").fetchone()[0] == 0


def _identity(connection: sqlite3.Connection) -> tuple[int, int]:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    return application, connection.execute("PRAGMA user_version").fetchone()[0]


def found_store(folder: Path, card: Card) -> None:
    """Make the database, then the card; continues where a killed founder stopped."""
    told = msgspec.json.format(msgspec.json.encode(card)) + b"\n"
    with closing(connect_writer(folder)) as connection:
        if _identity(connection) != (_APPLICATION, STORE_SCHEMA):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {STORE_SCHEMA}")
            connection.execute("COMMIT")
    write_atomic(folder / CARD, told)


def connect_writer(folder: Path) -> sqlite3.Connection:
    """A connection whose commits are on disk when they return; may be passed between threads."""
    connection = sqlite3.connect(
        folder / DATABASE, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def opened(folder: Path) -> Generator[sqlite3.Connection]:
    """A reading connection, closed at the end; sees one snapshot for each statement.

    Raises:
        RecordError: the database is damaged, or its journal cannot be read from here.
    """
    try:
        with closing(_connect_reader(folder / DATABASE)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        raise RecordError(f"store {folder}: {DATABASE} cannot be read ({error}); {_RESTORE}") from (
            error
        )


def _connect_reader(database: Path) -> sqlite3.Connection:
    address = database.absolute().as_uri() + "?mode=ro"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        if not isinstance(error, sqlite3.OperationalError):
            raise
        # A folder where nothing may be written has no room for the index of the journal. Without
        # a journal nothing is missed by reading the file alone; with one, episodes would be.
        journal = database.with_name(DATABASE + "-wal")
        if os.access(database.parent, os.W_OK) or not os.access(database, os.R_OK):
            raise
        if journal.exists() and journal.stat().st_size > 0:
            raise RecordError(
                f"store {database.parent} may not be written to and its last episodes are still "
                "in the journal: copy the folder to where it can be written, and read the copy"
            ) from None
        connection = sqlite3.connect(address + "&immutable=1", uri=True, isolation_level=None)
    return connection


STORE_BUSY = (
    "store {folder} is being written to by process {pid}: "
    "wait for it, stop it, or use another folder (join them with `oreo-agent data merge`)"
)


class WriterLock:
    """The right to write to one folder. It ends with `release`, or with the process.

    A POSIX record lock belongs to a process and is not inherited: workers that outlive a killed
    collector do not keep its successor out. It does not tell two writers within one process
    apart; `_held` does.
    """

    _held: set[str] = set()  # noqa: RUF012 (shared by all on purpose)

    def __init__(self, folder: Path, *, busy: str = STORE_BUSY) -> None:
        """Take it.

        Args:
            folder: that is written to.
            busy: what is said if somebody else has it, of ``{folder}`` and ``{pid}``.

        Raises:
            RecordError: somebody else has it; the message holds the process id.
        """
        self._busy = busy
        self._key = os.path.realpath(folder)
        if self._key in self._held:
            raise self._refusal(folder, os.getpid())
        self._handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._handle, 32, 0).decode(errors="replace").strip()
            os.close(self._handle)
            raise self._refusal(folder, holder or "unknown") from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)
        self._held.add(self._key)

    def _refusal(self, folder: Path, pid: int | str) -> RecordError:
        return RecordError(self._busy.format(folder=folder, pid=pid))

    def release(self) -> None:
        """Give it back; once is enough, more do no harm."""
        if self._key in self._held:
            self._held.discard(self._key)
            os.close(self._handle)
