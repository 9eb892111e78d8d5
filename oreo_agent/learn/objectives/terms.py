"""What several objectives add up: weighted sums, likelihoods of the world's words, replies."""

import torch
from torch import Tensor

from oreo_agent.learn.objectives import View


def weighted(term: Tensor, weight: Tensor, mask: Tensor) -> Tensor:
    """(B, T) terms to their weighted sum; what stands outside the mask is never read."""
    return (term.masked_fill(~mask, 0.0) * weight).sum()


def unforeseen(logps: Tensor | None, weight: Tensor | None) -> Tensor:
    """Weighted negative log-likelihood of observed tokens."""
    assert logps is not None
    assert weight is not None
    return -weighted(logps, weight, weight > 0)


def foresight(view: View, observations: float, answers: float) -> Tensor | float:
    """What the policy loses for not foreseeing the world's words, and how its answers begin."""
    loss: Tensor | float = 0.0
    if observations > 0:
        loss = observations * unforeseen(view.seen_logps, view.seen_weight)
    if answers > 0:
        loss = loss + answers * unforeseen(view.seen_logps, view.answer_weight)
    return loss


def upto(per_token: Tensor, count: Tensor) -> Tensor:
    """(B, E) sums of (B, T) numbers over the first ``count`` action tokens."""
    sums = torch.cat([torch.zeros_like(per_token[:, :1]), per_token.cumsum(1)], dim=1)
    return sums.gather(1, count)


def after(onward: Tensor, count: Tensor) -> Tensor:
    """(B, E) sums over what follows the first ``count`` action tokens.

    Args:
        onward: (B, T) sums over each token and all that follow it.
        count: (B, E) numbers of tokens, from 0 to T.
    """
    padded = torch.cat([onward, torch.zeros_like(onward[:, :1])], dim=1)
    return padded.gather(1, count)


def begins(view: View) -> Tensor:
    """(B, E) action tokens that lie before each reply; 0 where there is no such reply."""
    before = torch.cat([torch.zeros_like(view.end_action[:, :1]), view.end_action[:, :-1]], 1)
    return before.masked_fill(~view.end_mask, 0)


def next_values(view: View, at_end: Tensor) -> Tensor:
    """(B, E) V of the state in which the next reply begins; ``at_end`` after the last reply."""
    assert view.values is not None
    last = view.end_action >= view.mask.sum(1, keepdim=True)
    place = view.end_action.clamp(max=view.mask.shape[1] - 1)
    return torch.where(last, at_end, view.values.detach().gather(1, place))
