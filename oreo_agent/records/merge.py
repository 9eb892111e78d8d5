"""Joining stores that were written apart, for instance on several machines."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, repeat
from pathlib import Path
from typing import Any

import msgspec

from oreo_agent.errors import RecordError
from oreo_agent.records.episode import Episode
from oreo_agent.records.folder import read_card
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.store import Store

HELD = 64
"""Episodes of the sources that are looked up in the target at a time."""
Met = tuple[StoreReader, Episode]
"""An episode, and the store that it was met in."""
MEASURED = frozenset({"seconds"})
"""Fields of an episode that no two plays of it have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did."""

    added: int
    """Episodes that the target did not have."""
    kept: int
    """Episodes that were met again, with the same content."""


def merge(target: str | Path, sources: Sequence[str | Path]) -> Merged:
    """Add all episodes of ``sources`` to the store ``target``, which may be new.

    An id that is met twice with the same content is kept once, as it was first met: the seconds
    that its play took are no content. All is compared before anything is written; a merge that was
    killed is completed by running it again.

    Raises:
        RecordError: stores of different prompt formats or tokenizers, the target among the
            sources, an episode that is damaged in a source or was met again and is damaged in the
            target, or one id with two contents (named). Nothing was written then.
    """
    target = Path(target)
    readers = [StoreReader(source) for source in sources]
    if not readers:
        raise RecordError("merge: no stores were named that could be joined; name at least one")
    if target.resolve() in {reader.folder.resolve() for reader in readers}:
        raise RecordError(f"{target} is both target and source: name another folder as target")
    first = readers[0]
    known = StoreReader(target) if read_card(target) is not None else None
    for reader in [*([known] if known is not None else []), *readers[1:]]:
        first.card.refuse_unlike(reader.card, f"store {first.folder}", f"store {reader.folder}")
    kept = _kept(readers, known)
    added = 0
    with Store.create(
        target,
        prompt=first.card.prompt,
        tokenizer=first.card.tokenizer,
        settings=first.card.settings,
        reported=False,
    ) as store:
        for name, met in _together(readers):
            if not store.holds(name):
                store.append(met[0][1])
                added += 1
    return Merged(added=added, kept=kept)


def _kept(readers: Sequence[StoreReader], target: StoreReader | None) -> int:
    """How often an episode was met again; all that are met more than once have to be the same.

    Of the target no episode is read but those that the sources have too.
    """
    again = 0
    together = _together(readers)
    while group := list(islice(together, HELD)):
        known = {} if target is None else target.held([name for name, _ in group])
        for name, met in group:
            if target is not None and name in known:
                met = [(target, known[name]), *met]
            (owner, episode), *others = met
            again += len(others)
            for reader, other in others:
                if field := _difference(episode, other):
                    raise RecordError(
                        f"episode {name!r} is not the same in {owner.folder} and "
                        f"{reader.folder} ({field} differs): nothing was merged; leave one of the "
                        "stores out"
                    )
    return again


def _difference(one: Episode, other: Episode) -> str:
    """The first field in which two plays differ, but for the time they took; ``""`` for none."""
    for name in one.__struct_fields__:
        if name in MEASURED or _same(getattr(one, name), getattr(other, name)):
            continue
        if name == "segments" and len(one.segments) == len(other.segments):
            pairs = enumerate(zip(one.segments, other.segments, strict=True))
            at, (mine, its) = next(pair for pair in pairs if not _same(*pair[1]))
            fields = mine.__struct_fields__
            inner = next(f for f in fields if not _same(getattr(mine, f), getattr(its, f)))
            return f"segments[{at}].{inner}"
        return name
    return ""


def _same(one: Any, other: Any) -> bool:
    """Whether two values are stored as the same bytes; what is no number equals itself then."""
    return msgspec.msgpack.encode(one) == msgspec.msgpack.encode(other)


def _together(readers: Sequence[StoreReader]) -> Iterator[tuple[str, list[Met]]]:
    """Ids in order, each with the stores that hold it, in theirs; streams of all are read at once.

    Nothing is held in memory but the episodes at hand.
    """
    streams = [zip(repeat(reader), reader) for reader in readers]
    merged: Iterator[Met] = heapq.merge(*streams, key=lambda met: met[1].id)
    for name, met in groupby(merged, key=lambda met: met[1].id):
        yield name, list(met)
