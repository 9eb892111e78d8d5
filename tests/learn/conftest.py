"""A world of dens and keys: made-up episodes, tiny networks and trainers over them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from stirring import drawn, stirred

from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.data import Data
from oreo_agent.learn.forward import ReferenceLogits, StateValues, TokenScores
from oreo_agent.learn.objectives.oreo import Oreo
from oreo_agent.learn.settings import OptimiserSettings, TrainSettings
from oreo_agent.learn.trainer import Networks, Trainer
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.networks import ValueNetwork, factor, new_policy
from oreo_agent.records.episode import Episode, PolicyRecord, Segment
from oreo_agent.records.store import Store

LEXICON: dict[str, Any] = {
    "entities": {"den": 6, "key": 4},
    "words": ["walk", "see", "nothing"],
    "commands": [["walk to {}", "walk"]],
    "sentences": [[r"You see (.*)\.", "see {1}"], [r"Nothing\.", "nothing"]],
}
PROMPT = CompactPrompt(LEXICON)


def make_episode(number: int, *, turns: int | None = None, **changes: Any) -> Episode:
    """Somebody walks from den to den; won if the last den has an even number."""
    rng = Random(number)
    segments = list(PROMPT.opening(f"You see key {rng.randint(1, 4)}, den {rng.randint(1, 6)}."))
    den = 0
    turns = turns or rng.randint(1, 4)
    for turn in range(turns):
        den = rng.randint(1, 6)
        command = f"walk to den {den}"
        segments.append(
            Segment(kind="action", ids=PROMPT.reply(command), text="", command=command, valid=True)
        )
        if turn + 1 < turns:
            seen = rng.choice([f"You see key {rng.randint(1, 4)}.", "Nothing."])
            segments.append(PROMPT.answer(seen, ended=True))
    won = den % 2 == 0
    fields: dict[str, Any] = {
        "id": f"e{number:04}",
        "task": "dens",
        "environment": "none",
        "split": "train",
        "instance": f"dens/{number % 12}",
        "task_type": "walk",
        "seed": 0,
        "repeat": 0,
        "policy": PolicyRecord(kind="expert"),
        "prompt": PROMPT.name,
        "tokenizer": PROMPT.tokenizer_fingerprint,
        "segments": tuple(segments),
        "reward": float(won),
        "end": "won" if won else "lost",
        "seconds": 0.0,
    }
    return Episode(**(fields | changes))


def write_store(folder: Path, episodes: Sequence[Episode]) -> Path:
    with Store.create(
        folder,
        prompt=PROMPT.name,
        tokenizer=PROMPT.tokenizer_fingerprint,
        settings=PROMPT.settings(),
    ) as store:
        for episode in episodes:
            store.append(episode)
    return folder


def networks(
    *, dtype: torch.dtype = torch.float32, factored: bool = True, stir: float = 0.3
) -> Networks:
    """32x1 networks; policy and value moved by ``stir`` away from where a run would start."""
    torch.set_num_threads(1)
    policy = new_policy(len(PROMPT.tokens), "32x1", bos=1, eos=4, pad=0, seed=0)
    rng = drawn(0)
    policy = stirred(policy, 0.3, rng).to(dtype)
    value = ValueNetwork.of_policy(policy)
    reference = new_policy(len(PROMPT.tokens), "32x1", bos=1, eos=4, pad=0, seed=0).to(dtype)
    reference.load_state_dict(policy.state_dict())
    if factored:
        for model in (policy, value.model, reference):
            factor(model, PROMPT.factors())
    if stir:
        stirred(policy, stir, rng)
        stirred(value, stir, rng)
    return Networks(
        policy=TokenScores(policy),
        value=StateValues(value),
        reference=ReferenceLogits(reference).requires_grad_(False),
    )


@pytest.fixture(scope="session")
def prompt() -> CompactPrompt:
    return PROMPT


@pytest.fixture(scope="session")
def an_episode() -> Callable[..., Episode]:
    return make_episode


@pytest.fixture(scope="session")
def a_store() -> Callable[[Path, Sequence[Episode]], Path]:
    return write_store


@pytest.fixture(scope="session")
def some_networks() -> Callable[..., Networks]:
    return networks


MakeTrainer = Callable[..., Trainer]


@pytest.fixture
def a_trainer(tmp_path: Path) -> MakeTrainer:
    """A trainer over episodes; keywords are settings of the loop."""

    def make(
        episodes: Sequence[Tokens],
        *,
        objective: Any = None,
        nets: Networks | None = None,
        held_out: Sequence[Tokens] = (),
        relabel: Any = None,
        **settings: Any,
    ) -> Trainer:
        data = Data(train=episodes, held_out=held_out, relabel=relabel, pad=0)
        defaults = TrainSettings(
            batch=len(episodes),
            checkpoint_every=0,
            policy=OptimiserSettings(clip=0.0),
            value=OptimiserSettings(clip=0.0),
        )
        return Trainer(
            objective or Oreo(),
            nets or networks(),
            data,
            replace(defaults, **settings),
            tmp_path,
            lambda _: None,
        )

    return make
