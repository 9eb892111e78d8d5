"""Policy and value networks: standard Hugging Face models, and a small one made from nothing."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from transformers.utils import logging

from oreo_agent.errors import SettingError
from oreo_agent.model.adapters import merged
from oreo_agent.model.reading import pretrained

logging.disable_progress_bar()  # bars for files that are read in a blink


LARGEST = 10**10
"""Weights of a policy that is made from nothing, about, at most."""


def new_policy(
    vocabulary: int,
    size: str,
    *,
    bos: int,
    eos: int,
    pad: int,
    seed: int,
    dtype: torch.dtype = torch.float32,
) -> PreTrainedModel:
    """A Qwen3 policy with random weights.

    Args:
        vocabulary: number of tokens.
        size: ``"<width>x<layers>"``, for instance ``128x4``; heads are 32 wide.
        bos: id of the first token of a history.
        eos: id of the end-of-turn token.
        pad: id of the padding token.
        seed: of the weights.
        dtype: of the weights; positions are reckoned in float32 all the same.

    Raises:
        SettingError: the size cannot be read, or is too large.
    """
    found = re.fullmatch(r"(\d{1,9})x(\d{1,9})", size)
    if not found or int(found[1]) % 32 or int(found[1]) == 0 or int(found[2]) == 0:
        raise SettingError(
            f"size {size!r} is not understood; give <width>x<layers> with a width that is a "
            "multiple of 32, for instance 128x4"
        )
    width, layers = int(found[1]), int(found[2])
    if 12 * width**2 * layers > LARGEST:
        raise SettingError(
            f"size {size!r} has more than {LARGEST:,} weights; give a smaller one, or train a "
            "pretrained model with --model"
        )
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        head_dim=32,
        intermediate_size=-(-width * 8 // 3 // 32) * 32,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=pad,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            model = Qwen3ForCausalLM(config)
        except RuntimeError as error:
            told = str(error).partition("\n")[0]
            raise SettingError(
                f"size {size!r} cannot be made here ({told}); give a smaller one"
            ) from error
    # blocks that start as the identity: the residual stream is the embedding until they learn
    for name, weight in model.named_parameters():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            nn.init.zeros_(weight)
    for weight in model.parameters():
        weight.data = weight.data.to(dtype)
    return model


ODD_HEADS = ("final_logit_softcapping", "logit_scale", "logits_scaling", "dim_model_base")
"""Settings by which Gemma, Cohere, Granite and MiniCPM change logits after the output layer."""


def load_policy(
    path: Path | str, *, dtype: torch.dtype = torch.float32, hub: bool = False
) -> PreTrainedModel:
    """A causal language model in Hugging Face format; nothing in its folder is executed.

    Args:
        path: the folder.
        dtype: of the weights in memory.
        hub: where there is no such folder, take ``path`` for a name on the Hugging Face hub.

    Raises:
        BundleError: there is no such model.
        SettingError: its logits are more than a product with the output weight.
    """
    return plain_policy(_load(AutoModelForCausalLM, path, dtype, hub=hub), str(path))


def plain_policy(model: PreTrainedModel, name: str) -> PreTrainedModel:
    """``model`` as it is, if its logits are hidden states times the output weight and no more.

    Raises:
        SettingError: they are more; ``name`` says whose.
    """
    odd = [each for each in ODD_HEADS if getattr(model.config, each, None) not in (None, 1, 1.0)]
    head = model.get_output_embeddings()
    if odd or getattr(head, "bias", None) is not None:
        raise SettingError(
            f"{name} ({model.config.model_type}) makes its logits with "
            f"{', '.join(odd) or 'a bias'}, which is not supported: its log-probabilities would be "
            "wrong; take a Llama-, Qwen-, Mistral- or SmolLM-like model"
        )
    return model


def _load(
    kind: Any, path: Path | str, dtype: torch.dtype, *, hub: bool = False, **settings: Any
) -> PreTrainedModel:
    told = {"dtype": dtype, "use_safetensors": True, **settings}
    model = pretrained(kind, path, "model", hub=hub, **told)
    return own_memory(cast(PreTrainedModel, model.eval()))


def own_memory(model: PreTrainedModel) -> PreTrainedModel:
    """``model``, its weights moved to memory of their own.

    Weights in a file start wherever its header ends, and sums of products depend on how memory is
    aligned: without that a policy differs from its copy, the reference, in the last bits.
    """
    for weight in model.parameters():
        weight.data = weight.data.clone()
    return model


BOUNDED = "value_is_sigmoid"
"""Entry of a value's config.json: whether V is the sigmoid of its output."""


class ValueNetwork(nn.Module):
    """V: a transformer body and one linear output in float32 (or finer), zero at the start.

    On disk it is an `AutoModelForTokenClassification` with one label. A bounded one gives the
    sigmoid of that output, in (0, 1).
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        if not isinstance(getattr(model, "score", None), nn.Linear):
            raise SettingError(
                f"models of type {model.config.model_type!r} cannot be made a value network: "
                "transformers gives their token classifier no linear output called 'score'; take "
                "a policy of another type (Llama, Qwen, Mistral, Gemma, ...)"
            )
        self.model = model
        self.score.to(torch.promote_types(model.dtype, torch.float32))
        self.bounded = bool(getattr(model.config, BOUNDED, False))

    @classmethod
    def of_policy(
        cls,
        policy: PreTrainedModel,
        *,
        start: float = 0.0,
        shared: bool = False,
        bounded: bool = False,
    ) -> "ValueNetwork":
        """A value over the policy's body whose output is ``start`` everywhere.

        Args:
            policy: the policy.
            start: the value before it has learned, where models of its type have a bias.
            shared: take the very body, not a copy of it.
            bounded: let V be the sigmoid of the output.

        Raises:
            SettingError: transformers has no token classifier for policies of this type.
        """
        config = AutoConfig.for_model(**policy.config.to_dict())
        config.num_labels = 1
        config.classifier_dropout = 0.0
        if bounded:
            setattr(config, BOUNDED, True)
            start = math.log(max(start, 1e-3) / max(1 - start, 1e-3))
        try:
            with torch.device("meta" if shared else policy.device):
                model = AutoModelForTokenClassification.from_config(config, dtype=policy.dtype)
        except ValueError as error:
            raise SettingError(f"this policy cannot be made a value network: {error}") from error
        value = cls(model)
        if shared:
            setattr(model, model.base_model_prefix, body_of(policy))
            value.score.to_empty(device=policy.device)
        else:
            value.body.load_state_dict(body_of(policy).state_dict())
        nn.init.zeros_(value.score.weight)
        bias = cast("nn.Parameter | None", value.score.bias)
        if bias is not None:
            nn.init.constant_(bias, start)
        return value

    @classmethod
    def load(
        cls, path: Path | str, *, dtype: torch.dtype = torch.float32, hub: bool = False
    ) -> "ValueNetwork":
        """Read what `save` wrote; ``dtype`` is the body's, the head stays as it was saved.

        Raises:
            BundleError: there is no such model.
        """
        fine = torch.promote_types(dtype, torch.float32)
        value = cls(_load(AutoModelForTokenClassification, path, fine, hub=hub, num_labels=1))
        for weight in value.body.parameters():
            weight.data = weight.data.to(dtype)
        return value

    def save(self, path: Path, *, adapter: str | None = None) -> None:
        """Write in Hugging Face format, plain: an adapter of the body is added to its weights."""
        self.model.save_pretrained(path, state_dict=merged(self.model, adapter))

    @property
    def body(self) -> PreTrainedModel:
        """The transformer below the head."""
        return body_of(self.model)

    @property
    def score(self) -> nn.Linear:
        """The head."""
        return cast(nn.Linear, self.model.score)

    def head(self, hidden: Tensor) -> Tensor:
        """(..., H) hidden states to (...) values in reward units, float32 or finer."""
        weight = self.score.weight
        with torch.autocast(weight.device.type, enabled=False):
            found = functional.linear(hidden.to(weight.dtype), weight, self.score.bias).squeeze(-1)
        return found.sigmoid() if self.bounded else found


def body_of(model: PreTrainedModel) -> PreTrainedModel:
    """The transformer below the heads."""
    return cast(PreTrainedModel, model.base_model)


def output_weight(policy: nn.Module) -> Tensor:
    """(V, H) of the policy's output layer; the input table where the two are tied."""
    tied = cast(Any, policy).config.tie_word_embeddings
    model = cast(Any, policy)
    layer = model.get_input_embeddings() if tied else model.get_output_embeddings()
    return cast(Tensor, layer.weight)


def input_weight(body: nn.Module) -> Tensor:
    """(V, H) of the table that tokens are read with."""
    return cast(Tensor, cast(Any, body).get_input_embeddings().weight)


class FactoredEmbedding(nn.Module):
    """An embedding whose rows are sums of two: one vector a class and one a number.

    Entities that are never seen get their meaning from their kin. With tied weights the output
    layer is the same sum.
    """

    def __init__(self, weight: Tensor, factors: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        index = torch.tensor(factors)
        self.register_buffer("index", index, persistent=False)
        classes, numbers = (int(i) + 1 for i in index.max(0).values)
        # least squares: exact where the table was a sum before, the nearest sum elsewhere
        design = torch.zeros(len(factors), classes + numbers, dtype=torch.float64)
        design[torch.arange(len(factors)), index[:, 0]] = 1
        design[torch.arange(len(factors)), classes + index[:, 1]] = 1
        table = torch.linalg.pinv(design) @ weight.double()
        self.classes = nn.Parameter(table[:classes].to(weight.dtype))
        self.numbers = nn.Parameter(table[classes:].to(weight.dtype))

    @property
    def weight(self) -> Tensor:
        """(V, H) the whole table."""
        index = cast(Tensor, self.index)
        return self.classes[index[:, 0]] + self.numbers[index[:, 1]]

    def forward(self, ids: Tensor) -> Tensor:
        """(...) ids to (..., H) vectors."""
        return functional.embedding(ids, self.weight)


def factor(model: PreTrainedModel, factors: Sequence[tuple[int, int]]) -> None:
    """Train ``model``'s (tied) embedding as a sum of factors from here on."""
    body = cast(Any, model.base_model)
    weight: Tensor = body.get_input_embeddings().weight.detach()
    body.set_input_embeddings(FactoredEmbedding(weight, factors))
    head = cast(Any, model).get_output_embeddings()
    if head is not None:
        head.weight.requires_grad_(False)  # nothing reads it until `unfactor` ties it again


def unfactor(model: PreTrainedModel) -> None:
    """Write the sums out as an ordinary embedding, in place."""
    body = cast(Any, model.base_model)
    layer = body.get_input_embeddings()
    if not isinstance(layer, FactoredEmbedding):
        return
    plain = nn.Embedding.from_pretrained(layer.weight.detach().clone(), freeze=False)
    body.set_input_embeddings(plain)
    head = cast(Any, model).get_output_embeddings()
    if head is not None:
        head.weight = plain.weight
