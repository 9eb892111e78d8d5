"""Which episodes are to be played, and their names.

A plan follows from the settings alone, so the same command makes the same plan: what a store
already holds is left out, the rest is played.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from oreo_agent.config import check_seed
from oreo_agent.errors import DataError, SettingError
from oreo_agent.records.episode import BranchRecord, Segment
from oreo_tasks.task import Instance

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One episode to be played."""

    id: str
    """Follows from task, world, instance, policy, repeat and seed."""
    instance: Instance
    repeat: int
    seed: int
    """The seed of the run; an episode draws from `draw`, never from this number itself."""
    start: tuple[Segment, ...] = ()
    """A beginning that is played again before the policy takes over; it ends with a reply."""
    branch: BranchRecord | None = None
    """Where the beginning comes from."""

    def __post_init__(self) -> None:
        check_seed(self.seed)

    def draw(self, turn: int) -> int:
        """Seed of the random choices of one turn, in [0, 2**63)."""
        return digest(self.seed, self.id, turn)


def digest(*parts: object) -> int:
    """A number in [0, 2**63) that follows from the parts and looks random."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def spread(items: Sequence[T]) -> list[T]:
    """The same items in an order each of whose beginnings is spread evenly over the list.

    Positions are taken by their reversed bits (0, 1/2, 1/4, 3/4, ...): the first N stand for the
    whole of a sorted list, and the first N are among the first N + 1.
    """
    bits = max(len(items) - 1, 0).bit_length()
    order = (int(f"{i:0{bits}b}"[::-1], 2) if bits else 0 for i in range(1 << bits))
    return [items[i] for i in order if i < len(items)]


def make_plan(
    instances: Sequence[Instance],
    *,
    policy: str,
    world: str,
    episodes: int | None,
    repeats: int = 1,
    seed: int = 0,
) -> list[Work]:
    """The episodes of a run, each instance once before any is played again.

    Args:
        instances: of the split, in the task's order.
        policy: begins with the policy's kind and tells it from every other policy.
        world: tells the world and its limits from every other (environment id, step limit).
        episodes: how many in all, from the first ``episodes / repeats`` of the spread-out
            instances; None takes every instance ``repeats`` times.
        repeats: episodes an instance.
        seed: of the run.

    Raises:
        DataError: there are no instances.
        SettingError: there are fewer instances than that takes, a number is below 1, or no
            record holds the seed.
    """
    if repeats < 1 or (episodes is not None and episodes < 1):
        raise SettingError(f"episodes ({episodes}) and repeats ({repeats}) must be 1 or more")
    if not instances:
        raise DataError("the split has no instances; name another split or data folder")
    most = len(instances) * repeats
    if episodes is not None and episodes > most:
        raise SettingError(
            f"{episodes} episodes are more than {len(instances)} instances x {repeats} repeats "
            f"= {most}; ask for {most} or fewer, or raise the repeats"
        )
    wanted = most if episodes is None else episodes
    chosen = spread(instances)[: -(-wanted // repeats)]
    works = [
        Work(id=name, instance=instance, repeat=repeat, seed=seed)
        for repeat in range(repeats)
        for instance in chosen
        for name in [_name(instance, policy, world, repeat, seed)]
    ]
    return works[:wanted]


def _name(instance: Instance, policy: str, world: str, repeat: int, seed: int) -> str:
    number = digest(instance.task, world, instance.id, policy, repeat, seed)
    return f"{instance.task}-{policy.split()[0]}-{number:016x}"
