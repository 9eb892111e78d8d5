"""Networks of a run on their device, their weights spread over the processes if asked.

Spreading is torch's `fully_shard` (FSDP2), for each block and for what is left of a body. What
DeepSpeed calls ZeRO 2 keeps a network's weights whole from its forward to the end of its backward
pass, ZeRO 3 gathers them one block at a time for either; both spread gradients and what optimisers
know. Untied output layers and heads of values are asked for outside of any module's own pass: they
stay whole in every process.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, OffloadPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from oreo_agent.errors import SettingError
from oreo_agent.learn.settings import TrainSettings
from oreo_agent.model.networks import body_of


def settle(
    network: nn.Module, device: torch.device, settings: TrainSettings, *, spread: bool
) -> None:
    """Bring a network of a run to its device, spread and with activations made again if asked.

    Dropout is off in all of them: it would tell the policy from the reference before it has moved.

    Raises:
        SettingError: the model cannot do what is asked.
    """
    network.eval()
    model = next((one for one in network.modules() if isinstance(one, PreTrainedModel)), None)
    if model is not None and settings.recompute:
        _recompute(model)
    if model is not None and spread:
        _spread(model, device, settings)
        for module in network.modules():
            for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
                if not isinstance(tensor, DTensor):
                    tensor.data = tensor.data.to(device)
    else:
        network.to(device)


@contextmanager
def whole(networks: Iterable[nn.Module]) -> Generator[None]:
    """Until it ends all weights are whole in every process, to be read alone; all have to ask."""
    networks = list(networks)
    parts = [part for network in networks for part in _parts(network)]
    for part in parts:
        part.unshard()
    left: list[tuple[Any, Tensor]] = []
    for model in {one for network in networks for one in network.modules()}:
        if not isinstance(model, PreTrainedModel):
            continue
        if isinstance(body_of(model), FSDPModule) and (head := _tied(model)):
            left.append((head, head.weight))
            head.weight = cast(Any, model.get_input_embeddings()).weight
    try:
        yield
    finally:
        for head, weight in left:
            head.weight = weight
        for part in parts:
            part.reshard()


def here(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor that may be spread."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def full(tensor: Tensor) -> Tensor:
    """A tensor that may be spread as a whole one; all processes have to ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(found: Tensor, weight: Tensor) -> Tensor:
    """The whole tensor ``found`` spread as ``weight`` is, where their shapes agree."""
    if not isinstance(weight, DTensor) or found.shape != weight.shape:
        return found
    mesh, home = weight.device_mesh, here(weight).device
    return distribute_tensor(found.to(mesh.device_type), mesh, weight.placements).to(home)


def clip(weights: Sequence[Tensor], most: float) -> float:
    """Scale gradients so that the norm of all is at most ``most``; what it was before."""
    sides = [
        [w.grad for w in weights if w.grad is not None and isinstance(w, DTensor) == spread]
        for spread in (True, False)
    ]
    norms = [full(nn.utils.get_total_norm(side)).cpu() for side in sides if side]
    norm = float(torch.stack(norms).norm()) if norms else 0.0
    factor = min(1.0, most / (norm + 1e-6))
    for gradient in (one for side in sides for one in side):
        gradient.mul_(factor)
    return norm


def _spread(model: PreTrainedModel, device: torch.device, settings: TrainSettings) -> None:
    """Spread the model's body; another model may have it for its own, and did so before."""
    body = body_of(model)
    if not isinstance(body, FSDPModule):
        options: dict[str, Any] = {
            "mesh": init_device_mesh(device.type, (dist.get_world_size(),)),
            "offload_policy": CPUOffloadPolicy() if settings.offload else OffloadPolicy(),
        }
        told: Any = getattr(body, "_no_split_modules", None)
        names: set[str] = set(told or ())
        blocks = [module for module in body.modules() if type(module).__name__ in names]
        if not blocks:
            raise SettingError(
                f"models of type {model.config.model_type!r} do not say what their blocks are; "
                "train with train.shard=none"
            )
        for block in blocks:
            fully_shard(block, reshard_after_forward=settings.shard == "zero3", **options)
        fully_shard(body, **options)
        for part in _parts(body):
            part.set_gradient_divide_factor(1.0)  # losses are shares of the whole batch
            part.set_force_sum_reduction_for_comms(True)  # all that gloo knows
    if head := _tied(model):
        head.weight.requires_grad_(False)  # nothing reads the table by this name


def _recompute(model: PreTrainedModel) -> None:
    """Let its blocks be checkpoints, whose training mode is asked for; not what is inside them."""
    blocks = [block for block in model.modules() if isinstance(block, GradientCheckpointingLayer)]
    if not blocks:
        raise SettingError(
            f"models of type {model.config.model_type!r} cannot make activations again; train with "
            "train.recompute=false and a smaller train.micro_tokens"
        )
    for block in cast("list[Any]", blocks):
        block.gradient_checkpointing = block.training = True
        block._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)


def _tied(model: PreTrainedModel) -> Any:
    """The output layer that has another name of the input table, if it has one."""
    plain = isinstance(model.get_input_embeddings(), nn.Embedding)
    return model.get_output_embeddings() if plain and model.config.tie_word_embeddings else None


def _parts(network: nn.Module) -> Iterator[FSDPModule]:
    return (module for module in network.modules() if isinstance(module, FSDPModule))
