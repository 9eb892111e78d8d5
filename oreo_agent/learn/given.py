"""What a script hands over: models loaded or not, a tokenizer, a LoRA configuration."""

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from torch import nn
from transformers import AutoConfig, PreTrainedModel

from oreo_agent.errors import SettingError
from oreo_agent.learn.batch import Tokens
from oreo_agent.model.adapters import linear_layers
from oreo_agent.model.networks import (
    ValueNetwork,
    body_of,
    load_policy,
    own_memory,
    plain_policy,
)
from oreo_agent.model.tokenizers import load_tokenizer

Model = str | Path | PreTrainedModel
"""A folder in Hugging Face format, a name on the hub, or what was loaded from either."""


def name_of(model: nn.Module | str | Path) -> str:
    """For messages."""
    if isinstance(model, PreTrainedModel):
        return model.config.name_or_path or f"a loaded {type(model).__name__}"
    return str(model)


def take_tokenizer(model: Model, given: Any) -> Any:
    """``given``, or what lies beside the model.

    Raises:
        SettingError: nobody knows where that is.
    """
    if given is not None:
        return given
    place = model.config.name_or_path if isinstance(model, PreTrainedModel) else model
    if not place:
        raise SettingError(
            "it is not known which tokenizer belongs to this model; pass it as processing_class"
        )
    return load_tokenizer(place, hub=True)


def take_policy(model: Any, bf16: bool | None) -> PreTrainedModel:
    """A policy in memory of its own; one that is loaded already stays that object.

    Args:
        model: the model.
        bf16: of which precision; None leaves a loaded model's, and loads in float32.

    Raises:
        SettingError: it is none, or none that log-probabilities can be taken of.
    """
    if not isinstance(model, str | Path | PreTrainedModel):
        raise SettingError(
            f"a model is a path or a transformers model, got {type(model).__name__}; of a peft "
            "model pass what merge_and_unload() gives, and LoRA as peft_config"
        )
    if isinstance(model, str | Path):
        return load_policy(model, dtype=torch.bfloat16 if bf16 else torch.float32, hub=True)
    if bf16 is not None:
        model = model.to(torch.bfloat16 if bf16 else torch.float32)  # pyright: ignore
    if model.dtype == torch.float16:
        raise SettingError(f"{name_of(model)} is float16, which gradients underflow; set bf16")
    return own_memory(plain_policy(model, name_of(model)))


def lora_of(peft: LoraConfig, policy: PreTrainedModel) -> dict[str, int]:
    """Rank and alpha; what else is asked for and cannot be had is refused.

    Targets that are left to peft's choice are every linear layer here.
    """
    plain = LoraConfig()
    free = {"r", "lora_alpha", "task_type", "target_modules", "base_model_name_or_path"}
    odd = [
        field.name
        for field in fields(peft)
        if field.name not in free
        and field.init
        and getattr(peft, field.name) != getattr(plain, field.name)
    ]
    targets = peft.target_modules
    if targets not in (None, "all-linear") and set(targets) != linear_layers(body_of(policy)):
        odd.append("target_modules")
    if odd:
        raise SettingError(
            f"peft_config sets {', '.join(odd)}, which is not supported: adapters lie over every "
            "linear layer, with r and lora_alpha alone to choose; leave the rest at its default"
        )
    return {"rank": peft.r, "alpha": peft.lora_alpha}


_VALUE = "ForTokenClassification"


def take_value(model: Model, episodes: Sequence[Tokens], dtype: torch.dtype) -> ValueNetwork:
    """V over that model's body; it starts at the rate of success where it has not learned.

    Raises:
        BundleError: there is no such model.
        SettingError: it is a token classifier with more than one label, or cannot be one.
    """
    if isinstance(model, PreTrainedModel):
        if type(model).__name__.endswith(_VALUE):
            if model.config.num_labels != 1:
                raise SettingError(f"{name_of(model)} has several labels; a value model has one")
            return ValueNetwork(own_memory(model))
    else:
        try:
            kinds = AutoConfig.from_pretrained(model).architectures or []
        except (OSError, ValueError):
            kinds = []  # `load_policy` says what is wrong
        if any(kind.endswith(_VALUE) for kind in kinds):
            return ValueNetwork.load(model, dtype=dtype, hub=True)
        model = load_policy(model, dtype=dtype, hub=True)
    rate = sum(episode.reward for episode in episodes) / len(episodes)
    return ValueNetwork.of_policy(model, start=rate)


def checksum(model: nn.Module) -> str:
    """Of the weights, 16 hex digits."""
    digest = hashlib.sha256()
    for name, weight in model.state_dict().items():
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]
