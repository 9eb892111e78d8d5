"""Parts of a store as stores of their own: filtered, without doubles, or split by instance.

A part is written beside its target and takes its name when it is whole: a run that is killed leaves
nothing under that name, and is simply run again. Episodes stream; none but the one at hand is held.
"""

import hashlib
import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.records.atomic import sync_folder
from oreo_agent.records.episode import Episode
from oreo_agent.records.folder import LOCK, Card, WriterLock
from oreo_agent.records.formats.sinks import refuse_taken
from oreo_agent.records.listing import Filter
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What went into a new store."""

    out: str
    read: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduped:
    """What became of doubles."""

    out: str
    read: int
    kept: int
    contradictions: int
    """Episodes with the same actions as a kept one and another outcome; they were kept too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves:
    """What a split made."""

    out: str
    held_out: str
    episodes: int
    held_out_episodes: int
    instances: int
    held_out_instances: int


def filter_store(source: str | Path, out: str | Path, where: Filter, text: str = "") -> Part:
    """The episodes that meet all conditions; ``text`` has to stand in one of their segments.

    Raises:
        RecordError: ``out`` is there already, or ``source`` is no whole store.
    """
    reader = StoreReader(source)
    kept = 0
    with new_store(Path(out), reader.card) as store:
        for episode in reader.episodes(where):
            if not text or any(text in segment.text for segment in episode.segments):
                store.append(episode)
                kept += 1
    return Part(out=str(out), read=reader.count(), kept=kept)


def dedupe_store(source: str | Path, out: str | Path) -> Deduped:
    """One episode of those that gave the same replies in the same instance, the first by id.

    Raises:
        RecordError: ``out`` is there already, or ``source`` is no whole store.
    """
    reader = StoreReader(source)
    read = kept = contradictions = 0
    known: dict[bytes, set[float]] = {}
    instance = None
    with new_store(Path(out), reader.card) as store:
        for episode in reader.episodes(by_instance=True):
            read += 1
            if episode.instance != instance:
                known, instance = {}, episode.instance
            rewards = known.setdefault(replies_digest(episode), set())
            if episode.reward in rewards:
                continue
            contradictions += bool(rewards)
            rewards.add(episode.reward)
            store.append(episode)
            kept += 1
    return Deduped(out=str(out), read=read, kept=kept, contradictions=contradictions)


def split_store(
    source: str | Path, out: str | Path, held_out: str | Path, *, share: float, seed: int = 0
) -> Halves:
    """Instances apart: about ``share`` of them into ``held_out``, with all their episodes.

    Which ones is what `oreo-agent train` with the same share and seed holds out.

    Raises:
        SettingError: ``share`` is not between 0 and 1.
        RecordError: one of the targets is there already, or ``source`` is no whole store.
    """
    if not 0 < share < 1:
        raise SettingError(f"the held-out share is between 0 and 1, got {share}")
    here, there = Path(out).resolve(), Path(held_out).resolve()
    if here == there:
        raise SettingError(f"{out} cannot be both parts; name two folders")
    if here in there.parents or there in here.parents:
        raise SettingError(f"of {out} and {held_out} one is inside the other; name two folders")
    reader = StoreReader(source)
    episodes, instances = [0, 0], [0, 0]
    last = None
    with new_store(Path(held_out), reader.card) as second, new_store(Path(out), reader.card) as one:
        for episode in reader.episodes(by_instance=True):
            side = int(is_held_out(episode.instance, share, seed))
            (one, second)[side].append(episode)
            episodes[side] += 1
            instances[side] += episode.instance != last
            last = episode.instance
    return Halves(
        out=str(out),
        held_out=str(held_out),
        episodes=episodes[0],
        held_out_episodes=episodes[1],
        instances=instances[0],
        held_out_instances=instances[1],
    )


def is_held_out(instance: str, share: float, seed: int) -> bool:
    """Whether an instance is held out; its name and the seed decide, nothing else."""
    told = f"{seed}/held-out/{instance}".encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:4]) < share * 2**32


def replies_digest(episode: Episode) -> bytes:
    """Of the instance and of all replies: their ids, or their texts where there are none."""
    digest = hashlib.sha256(episode.instance.encode())
    for segment in _replies(episode):
        digest.update(repr(segment).encode())
    return digest.digest()


def _replies(episode: Episode) -> Iterator[tuple[int, ...] | str]:
    return (s.ids or s.text for s in episode.segments if s.kind == "action")


@contextmanager
def new_store(target: Path, card: Card) -> Generator[Store]:
    """A store that takes the name ``target`` when all went well; what a killed run left is redone.

    Raises:
        RecordError: ``target`` is there and not empty, or another process is writing it.
    """
    refuse_taken(target)
    part = target.with_name(f".{target.name}.part")
    try:
        part.mkdir(parents=True, exist_ok=True)
        _clear(part, target)
    except OSError as error:
        raise RecordError(f"{target} cannot be written ({error}); name another target") from error
    try:
        with Store.create(
            part,
            prompt=card.prompt,
            tokenizer=card.tokenizer,
            settings=card.settings,
            reported=False,
        ) as store:
            yield store
        refuse_taken(target)
        os.replace(part, target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _clear(part: Path, target: Path) -> None:
    """Empty what a killed run left, unless somebody is at work in it on ``target``."""
    named = str(target).replace("{", "{{").replace("}", "}}")
    busy = f"{named} is being written by process {{pid}}; wait for it, or name another target"
    lock = WriterLock(part, busy=busy)
    try:
        for path in part.iterdir():
            if path.name != LOCK:
                path.unlink()
    finally:
        lock.release()
