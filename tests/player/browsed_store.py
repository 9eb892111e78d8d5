"""Episodes to browse: all ends, types, policies and splits, so many as one likes."""

from pathlib import Path
from random import Random

from oreo_agent.records.episode import ENDS, Episode, PolicyRecord, Segment
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.store import Store

THINGS = ("apple", "bread", "cup", "fork")
_POLICIES = (
    PolicyRecord(kind="expert"),
    PolicyRecord(kind="model", fingerprint="f" * 16, strategy="greedy"),
    PolicyRecord(kind="model", fingerprint="f" * 16, strategy="sample", temperature=0.7),
)


def made(number: int, **changes: object) -> Episode:
    """The episode of that number; keywords replace what it holds."""
    rng = Random(number)
    thing, end = rng.choice(THINGS), rng.choice(ENDS)
    steps = tuple(
        Segment(kind="action", ids=(3, 4), text=f"go {at}", command=f"go to shelf {at}", valid=True)
        for at in range(rng.randrange(12))
    )
    seen = f"You are in a room.\n\nYour task is to: find some {thing}."
    fields: dict[str, object] = {
        "id": f"made-{number * 7919 % 100003:05}",
        "task": "alfworld",
        "environment": "oreo/ALFWorld-v0",
        "split": rng.choice(("train", "train", "valid")),
        "instance": f"pick-{thing.title()}-{number}",
        "task_type": rng.choice(("pick", "pick", "pick", "look")),
        "seed": number,
        "repeat": 0,
        "policy": rng.choice(_POLICIES),
        "prompt": "bare",
        "tokenizer": "t1",
        "segments": (Segment(kind="observation", ids=(1, 2), text=seen), *steps),
        "reward": 1.0 if end == "won" else rng.choice((0.0, 0.25, 0.5)),
        "end": end,
        "seconds": 0.1,
        "fault": "the world broke" if end == "fault" else "",
    }
    return Episode(**(fields | changes))


def fill_store(folder: Path, episodes: int) -> StoreReader:
    """A closed store of so many."""
    with Store.create(folder, prompt="bare", tokenizer="t1", group_episodes=10_000) as store:
        for number in range(episodes):
            store.append(made(number))
    return StoreReader(folder)
