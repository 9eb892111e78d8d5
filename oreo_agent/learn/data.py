"""What a run learns from: episodes of stores, those left out counted, some instances held out."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from oreo_agent.errors import DataError, RecordError, SettingError, reasons
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.settings import TrainSettings
from oreo_agent.model.prompt import PromptFormat
from oreo_agent.model.trust import AMONG_REPLIES, Choice, usual_choice
from oreo_agent.records.selecting import is_held_out
from oreo_agent.records.store import Store

Relabel = Callable[[Sequence[int], Random], list[int]]
UNWRITTEN = "texts without tokens"
"""Why episodes are left out that were told without a tokenizer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Episodes to learn from, and those that only judge."""

    train: Sequence[Tokens]
    held_out: Sequence[Tokens]
    relabel: Relabel | None
    pad: int
    choice: Choice = AMONG_REPLIES
    """What held-out episodes are asked about V."""
    before: TrainSettings | None = None
    """How the run set instances apart that the value at the start is from."""


def read_episodes(
    stores: Sequence[Path], settings: TrainSettings
) -> tuple[list[Tokens], dict[str, Any], dict[str, Any]]:
    """The episodes that can be learned from, their prompt settings, and facts about the data.

    Faults, episodes without actions (or that begin with one, which has no state before it) and
    those that do not fit ``max_tokens`` are left out and counted; nothing is cut.

    Raises:
        DataError: nothing is left to learn from.
        RecordError: the stores do not fit each other.
    """
    left_out: Counter[str] = Counter()
    kept: dict[str, Tokens] = {}
    digest = hashlib.sha256()
    prompts: list[dict[str, Any]] = []
    tokenizers: set[str] = set()
    tasks: set[str] = set()
    for folder in stores:
        store = Store.open(folder)
        prompts.append(store.card.settings)
        tokenizers.add(store.card.tokenizer)
        for episode in store:
            tokens = Tokens.of(episode)
            if episode.end == "fault":
                left_out["fault"] += 1
            elif not tokens.actions:
                said = any(s.kind == "action" and s.text for s in episode.segments)
                left_out[UNWRITTEN if said else "no actions"] += 1
            elif tokens.actions[0] == 0:
                left_out["no state before the first action"] += 1
            elif len(tokens.ids) > settings.max_tokens:
                left_out["too long"] += 1
            elif settings.won_only and episode.reward < 1:
                left_out["lost"] += 1
            else:
                tasks.add(episode.task)
                kept[tokens.id] = tokens
                digest.update(f"{tokens.id} {tokens.ids} {tokens.reward}".encode())
    names = ", ".join(map(str, stores))
    if len(tokenizers) > 1 or any(prompt != prompts[0] for prompt in prompts):
        raise RecordError(
            f"the stores {names} were written in different prompt formats or tokenizers; "
            "train on stores of one format"
        )
    if not kept:
        remedy = (
            "take the model's own tokens: `oreo-agent rollout --model FOLDER`, and so at an import"
            if left_out[UNWRITTEN]
            else "collect some with `oreo-agent rollout`"
        )
        raise DataError(
            f"{names}: no episode to learn from (left out: {reasons(left_out) or 'none'}); {remedy}"
        )
    facts = {
        "fingerprint": digest.hexdigest()[:16],
        **counts(kept.values()),
        "left_out": dict(left_out),
        "tokenizer": tokenizers.pop(),
        "task": ", ".join(sorted(tasks)),
    }
    return list(kept.values()), prompts[0], facts


def within(
    episodes: Sequence[Tokens], facts: Mapping[str, Any], context: int
) -> tuple[list[Tokens], dict[str, Any]]:
    """The episodes that a model with a context of so many tokens can read, and the facts of them.

    Raises:
        DataError: there are none.
    """
    fit = [episode for episode in episodes if len(episode.ids) <= context]
    if not fit:
        raise DataError(
            f"all {len(episodes)} episodes are longer than the model's context of {context} "
            "tokens; take a model with a longer one, or collect with a lower step limit"
        )
    left_out = dict(facts["left_out"])
    if len(fit) < len(episodes):
        left_out["beyond the model's context"] = len(episodes) - len(fit)
    return fit, {**facts, **counts(fit), "left_out": left_out}


def counts(episodes: Collection[Tokens]) -> dict[str, int]:
    """How many episodes, won ones and tokens."""
    return {
        "episodes": len(episodes),
        "won": sum(e.reward > 0.5 for e in episodes),
        "tokens": sum(len(e.ids) for e in episodes),
    }


def held_out(instance: str, settings: TrainSettings) -> bool:
    """Whether a run with these settings learns nothing from an instance; its name decides."""
    return is_held_out(instance, settings.held_out, settings.seed)


def balanced(episodes: Sequence[Tokens], settings: TrainSettings) -> list[Tokens]:
    """At most ``settings.balance`` won and lost episodes of each instance, chosen by their names.

    Of the won ones no more are kept than of the lost ones, but one in any case, as for the paper's
    7B run.
    """
    if not settings.balance:
        return list(episodes)
    sides: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for episode in episodes:
        sides[episode.instance, episode.won].append(episode.id)
    kept: set[str] = set()
    for (instance, won), names in sides.items():
        most = settings.balance
        if won:
            most = min(most, max(1, len(sides.get((instance, False), ()))))
        names.sort()
        Random(f"{settings.seed}/balance/{instance}/{won}").shuffle(names)
        kept.update(names[:most])
    return [episode for episode in episodes if episode.id in kept]


def split(episodes: Sequence[Tokens], settings: TrainSettings, prompt: PromptFormat | None) -> Data:
    """Instances, not episodes, are held out: V must not have seen the game it is judged on.

    Few instances that fall into a small share by chance are learned from all the same.

    Raises:
        SettingError: a share of half or more would hold out all of several instances.
    """
    train = [e for e in episodes if not held_out(e.instance, settings)]
    count = len({e.instance for e in episodes})
    if not train and count > 1 and settings.held_out >= 0.5:
        raise SettingError(
            f"train.held_out {settings.held_out:g} with seed {settings.seed} holds out all {count} "
            "instances and leaves none to learn from; lower it (0 holds out none), take another "
            "seed, or collect episodes of more instances"
        )
    return Data(
        train=balanced(train or list(episodes), settings),
        held_out=[e for e in episodes if held_out(e.instance, settings)] if train else [],
        relabel=prompt.relabelled if prompt is not None and settings.relabel else None,
        pad=0,
        choice=usual_choice(prompt.settings()) if prompt is not None else AMONG_REPLIES,
    )
