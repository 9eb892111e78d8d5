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
the former's target. It is less noisy than the end of the whole episode. 0 in the paper. Of a
solution most places tell how hard its problem is, and only the last one whether it is right:
``last_weight`` gives that place a share of its own in V's loss.

A step is a reply of the agent, or a reasoning step of a solution: whatever the episode records as
an action. At ``level`` "step" t counts steps, l_t is the sum over a step's tokens, V stands where
steps begin; at "response" the policy answers for the whole episode at once, without sg (eq. 10):

    L_pi = (sg[V(s_0)] - R + beta * sum_i l_i)^2 + alpha * 1/T sum_t KL[...]

while V is trained before each token as ever. A token's share of the gradient grows with the level,
from 1/T over one by the number of steps to 1; the paper's alpha grows with it (.01, .1, .3).

The exact KL needs the whole vocabulary. With ``kl`` "k3" it is estimated on the tokens at hand,
1/T sum_t (exp(-l_t) - 1 + l_t), which is right on average only for tokens that pi itself has drawn.

Other methods are the same residual at s_0 with another ``value`` in the place of V(s_0), without a
value network and so at the level of responses alone:

    "first"            V(s_0), trained there and nowhere else (DRO, arXiv:2405.19107)
    "group-soft-mean"  beta log mean_i exp(R_i / beta) over its instance (A*-PO, 2505.20686)
    "group-mean"       mean_i R_i over it (policy mirror descent of Kimi k1.5, 2501.12599)
    "logsumexp"        beta log sum_a exp(logit(a|s_0)) of the policy itself (TBRM, 2505.15311)

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

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import fmean
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from oreo_agent.errors import DataError
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.objectives import Losses, Needs, Objective, Unit, View
from oreo_agent.learn.objectives.terms import (
    after,
    begins,
    foresight,
    next_values,
    unforeseen,
    upto,
    weighted,
)

WEIGHTS = ("alpha", "end_weight", "last_weight", "observations", "answers", "value_observations")
"""Settings that must not be negative."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Oreo(Objective):
    """OREO at the level of tokens, steps or whole responses."""

    level: Literal["token", "step", "response"] = "token"
    """What counts as one action."""
    value: Literal["learned", "first", "group-soft-mean", "group-mean", "logsumexp"] = "learned"
    """Where V comes from; all but "learned", which alone can choose replies, ask for ``level``
    "response"."""
    beta: float = 0.03
    """Pull toward the reference policy, in reward units per nat; above 0."""
    alpha: float = 0.01
    """Weight of the KL, in reward units squared per nat; 0 or more."""
    kl: Literal["exact", "k3"] = "exact"
    """Over the whole vocabulary, or estimated on the episode's own tokens."""
    value_loss: Literal["mse", "bce"] = "mse"
    """What V pays for missing its target: the square, or the cross-entropy of a V that is the
    sigmoid of its output, toward targets cut to [0, 1]; right while beta times the log-ratios is
    small."""
    end_weight: float = 1.0
    """Weight of V's loss at the ends of replies beside that before action tokens; 0 or more."""
    last_weight: float = 0.0
    """Weight of V's loss at the end of the last reply, beside those; 0 or more. There alone a
    solution can be checked; 0 in the paper."""
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
        for name in WEIGHTS:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 <= self.lookahead <= 1:
            raise ValueError(f"lookahead is a share between 0 and 1, got {self.lookahead}")
        if not 0 <= self.lam <= 1:
            raise ValueError(f"lam is a share between 0 and 1, got {self.lam}")
        if self.value != "learned" and (self.level != "response" or self.lam < 1):
            raise ValueError(
                f"value {self.value!r} is one of the first state alone; set level to 'response' "
                "and leave lam at 1"
            )

    @property
    def needs(self) -> Needs:
        """The reference, and what stands for V; one that knows first states alone is not kept."""
        return Needs(
            value=self.value in ("learned", "first"),
            keeps_value=self.value == "learned",
            bounded=self.value_loss == "bce",
            reference=True,
            kl=self.kl == "exact" and self.alpha > 0,
            first_lse=self.value == "logsumexp",
        )

    def units(self, episodes: Sequence[Tokens]) -> list[Unit]:
        """Every episode by itself."""
        if self.value.startswith("group-"):
            _, most = Counter(e.instance for e in episodes).most_common(1)[0]
            if most < 2:
                raise DataError(
                    f"value {self.value!r} compares an episode with others of its instance and no "
                    "instance has two; collect several of each with `rollout --repeats`"
                )
        return [(episode,) for episode in episodes]

    def baseline(self, rewards: Sequence[float]) -> float | None:
        """The (soft) mean of a group's rewards."""
        if self.value == "group-mean":
            return fmean(rewards)
        if self.value == "group-soft-mean":
            most = max(rewards)
            lifted = fmean(exp((reward - most) / self.beta) for reward in rewards)
            return most + self.beta * log(lifted)
        return None

    def __call__(self, view: View) -> Losses:
        """Both losses; without ``logps`` (value warm-up, pi = pi_ref) the value's alone."""
        if view.logps is None or view.ref_logps is None:
            assert view.values is not None
            ratio = torch.zeros_like(view.values)
        else:
            ratio = (view.logps - view.ref_logps).masked_fill(~view.mask, 0.0)
        onward = ratio.detach().flip(1).cumsum(1).flip(1)
        value = self._value(view, onward) if self.needs.value else None
        if view.logps is None:
            return Losses(policy=None, value=value)
        target = self._returns(view, onward) if self.lam < 1 else self._outcome(view, onward)
        policy = self._policy(view, self._state(view) - target, ratio)
        if self.alpha > 0:
            kl = view.kl if self.kl == "exact" else torch.exp(-ratio) - 1 + ratio
            assert kl is not None
            policy = policy + self.alpha * weighted(kl, view.weight, view.mask)
        policy = policy + foresight(view, self.observations, self.answers)
        return Losses(policy=policy, value=value)

    def _state(self, view: View) -> Tensor:
        """(B, T) what the policy takes for V; (B, 1) if it is known of the first state alone."""
        if self.needs.value:
            assert view.values is not None
            return view.values.detach()
        if self.value == "logsumexp":
            assert view.first_lse is not None
            return self.beta * view.first_lse[:, None]
        assert view.baseline is not None
        return view.baseline[:, None]

    def _outcome(self, view: View, onward: Tensor) -> Tensor:
        """(B, T) R - beta times the log-ratios that are still to come."""
        return view.reward[:, None] - self.beta * onward

    def _value(self, view: View, onward: Tensor) -> Tensor:
        """Eq. 8, before actions and at the ends of replies."""
        assert view.values is not None
        missed = self._missed(view.values, self._outcome(view, onward))
        if self.value == "first":
            return weighted(missed[:, :1], view.share[:, None], view.mask[:, :1])
        if self.level == "step":
            loss = weighted(missed.gather(1, begins(view)), view.end_weight, view.end_mask)
        else:
            loss = weighted(missed, view.weight, view.mask)
        if view.end_values is not None and self.end_weight + self.last_weight > 0:
            target = view.reward[:, None] - self.beta * after(onward, view.end_action)
            if self.lookahead > 0:
                target = target.lerp(next_values(view, target), self.lookahead)
            missed = self._missed(view.end_values, target)
            loss = loss + self.end_weight * weighted(missed, view.end_weight, view.end_mask)
            last = (view.end_mask.sum(1, keepdim=True) - 1).clamp(min=0)
            there, missed = view.end_mask.gather(1, last), missed.gather(1, last)
            loss = loss + self.last_weight * weighted(missed, view.share[:, None], there)
        if self.value_observations > 0:
            loss = loss + self.value_observations * unforeseen(
                view.value_seen_logps, view.seen_weight
            )
        return loss

    def _missed(self, values: Tensor, target: Tensor) -> Tensor:
        """(B, T) what V pays at each place."""
        if self.value_loss == "mse":
            return (values - target) ** 2
        aim = target.to(values.dtype).clamp(0, 1).expand_as(values)
        return functional.binary_cross_entropy(values.clamp(0, 1), aim, reduction="none")

    def _policy(self, view: View, gap: Tensor, ratio: Tensor) -> Tensor:
        """Eq. 9 or 10: ``gap`` (B, T) is a number, the log-ratios of an action bear gradients."""
        weight, mask = view.weight, view.mask
        if self.level == "step":
            begin = begins(view)
            gap = gap.gather(1, begin)
            ratio = upto(ratio, view.end_action) - upto(ratio, begin)
            weight, mask = view.end_weight, view.end_mask
        elif self.level == "response":
            gap, ratio = gap[:, :1], ratio.sum(1, keepdim=True)
            weight, mask = view.share[:, None], mask[:, :1]
        return weighted((gap + self.beta * (ratio - ratio.detach())) ** 2, weight, mask)

    def _returns(self, view: View, onward: Tensor) -> Tensor:
        """(B, T) lambda-returns less beta times the log-ratios that remain of each reply."""
        rest = after(onward, view.end_action)
        begin = torch.cat([onward[:, :1], rest[:, :-1]], dim=1)
        last = (view.end_mask.sum(1, keepdim=True) - 1).clamp(min=0)
        reward = view.reward[:, None].to(onward.dtype)
        ahead = next_values(view, reward.expand_as(rest))
        # G at the end of each reply, from the last one back
        ends = reward.expand_as(rest).clone()
        for k in range(rest.shape[1] - 2, -1, -1):
            later = ends[:, k + 1] - self.beta * (begin[:, k + 1] - rest[:, k + 1])
            found = ahead[:, k].lerp(later, self.lam)
            ends[:, k] = torch.where(k < last[:, 0], found, ends[:, k])
        token = torch.arange(onward.shape[1], device=onward.device)
        done = (view.end_action[:, None, :] <= token[:, None]) & view.end_mask[:, None, :]
        reply = done.sum(-1).clamp(max=rest.shape[1] - 1)
        return ends.gather(1, reply) - self.beta * (onward - rest.gather(1, reply))
