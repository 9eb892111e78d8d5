"""Muon in the precision that the machine is fast in.

`torch.optim.Muon` always orthogonalises in bfloat16; on a processor without bfloat16 units that is
tens of times slower than float32 and takes longer than the rest of the step. Same update otherwise
(a test compares the two): momentum with Nesterov's look-ahead, five Newton-Schulz iterations, the
step scaled by sqrt(max(1, rows / columns)).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_QUINTIC = (3.4445, -4.775, 2.0315)
"""Coefficients of the iteration that takes singular values toward 1 (Jordan et al., Muon, 2024)."""


class Muon(Optimizer):
    """Moves matrices by their orthogonalised momentum."""

    def __init__(
        self,
        params: Iterable[Tensor],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        iterations: int = 5,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "weight_decay": weight_decay,
                "iterations": iterations,
            },
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(weight.grad)
                buffer: Tensor = state["momentum_buffer"]
                buffer.lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(buffer, group["momentum"])
                update = orthogonalised(ahead, group["iterations"])
                scale = max(1.0, weight.shape[0] / weight.shape[1]) ** 0.5
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(update, alpha=-group["lr"] * scale)


def orthogonalised(matrix: Tensor, iterations: int = 5) -> Tensor:
    """(N, M) to nearly the closest matrix with orthonormal rows or columns."""
    a, b, c = _QUINTIC
    x = matrix.bfloat16() if matrix.is_cuda else matrix.float()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)
