"""Stores to other people's formats: rows stream, what cannot be told is counted and left out."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from oreo_agent.errors import DataError, SettingError, nearest, reasons
from oreo_agent.records.episode import Episode
from oreo_agent.records.formats import FORMATS, RECORDS
from oreo_agent.records.formats.conversation import Conversation, Unreadable
from oreo_agent.records.formats.of_episode import conversation_of
from oreo_agent.records.formats.record_rows import row_of
from oreo_agent.records.formats.sinks import refuse_taken, write_rows
from oreo_agent.records.formats.trl import as_messages, as_pair
from oreo_agent.records.listing import EVERYTHING, Filter
from oreo_agent.records.reader import StoreReader
from oreo_agent.rollouts import minari_files

Row = dict[str, Any]
ROWS = ("kto", "dpo", "messages")
"""Forms of TRL's rows; ``kto`` is what the format ``trl`` writes."""
HELD = 64
"""Most episodes of an instance that pairs are made of."""


@dataclass(slots=True, kw_only=True)
class Exported:
    """What an export did."""

    out: str
    format: str
    rows: int = 0
    episodes: int = 0
    """That stand in the rows."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    """Episodes that do not, by reason."""

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self) | {"left_out": dict(self.left_out.most_common())}


def export_formats() -> list[str]:
    """What `export` can write."""
    return sorted({*FORMATS.names(), *ROWS, RECORDS} - {"trl"})


def export(
    store: str | Path, out: str | Path, to: str = RECORDS, where: Filter = EVERYTHING
) -> Exported:
    """Write a store's episodes to a new file or folder.

    Args:
        store: folder of the store.
        out: where to; `write_rows` says which names mean which kind of file. ``minari`` takes a
            folder.
        to: one of `export_formats`.
        where: which episodes.

    Raises:
        RecordError: ``out`` is there already, or the store is damaged.
        SettingError: there is no such format, or a package is missing.
        DataError: no episode can be told in that format; nothing was written then.
    """
    if to not in export_formats():
        hint = nearest(to, export_formats())
        raise SettingError(f"nothing is written to the format {to!r}; {hint}")
    reader, target = StoreReader(store), Path(out)
    refuse_taken(target)
    done = Exported(out=str(out), format=to)
    rows = _some(_rows(reader, to, where, done), done)
    if to == "minari":
        done.rows = minari_files.write(target, rows)
    else:
        done.rows = write_rows(target, rows, each=to in ("atif", "sharegpt"))
    return done


def _some(rows: Iterator[Row], done: Exported) -> Iterator[Row]:
    """The same rows; refuses to be none."""
    first = next(rows, None)
    if first is None:
        told = reasons(done.left_out) or "no episode meets the conditions"
        raise DataError(f"{done.out}: nothing can be written as {done.format!r} ({told})")
    yield first
    yield from rows


def _rows(reader: StoreReader, to: str, where: Filter, done: Exported) -> Iterator[Row]:
    if to == RECORDS:
        for episode in reader.episodes(where):
            done.episodes += 1
            yield row_of(episode, reader.card)
    elif to == "dpo":
        yield from _pairs(reader, where, done)
    else:
        write = _writer(to)
        for _, conversation in _told(reader, reader.episodes(where), done):
            done.episodes += 1
            yield from write(conversation)


def _writer(to: str) -> Callable[[Conversation], Iterator[Row]]:
    if to == "messages":
        return lambda conversation: iter([as_messages(conversation)])
    return FORMATS.load("trl" if to == "kto" else to)().write


def _told(
    reader: StoreReader, episodes: Iterator[Episode], done: Exported
) -> Iterator[tuple[str, Conversation]]:
    for episode in episodes:
        try:
            yield episode.instance, conversation_of(episode, reader.card.settings)
        except Unreadable as error:
            done.left_out[str(error)] += 1


def _pairs(reader: StoreReader, where: Filter, done: Exported) -> Iterator[Row]:
    """Of each instance the best with the worst, the next best with the next worst, and so on.

    Only what begins alike makes a pair, and each episode is in one at most.
    """
    told = _told(reader, reader.episodes(where, by_instance=True), done)
    for _, group in groupby(told, key=lambda one: one[0]):
        found: dict[tuple[str, str], list[Conversation]] = {}
        for _, conversation in group:
            opening = (conversation.instruction, conversation.turns[0].seen)
            kept = found.setdefault(opening, [])
            if len(kept) < HELD:
                kept.append(conversation)
            else:
                done.left_out[f"more than {HELD} episodes of an instance"] += 1
        for kept in found.values():
            kept.sort(key=lambda one: -one.reward)
            pairs = list(zip(kept[: len(kept) // 2], reversed(kept), strict=False))
            pairs = [(best, worst) for best, worst in pairs if best.reward > worst.reward]
            done.episodes += 2 * len(pairs)
            if alone := len(kept) - 2 * len(pairs):
                done.left_out["no other outcome to pair it with"] += alone
            for best, worst in pairs:
                yield as_pair(best, worst)
