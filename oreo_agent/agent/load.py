"""From a bundle on disk to an agent that plays."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from oreo_agent.agent.engines.local import LocalEngine
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import STRATEGIES, Answer
from oreo_agent.config import build
from oreo_agent.errors import BundleError
from oreo_agent.model.bundle import Card, fingerprint, read_card
from oreo_agent.model.networks import ValueNetwork, load_policy
from oreo_agent.model.prompt import PromptFormat, load_prompt
from oreo_agent.model.tokenizers import load_tokenizer


def load_agent(
    path: Path | str,
    *,
    strategy: str = "greedy",
    settings: dict[str, Any] | None = None,
    value: Path | str | None = None,
    prompt: PromptFormat | None = None,
    answer: Answer | None = None,
    device: str = "auto",
    threads: int = 1,
) -> Agent:
    """The bundle or model at ``path`` with the transformers engine.

    Args:
        path: a folder that `oreo-agent train` wrote; with ``prompt`` a model in Hugging Face
            format.
        strategy: a name in `STRATEGIES`.
        settings: of the strategy; its ``max_tokens`` is the prompt format's unless given.
        value: another bundle, whose value judges this one's replies; None takes its own.
        prompt: how a model that is no bundle is shown its history; None for bundles.
        answer: how a solution's final answer is read, where the task has such a thing.
        device: ``auto`` takes a GPU if there is one.
        threads: CPU threads.

    Raises:
        OreoError: the bundle cannot be read, or the strategy's settings do not fit.
    """
    torch.set_num_threads(threads)
    folder = Path(path)
    parts = _bundle(folder, value) if prompt is None else _model(folder, prompt)
    kind = STRATEGIES.load(strategy)
    limit = {"max_tokens": parts.prompt.max_reply_tokens}
    chosen = build(kind, limit | (settings or {}), at=f"strategy {strategy}")
    place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    engine = LocalEngine(
        parts.policy.to(place),  # pyright: ignore[reportArgumentType]
        parts.value.to(place) if parts.value is not None else None,
        stop_ids=parts.prompt.stop_ids,
        max_context=parts.max_context,
        steps=parts.prompt.steps,
    )
    return Agent(
        prompt=parts.prompt,
        engine=engine,
        strategy=chosen,
        fingerprint=parts.fingerprint,
        has_value=parts.value is not None,
        answer=answer,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What an agent is put together from."""

    prompt: PromptFormat
    policy: PreTrainedModel
    value: ValueNetwork | None
    max_context: int
    fingerprint: str


def _bundle(folder: Path, value: Path | str | None) -> _Parts:
    card = read_card(folder)
    judge = folder if value is None else Path(value)
    return _Parts(
        prompt=load_prompt(card.prompt, load_tokenizer(folder / "tokenizer")),
        policy=load_policy(folder / "policy"),
        value=_value(judge, card) if value is not None or card.has_value else None,
        max_context=card.max_context,
        fingerprint="+".join(dict.fromkeys((fingerprint(folder), fingerprint(judge)))),
    )


def _model(folder: Path, prompt: PromptFormat) -> _Parts:
    policy = load_policy(folder)
    return _Parts(
        prompt=prompt,
        policy=policy,
        value=None,
        max_context=int(getattr(policy.config, "max_position_embeddings", 4096)),
        fingerprint=fingerprint(folder),
    )


def _value(folder: Path, policy: Card) -> ValueNetwork:
    """The value network of ``folder``, which must read the policy's tokens."""
    card = read_card(folder)
    if not card.has_value:
        raise BundleError(
            f"{folder} has no value network (method {card.method!r}); name a bundle that was "
            "trained with a method that learns one, for instance oreo"
        )
    if card.tokenizer != policy.tokenizer:
        raise BundleError(
            f"the value of {folder} reads tokenizer {card.tokenizer!r} and the policy speaks "
            f"{policy.tokenizer!r}; take bundles of one family"
        )
    return ValueNetwork.load(folder / "value")
