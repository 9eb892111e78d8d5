"""Joining stores that were written apart, for instance on several machines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oreo_agent.errors import RecordError
from oreo_agent.records.episode import encode
from oreo_agent.records.folder import read_card
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did."""

    added: int
    """Episodes that the target did not have."""
    kept: int
    """Episodes that were met again, with the same content."""


def merge(target: str | Path, sources: Sequence[str | Path]) -> Merged:
    """Add all episodes of ``sources`` to the store ``target``, which may be new.

    An id that is met twice with the same content is kept once. All is compared before anything is
    written; a merge that was killed is completed by running it again.

    Raises:
        RecordError: stores of different prompt formats or tokenizers, the target among the
            sources, a damaged episode, or one id with two contents (named). Nothing was written
            then.
    """
    target = Path(target)
    readers = [StoreReader(source) for source in sources]
    if not readers:
        raise RecordError("merge: no stores were named that could be joined; name at least one")
    if target.resolve() in {reader.folder.resolve() for reader in readers}:
        raise RecordError(f"{target} is both target and source: name another folder as target")
    first = readers[0]
    known: list[StoreReader] = [StoreReader(target)] if read_card(target) is not None else []
    for reader in [*known, *readers[1:]]:
        first.card.refuse_unlike(reader.card, f"store {first.folder}", f"store {reader.folder}")
    owners, kept = _owners([*known, *readers])
    added = 0
    with Store.create(
        target,
        prompt=first.card.prompt,
        tokenizer=first.card.tokenizer,
        settings=first.card.settings,
    ) as store:
        for reader in readers:
            for episode in reader:
                if owners.get(episode.id) is reader:
                    store.append(episode)
                    added += 1
    return Merged(added=added, kept=kept)


def _owners(readers: Sequence[StoreReader]) -> tuple[dict[str, StoreReader], int]:
    """The store that each id is taken from, the first that has it; and how often one came again."""
    owners: dict[str, StoreReader] = {}
    again = 0
    for reader in readers:
        for episode in reader:
            owner = owners.setdefault(episode.id, reader)
            if owner is reader:
                continue
            again += 1
            if encode(owner.get(episode.id)) != encode(episode):
                raise RecordError(
                    f"episode {episode.id!r} is not the same in {owner.folder} and "
                    f"{reader.folder}: nothing was merged; leave one of the stores out"
                )
    return owners, again
