r"""OREO: policy and value made to agree with the soft Bellman equation on every stored episode.

Let l_t = log pi(a_t|s_t) - log pi_ref(a_t|s_t) for the T action tokens of an episode with terminal
reward R. The optimal pair satisfies, along any trajectory (arXiv:2412.16145, eq. 7),

    V(s_t) = R - beta * sum_{i>=t} l_i

so both losses are the mean square of what is left over; they differ in where gradients flow:

    L_V  = 1/T sum_t (   V(s_t)  - R + beta * sg[sum_{i>=t} l_i]       )^2                 (eq. 8)
    L_pi = 1/T sum_t (sg[V(s_t)] - R + beta * (l_t + sg[sum_{i>t} l_i]))^2
           + alpha * 1/T sum_t KL[pi(.|s_t) || pi_ref(.|s_t)]                              (eq. 9)

V is trained by the same equation at the end of each reply too, where the environment has yet to
answer: best-of-K reads it there. The terminal state is in neither sum (its value is 0). No action
lies between such an end and the state in which the next reply begins, so V is the same at both on
average over the answers; with ``lookahead`` the latter, which has seen the answer, is a share of
the former's target. It is less noisy than the end of the whole episode. 0 in the paper.

The sum in L_pi runs to the end of the episode, whose outcome is one bit for all of its replies.
With ``lam`` below 1 it runs on past the end of a reply with weight ``lam`` alone, and V of the
state that has seen the answer stands in for the rest (DQO's lambda-returns, arXiv:2410.09302):

    G_k = (1 - lam) V(s_{k+1}) + lam (G_{k+1} - beta * sum of l over reply k+1),  G = R at the end

takes the place of what L_pi has after reply k. 1 in the paper; 0 asks of each reply only that it
agree with V before it and V after its answer. V's own targets are not touched.

A small network may be helped by foreseeing what the environment answers: with ``observations`` and
``value_observations`` the mean negative log-likelihood of the observed tokens is added to either
loss, with ``answers`` that of the first token of each answer to the policy's: there a refusal and a
success part, while most of what follows cannot be foreseen. All are 0 in the paper.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from oreo_agent.learn.objectives import Losses, View


@dataclass(frozen=True, kw_only=True, slots=True)
class Oreo:
    """Token-level OREO with the exact KL."""

    uses_value: ClassVar[bool] = True
    uses_reference: ClassVar[bool] = True

    beta: float = 0.03
    """Pull toward the reference policy, in reward units per nat; above 0."""
    alpha: float = 0.01
    """Weight of the exact KL, in reward units squared per nat; 0 or more."""
    end_weight: float = 1.0
    """Weight of V's loss at the ends of replies beside that before action tokens; 0 or more."""
    lookahead: float = 0.0
    """Share, in [0, 1], of V of the next state in the target of V at the end of a reply."""
    lam: float = 1.0
    """Share, in [0, 1], of what follows a reply in the policy's target; V makes up the rest."""

    observations: float = 0.0
    """Weight of the environment's tokens in the policy's loss, in reward units squared per nat."""
    answers: float = 0.0
    """Weight of the first token of each of its answers beside that, in the same unit."""
    value_observations: float = 0.0
    """Weight of the environment's tokens in the value's loss, in reward units squared per nat."""

    def __post_init__(self) -> None:
        if self.beta <= 0:
            raise ValueError(f"beta must be above 0, got {self.beta}")
        for name in ("alpha", "end_weight", "observations", "answers", "value_observations"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 <= self.lookahead <= 1:
            raise ValueError(f"lookahead is a share between 0 and 1, got {self.lookahead}")
        if not 0 <= self.lam <= 1:
            raise ValueError(f"lam is a share between 0 and 1, got {self.lam}")

    def __call__(self, view: View) -> Losses:
        """Both losses; without ``logps`` (value warm-up, pi = pi_ref) the value's alone."""
        assert view.values is not None
        if view.logps is None or view.ref_logps is None:
            ratio = torch.zeros_like(view.values)
        else:
            ratio = (view.logps - view.ref_logps).masked_fill(~view.mask, 0.0)
        onward = ratio.detach().flip(1).cumsum(1).flip(1)
        target = view.reward[:, None] - self.beta * onward
        value = _weighted((view.values - target) ** 2, view.weight, view.mask)
        if view.end_values is not None and self.end_weight > 0:
            end_target = view.reward[:, None] - self.beta * _after(onward, view.end_action)
            if self.lookahead > 0:
                end_target = end_target.lerp(_next(view, end_target), self.lookahead)
            gap = view.end_values - end_target
            value = value + self.end_weight * _weighted(gap**2, view.end_weight, view.end_mask)
        if self.value_observations > 0:
            unforeseen = _unforeseen(view.value_seen_logps, view.seen_weight)
            value = value + self.value_observations * unforeseen
        if view.logps is None:
            return Losses(policy=None, value=value)
        if self.lam < 1:
            target = self._returns(view, onward)
        gap = view.values.detach() - target + self.beta * (ratio - ratio.detach())
        policy = _weighted(gap**2, view.weight, view.mask)
        if self.alpha > 0:
            assert view.kl is not None
            policy = policy + self.alpha * _weighted(view.kl, view.weight, view.mask)
        if self.observations > 0:
            policy = policy + self.observations * _unforeseen(view.seen_logps, view.seen_weight)
        if self.answers > 0:
            policy = policy + self.answers * _unforeseen(view.seen_logps, view.answer_weight)
        return Losses(policy=policy, value=value)

    def _returns(self, view: View, onward: Tensor) -> Tensor:
        """(B, T) lambda-returns less beta times the log-ratios that remain of each reply."""
        after = _after(onward, view.end_action)
        begin = torch.cat([onward[:, :1], after[:, :-1]], dim=1)
        last = (view.end_mask.sum(1, keepdim=True) - 1).clamp(min=0)
        reward = view.reward[:, None].to(onward.dtype)
        ahead = _next(view, reward.expand_as(after))
        # G at the end of each reply, from the last one back
        ends = reward.expand_as(after).clone()
        for k in range(after.shape[1] - 2, -1, -1):
            rest = ends[:, k + 1] - self.beta * (begin[:, k + 1] - after[:, k + 1])
            found = ahead[:, k].lerp(rest, self.lam)
            ends[:, k] = torch.where(k < last[:, 0], found, ends[:, k])
        token = torch.arange(onward.shape[1], device=onward.device)
        done = (view.end_action[:, None, :] <= token[:, None]) & view.end_mask[:, None, :]
        reply = done.sum(-1).clamp(max=after.shape[1] - 1)
        return ends.gather(1, reply) - self.beta * (onward - after.gather(1, reply))


def _weighted(term: Tensor, weight: Tensor, mask: Tensor) -> Tensor:
    """(B, T) terms to their weighted sum; what stands outside the mask is never read."""
    return (term.masked_fill(~mask, 0.0) * weight).sum()


def _unforeseen(logps: Tensor | None, weight: Tensor | None) -> Tensor:
    """Weighted negative log-likelihood of observed tokens."""
    assert logps is not None
    assert weight is not None
    return -_weighted(logps, weight, weight > 0)


def _next(view: View, at_end: Tensor) -> Tensor:
    """(B, E) V of the state in which the next reply begins; ``at_end`` after the last reply."""
    assert view.values is not None
    last = view.end_action >= view.mask.sum(1, keepdim=True)
    place = view.end_action.clamp(max=view.mask.shape[1] - 1)
    return torch.where(last, at_end, view.values.detach().gather(1, place))


def _after(onward: Tensor, count: Tensor) -> Tensor:
    """(B, E) sums of the log-ratios that follow the first ``count`` action tokens."""
    padded = torch.cat([onward, torch.zeros_like(onward[:, :1])], dim=1)
    return padded.gather(1, count)
