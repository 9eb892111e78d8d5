"""Optimisers and their schedules; their state as plain tensors and numbers, never pickled."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from oreo_agent.learn.forward import trained_weights
from oreo_agent.learn.muon import Muon
from oreo_agent.learn.settings import OptimiserSettings
from oreo_agent.learn.sharding import clip, full, here, like


class Mover:
    """Moves one network's weights: one or two optimisers under one schedule."""

    def __init__(self, network: nn.Module, settings: OptimiserSettings, steps: int) -> None:
        self.settings = settings
        self.steps = steps
        named = trained_weights(network)
        self.weights = list(named.values())
        self.optimisers = list(_optimisers(named, settings))
        self.rates = [group["lr"] for o in self.optimisers for group in o.param_groups]

    def clip(self) -> float:
        """Clip the gradient; its norm before that, which is no number if the gradient is none."""
        most = self.settings.clip or math.inf
        if any(isinstance(weight, DTensor) for weight in self.weights):
            return clip(self.weights, most)
        return float(nn.utils.clip_grad_norm_(self.weights, most))

    def step(self, index: int) -> None:
        """Take step ``index`` (from 0) of ``steps`` along the gradient, which is then forgotten."""
        share = rate_share(self.settings, index, self.steps)
        groups = (group for o in self.optimisers for group in o.param_groups)
        for group, rate in zip(groups, self.rates, strict=True):
            group["lr"] = rate * share
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state_bytes(self) -> int:
        """What the optimisers' state takes once every weight has been moved."""
        total = 0
        for optimiser in self.optimisers:
            weights = [p for group in optimiser.param_groups for p in group["params"]]
            total += (1 if isinstance(optimiser, Muon) else 2) * sum(
                here(p).nbytes for p in weights
            )
            if not isinstance(optimiser, Muon):
                total += 4 * len(weights)  # each has its count of steps, a float32
        return total

    def tensors(self) -> dict[str, torch.Tensor]:
        """The optimisers' state, flat; numbers become tensors of no dimension.

        Where it is spread over processes, all of them have to ask.
        """
        flat: dict[str, torch.Tensor] = {}
        for i, optimiser in enumerate(self.optimisers):
            for key, state in optimiser.state_dict()["state"].items():
                for name, value in state.items():
                    flat[f"{i}.{key}.{name}"] = full(torch.as_tensor(value)).detach().clone()
        return flat

    def restore(self, flat: dict[str, torch.Tensor]) -> None:
        """Take over what `tensors` gave."""
        for i, optimiser in enumerate(self.optimisers):
            weights = [p for group in optimiser.param_groups for p in group["params"]]
            state: dict[int, dict[str, Any]] = {}
            for name, value in flat.items():
                owner, key, field = name.split(".", 2)
                if int(owner) == i:
                    state.setdefault(int(key), {})[field] = like(value, weights[int(key)])
            whole = optimiser.state_dict()
            optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})


def rate_share(settings: OptimiserSettings, index: int, steps: int) -> float:
    """Share of the peak rate at step ``index`` (from 0) of ``steps``; above 0 throughout."""
    rise = max(1, round(settings.warmup * steps))
    if index < rise:
        return (index + 1) / rise
    if settings.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (index - rise) / max(1, steps - rise)))
    fall = max(1, round(settings.decay * steps))
    return min(1.0, (steps - index) / fall)


def _optimisers(
    named: Mapping[str, nn.Parameter], settings: OptimiserSettings
) -> Iterator[Optimizer]:
    blocks = {n: p for n, p in named.items() if p.ndim == 2 and ".layers." in n}
    matrices = list(blocks.values()) if settings.muon else []
    rest = [p for n, p in named.items() if not (settings.muon and n in blocks)]
    if matrices:
        yield Muon(matrices, lr=settings.muon_lr, weight_decay=settings.weight_decay)
    if rest:  # adapters are matrices of blocks alone
        yield torch.optim.AdamW(
            rest,
            lr=settings.lr,
            betas=(settings.beta1, settings.beta2),
            weight_decay=settings.weight_decay,
        )
