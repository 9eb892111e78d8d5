"""Stores of the scripted house's episodes, and judges of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from scripted_house import LEXICON, player, recorded

from oreo_agent.model.calibration import Calibration
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.prompt import PromptFormat
from oreo_agent.player.replay.judges import BundleJudge, Judge, Record
from oreo_agent.player.replay.replay import Replay
from oreo_agent.records.episode import Episode, Segment
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.store import Store

CALIBRATION = Calibration(
    values=(0.0, 1.0),
    chances=(0.1, 0.9),
    ece_raw=0.1,
    ece=None,
    brier_raw=0.1,
    brier=None,
    auc=(None,) * 4,
    auc_by_turn=(),
    episodes=200,
    won=100,
    instances=100,
    source="made",
)


STEEP = msgspec.structs.replace(CALIBRATION, values=(0.2, 0.5), chances=(0.0, 1.0))
"""By which a word too many costs much."""


def judge(
    name: str = "scripted", prompt: PromptFormat | None = None, **changes: Any
) -> BundleJudge:
    agent = player().agent
    settings: dict[str, Any] = {"prompt": prompt or agent.prompt, **changes}
    return BundleJudge(name=name, agent=replace(agent, **settings))


def reworded() -> CompactPrompt:
    """The same house in a vocabulary of another order."""
    words = list(reversed(LEXICON["words"]))
    return CompactPrompt({**LEXICON, "words": words})


def store(folder: Path, *episodes: Episode, settings: Any = None) -> StoreReader:
    first = episodes[0]
    own = player().prompt.settings() if first.prompt == "compact" and first.tokenizer else {}
    with Store.create(
        folder, prompt=first.prompt, tokenizer=first.tokenizer, settings=settings or own
    ) as made:
        for episode in episodes:
            made.append(episode)
    return StoreReader(folder)


def replayed(
    folder: Path, *episodes: Episode, judges: Sequence[Judge] = (Record(),), settings: Any = None
) -> Replay:
    reader = store(folder, *episodes, settings=settings)
    return Replay(reader, [episode.id for episode in episodes], judges)


def house(seed: int = 0, name: str = "1-plain") -> Episode:
    return recorded(name, seed=seed)


def as_told(episode: Episode) -> Episode:
    """As an expert's is recorded without a tokenizer: texts alone."""
    segments = tuple(
        Segment(kind=each.kind, ids=(), text=each.text, command=each.command, valid=each.valid)
        for each in episode.segments
        if each.kind != "prompt"
    )
    return msgspec.structs.replace(
        episode, prompt="react", tokenizer="", segments=segments, id=f"{episode.id}-told"
    )
