"""Low-rank adapters (LoRA, arXiv:2106.09685, by peft): several networks over one frozen body.

One body may bear several adapters by name; a pass uses one of them, or none. An adapter begins as
zero, so that a network starts exactly at the body it is laid over.
"""

import warnings
from collections.abc import Iterator
from typing import Any, cast

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from oreo_agent.errors import SettingError


def adapt(body: PreTrainedModel, name: str, *, rank: int, alpha: int) -> None:
    """Lay an adapter over every linear layer of ``body``, which is frozen from here on.

    Args:
        body: a transformer without its heads.
        name: of the adapter; another one may be there already.
        rank: of the product that is added to each matrix.
        alpha: the product is scaled by ``alpha / rank``.

    Raises:
        SettingError: there is no linear layer.
    """
    layers = linear_layers(body)
    if not layers:
        raise SettingError(
            f"models of type {body.config.model_type!r} have no linear layers that an adapter "
            "could be laid over; train with train.networks=full"
        )
    body.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=sorted(layers), lora_dropout=0.0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Already found a `peft_config`")
        inject_adapter_in_model(config, body, name)
    use(body, name)


def linear_layers(body: nn.Module) -> set[str]:
    """The last names of the paths of ``body``'s linear layers, as peft calls its targets."""
    return {
        path.removesuffix(".base_layer").rpartition(".")[2]
        for path, module in body.named_modules()
        if isinstance(module, nn.Linear) and "lora_" not in path
    }


def use(body: nn.Module, name: str | None) -> None:
    """Let passes go through the adapter of this name from here on; None: through no adapter.

    All adapters keep asking for gradients: which one gets any is decided by what a pass went
    through, also where another pass was made before its gradients were taken.
    """
    for layer in _layers(body):
        if name is None:
            layer.enable_adapters(False)
        else:
            layer.set_adapter([name])
            layer.enable_adapters(True)
    for path, weight in body.named_parameters():
        if ".lora_" in path:
            weight.requires_grad_(True)


@torch.no_grad()
def merged(body: nn.Module, name: str | None) -> dict[str, Tensor]:
    """The state of a plain body that does what ``body`` does with this adapter (None: without)."""
    deltas = {
        path: cast(Tensor, cast(Any, layer).get_delta_weight(name))
        for path, layer in body.named_modules()
        if name is not None and isinstance(layer, LoraLayer)
    }
    found: dict[str, Tensor] = {}
    for path, tensor in _state(body):
        if ".lora_" in path:
            continue
        layer, _, leaf = path.partition(".base_layer.")
        if leaf == "weight" and layer in deltas:
            tensor = tensor + deltas[layer].to(tensor.dtype)
        found[f"{layer}.{leaf}" if leaf else path] = tensor
    return found


def _state(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """What `state_dict` holds, as it is now: that would spread what was gathered (FSDP2)."""
    for path, module in network.named_modules():
        told: Any = module
        passing: set[str] = told._non_persistent_buffers_set
        held = {n: t for n, t in told._buffers.items() if n not in passing}
        for name, tensor in (told._parameters | held).items():
            if tensor is not None:
                yield (f"{path}.{name}" if path else name), tensor.detach()


def _layers(body: nn.Module) -> Iterator[BaseTunerLayer]:
    return (layer for layer in body.modules() if isinstance(layer, BaseTunerLayer))
