"""From a bundle on disk to an agent that plays."""

from pathlib import Path
from typing import Any

import torch

from oreo_agent.agent.engines.local import LocalEngine
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import STRATEGIES
from oreo_agent.config import build
from oreo_agent.errors import BundleError
from oreo_agent.model.bundle import Card, fingerprint, read_card
from oreo_agent.model.networks import ValueNetwork, load_policy
from oreo_agent.model.prompt import load_prompt
from oreo_agent.model.tokenizers import load_tokenizer


def load_agent(
    path: Path | str,
    *,
    strategy: str = "greedy",
    settings: dict[str, Any] | None = None,
    value: Path | str | None = None,
    device: str = "auto",
    threads: int = 1,
) -> Agent:
    """The bundle at ``path`` with the transformers engine.

    Args:
        path: a folder that `oreo-agent train` wrote.
        strategy: a name in `STRATEGIES`.
        settings: of the strategy; its ``max_tokens`` is the prompt format's unless given.
        value: another bundle, whose value judges this one's replies; None takes its own.
        device: ``auto`` takes a GPU if there is one.
        threads: CPU threads.

    Raises:
        OreoError: the bundle cannot be read, or the strategy's settings do not fit.
    """
    torch.set_num_threads(threads)
    folder = Path(path)
    card = read_card(folder)
    prompt = load_prompt(card.prompt, load_tokenizer(folder / "tokenizer"))
    kind = STRATEGIES.load(strategy)
    chosen = build(
        kind, {"max_tokens": prompt.max_reply_tokens, **(settings or {})}, at=f"strategy {strategy}"
    )
    place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    judge = folder if value is None else Path(value)
    network = _value(judge, card) if value is not None or card.has_value else None
    engine = LocalEngine(
        load_policy(folder / "policy").to(place),  # pyright: ignore[reportArgumentType]
        network.to(place) if network is not None else None,
        stop_ids=prompt.stop_ids,
        max_context=card.max_context,
    )
    return Agent(
        prompt=prompt,
        engine=engine,
        strategy=chosen,
        fingerprint="+".join(dict.fromkeys((fingerprint(folder), fingerprint(judge)))),
        has_value=network is not None,
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
