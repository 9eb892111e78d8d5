"""What stores hold, counted by the database: no episode is decoded, nothing is held in memory."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oreo_agent.errors import RecordError
from oreo_agent.records.listing import EVERYTHING, Column, Filter
from oreo_agent.records.reader import StoreReader, SummaryRow

SHARES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Of the episodes that are no longer, for tables of lengths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long episodes are."""

    unit: str
    """``steps`` or ``tokens``."""
    mean: float
    quantiles: tuple[int, ...]
    """The lengths that the `SHARES` of the episodes do not exceed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts over one store or several."""

    episodes: int
    instances: int
    ends: dict[str, int]
    rewards: dict[str, int]
    """How many episodes earned 0, 1, or something between."""
    lengths: tuple[Lengths, ...]
    rows: tuple[SummaryRow, ...]
    """By task, task type, split and policy."""


def stats(stores: Sequence[str | Path], where: Filter = EVERYTHING) -> Stats:
    """Count what stores hold together; an episode in two of them counts twice.

    Raises:
        RecordError: one of them is no store, or is named twice.
    """
    readers = [StoreReader(store) for store in stores]
    met: set[Path] = set()
    for reader in readers:
        if (folder := reader.folder.resolve()) in met:
            raise RecordError(f"{reader.folder} is named twice and would count twice; name it once")
        met.add(folder)
    ends = _counted(readers, "end", where)
    rewards: Counter[str] = Counter()
    for reward, count in _counted(readers, "reward", where).items():
        rewards[{0: "0", 1: "1"}.get(reward, "between")] += count
    return Stats(
        episodes=ends.total(),
        instances=_instances(readers, where),
        ends=dict(sorted(ends.items())),
        rewards=dict(sorted(rewards.items())),
        lengths=tuple(
            _lengths(unit, _counted(readers, unit, where)) for unit in ("steps", "tokens")
        ),
        rows=_rows(readers, where),
    )


def _counted(readers: Sequence[StoreReader], column: Column, where: Filter) -> Counter[Any]:
    """Episodes of all stores for each value of a column."""
    found: Counter[Any] = Counter()
    for reader in readers:
        found.update({value: count for (value,), count in reader.counts((column,), where).items()})
    return found


def _instances(readers: Sequence[StoreReader], where: Filter) -> int:
    """Different instances; those of several stores are told apart by name."""
    if len(readers) == 1:
        return readers[0].instances(where)
    return len(_counted(readers, "instance", where))


def _lengths(unit: str, found: Counter[int]) -> Lengths:
    lengths = sorted(found.items())
    total = sum(count for _, count in lengths)
    quantiles: list[int] = []
    for share in SHARES if total else ():
        passed = 0
        for length, count in lengths:
            passed += count
            if passed >= max(1, share * total):
                quantiles.append(length)
                break
    mean = sum(length * count for length, count in lengths) / total if total else 0.0
    return Lengths(unit=unit, mean=mean, quantiles=tuple(quantiles))


def _rows(readers: Sequence[StoreReader], where: Filter) -> tuple[SummaryRow, ...]:
    table: dict[tuple[str, str, str, str], list[int]] = {}
    for reader in readers:
        for row in reader.summary(where):
            counts = table.setdefault((row.task, row.task_type, row.split, row.policy), [0] * 5)
            told = (row.episodes, row.wins, row.faults, row.steps, row.tokens)
            for place, count in enumerate(told):
                counts[place] += count
    return tuple(
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
        for (task, task_type, split, policy), (episodes, wins, faults, steps, tokens) in sorted(
            table.items()
        )
    )
