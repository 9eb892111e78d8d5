"""What a training run begins with: weights made from nothing, a bundle, or a pretrained model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.learn.settings import TINY, TrainRun, TrainSettings, setting_apart
from oreo_agent.model.bundle import CARD, fingerprint, read_card
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.networks import ValueNetwork, load_policy, new_policy
from oreo_agent.model.prompt import PromptFormat, load_prompt
from oreo_agent.model.tokenizers import load_tokenizer, word_tokenizer
from oreo_agent.model.vocabulary import BOS, END, PAD, SPECIALS, Vocabulary
from oreo_agent.model.words import PIECE


@dataclass(slots=True, kw_only=True)
class Start:
    """What a run begins with."""

    policy: PreTrainedModel
    value: ValueNetwork | None
    prompt: PromptFormat
    tokenizer: Any
    base: str
    """What it is, for people."""
    max_context: int
    before: TrainSettings | None = None
    """How the run set instances apart that the value is from."""

    def refuse_other_tokenizer(self, name: str) -> None:
        """Raise a `RecordError` unless the episodes hold ids of this tokenizer."""
        if self.prompt.tokenizer_fingerprint != name:
            raise RecordError(
                f"the episodes hold ids of tokenizer {name!r} and the model's is "
                f"{self.prompt.tokenizer_fingerprint!r}; collect with this model, or name the "
                "model that they were collected with"
            )


def begin(run: TrainRun, prompt_settings: Mapping[str, Any]) -> Start:
    """Make or load what ``run`` names.

    Args:
        run: the run.
        prompt_settings: of the format in which its episodes are written.

    Raises:
        OreoError: it cannot be read, or does not speak that format.
    """
    if run.model == TINY:
        return _tiny(run, prompt_settings)
    dtype = getattr(torch, run.train.dtype)
    folder = Path(run.model)
    if (folder / CARD).exists():
        card = read_card(folder)
        trained = card.settings.get("train") if card.has_value else None
        tokenizer = load_tokenizer(folder / "tokenizer")
        return Start(
            policy=load_policy(folder / "policy", dtype=dtype),
            value=ValueNetwork.load(folder / "value", dtype=dtype) if card.has_value else None,
            prompt=load_prompt(card.prompt, tokenizer),
            tokenizer=tokenizer,
            base=f"bundle {fingerprint(folder)} ({card.method})",
            max_context=card.max_context,
            before=setting_apart(trained) if trained else None,
        )
    tokenizer = load_tokenizer(folder)
    policy = load_policy(folder, dtype=dtype)
    return Start(
        policy=policy,
        value=None,
        prompt=load_prompt(prompt_settings, tokenizer),
        tokenizer=tokenizer,
        base=f"{policy.config.model_type} {fingerprint(folder)}",
        max_context=_context(policy),
    )


def origin(run: TrainRun) -> str:
    """Equal for the same weights at the start."""
    if run.model == TINY:
        return f"{TINY} {run.size} {run.train.seed}"
    return fingerprint(run.model)


def _tiny(run: TrainRun, prompt_settings: Mapping[str, Any]) -> Start:
    prompt = load_prompt(prompt_settings)
    if not isinstance(prompt, Vocabulary):
        raise SettingError(
            "--model tiny speaks the prompt formats 'compact', 'text' and 'words'; the data is "
            f"{prompt.name!r}; name a pretrained model, or collect with another --prompt"
        )
    names = dict(zip(("pad", "bos", "unk", "turn", "eos"), SPECIALS, strict=True))
    del names["turn"]
    policy = new_policy(
        len(prompt.tokens),
        run.size,
        bos=BOS,
        eos=END,
        pad=PAD,
        seed=run.train.seed,
        dtype=getattr(torch, run.train.dtype),
    )
    pieces = None if isinstance(prompt, CompactPrompt) else PIECE
    return Start(
        policy=policy,
        value=None,
        prompt=prompt,
        tokenizer=word_tokenizer(prompt.tokens, **names, pieces=pieces),
        base=f"tiny {run.size}, random weights",
        max_context=_context(policy),
    )


def _context(policy: PreTrainedModel) -> int:
    return int(getattr(policy.config, "max_position_embeddings", 4096))
