"""Weights moved away from where training begins: new networks are nearly uniform."""

from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def stirred(network: Network, by: float, rng: torch.Generator) -> Network:
    """``network`` itself, with ``by`` times normal noise added to every weight."""
    with torch.no_grad():
        for weight in network.parameters():
            weight += by * torch.randn(weight.shape, generator=rng, dtype=weight.dtype)
    return network


def drawn(seed: int) -> torch.Generator:
    """Noise that follows from ``seed``."""
    return torch.Generator().manual_seed(seed)
