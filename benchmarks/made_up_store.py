"""A made-up store to measure on: episodes in the shape and size of household games."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import get_args

from oreo_agent.records.episode import End, Episode, PolicyRecord, Segment, SegmentKind
from oreo_agent.records.store import Store

TASK_TYPES = (
    "look_at_obj_in_light",
    "pick_and_place_simple",
    "pick_clean_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_two_obj_and_place",
)
THINGS = (
    "apple",
    "bread",
    "cup",
    "egg",
    "fork",
    "knife",
    "lettuce",
    "mug",
    "pan",
    "plate",
    "potato",
    "spoon",
    "tomato",
)
PLACES = (
    "bed",
    "cabinet",
    "countertop",
    "desk",
    "drawer",
    "fridge",
    "microwave",
    "shelf",
    "sinkbasin",
    "table",
)
POLICIES = (
    PolicyRecord(kind="expert"),
    PolicyRecord(kind="random"),
    PolicyRecord(kind="model", fingerprint="3f2a8c019d7e", strategy="greedy"),
    PolicyRecord(kind="model", fingerprint="3f2a8c019d7e", strategy="sample", temperature=0.7),
)
SPLITS = ("train", "train", "train", "valid_seen")
CARD = {"prompt": "compact", "tokenizer": "made-up"}
LONGEST = 40
"""Most turns of a game."""


def made_up_episode(number: int, seed: int = 0) -> Episode:
    """One game; what it says and how it ended follow from its number."""
    rng = Random(f"{seed}/{number}")
    end: End = rng.choices(get_args(End), weights=(55, 8, 33, 3.5, 0.5))[0]
    turns = LONGEST if end == "step_limit" else rng.randint(3, LONGEST - 1)
    kind = rng.choice(TASK_TYPES)
    thing, place = rng.choice(THINGS), rng.choice(PLACES)
    room = f"{kind}-{thing.title()}-None-{place.title()}-{number % 430}"
    return Episode(
        id=f"alfworld-made-{rng.getrandbits(64):016x}",
        task="alfworld",
        environment="oreo/ALFWorld-v0",
        split=rng.choice(SPLITS),
        instance=f"{room}/trial_{number // 7:06}",
        task_type=kind,
        seed=number,
        repeat=0,
        policy=rng.choice(POLICIES),
        **CARD,
        segments=tuple(_segments(rng, turns, f"put some {thing} in {place}")),
        reward=1.0 if end == "won" else 0.0,
        end=end,
        seconds=turns * 0.02,
        fault="the world did not answer" if end == "fault" else "",
    )


def _segments(rng: Random, turns: int, goal: str) -> Iterator[Segment]:
    places = [f"{name} {n}" for name in PLACES for n in (1, 2)]
    around = ", a ".join(rng.sample(places, 8))
    opening = f"You are in the middle of a room. Looking quickly around you, you see a {around}."
    yield _said(rng, "prompt", "", 1)
    yield _said(rng, "observation", f"{opening}\n\nYour task is to: {goal}.", 14)
    for turn in range(turns):
        place = rng.choice(places)
        command = f"go to {place}"
        reply = _said(rng, "action", f"go {place.replace(' ', '_')}", 3)
        yield Segment(
            kind="action", ids=reply.ids, text=reply.text, command=command, valid=True,
            logps=tuple(-rng.random() for _ in reply.ids),
        )  # fmt: skip
        if turn + 1 < turns:
            seen = ", a ".join(f"{rng.choice(THINGS)} {n}" for n in range(1, rng.randint(2, 7)))
            answer = f"You arrive at {place}. On the {place}, you see a {seen}."
            yield _said(rng, "observation", answer, rng.randint(4, 9))


def _said(rng: Random, kind: SegmentKind, text: str, tokens: int) -> Segment:
    ids = tuple(rng.randrange(5, 600) for _ in range(tokens))
    return Segment(kind=kind, ids=ids, text=text)


def made_up_store(folder: Path, episodes: int) -> None:
    """Fill a store with so many; one that has them is left as it is."""
    with Store.create(folder, **CARD, group_episodes=4096, group_seconds=60) as store:
        for number in range(len(store), episodes):
            store.append(made_up_episode(number))
