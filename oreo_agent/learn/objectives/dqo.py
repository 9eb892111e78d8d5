r"""DQO: OREO's equation at each token with lambda-returns, episodes weighted by importance.

With l_t = log pi(a_t|s_t) - log pi_ref(a_t|s_t), reward R after the last of T action tokens and
Q(s_t, a_t) = V(s_t) + beta * l_t (arXiv:2410.09302), what follows a token is

    F_t = (1 - lam) V(s_{t+1}) + lam * (F_{t+1} - beta * l_{t+1}),   F_{T-1} = R

    L_V  = 1/T sum_t (   V(s_t)  + beta * sg[l_t] - sg[F_t])^2
    L_pi = 1/T sum_t (sg[V(s_t)] + beta * l_t     - sg[F_t])^2

Both are multiplied by w = min(cap, exp(sum_t l_t)), without gradient: episodes that the policy has
come to shun count less. With lam = 1 and w = 1 this is token-level OREO without its KL term. The
state after the last token of a reply, before the world answers, has V pulled to that token's F_t.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from oreo_agent.learn.objectives import Losses, Needs, Objective, View
from oreo_agent.learn.objectives.terms import weighted


@dataclass(frozen=True, kw_only=True, slots=True)
class Dqo(Objective):
    """Learns a policy and a value from unpaired episodes by lambda-returns."""

    beta: float = 0.03
    """Pull toward the reference policy, in reward units per nat; above 0."""
    lam: float = 1.0
    """Share, in [0, 1], of what really followed in a token's target; V makes up the rest."""
    cap: float = 1.0
    """Largest importance weight; 0 weighs every episode alike."""
    end_weight: float = 1.0
    """Weight of V's loss at the ends of replies beside that before action tokens; 0 or more."""

    def __post_init__(self) -> None:
        if self.beta <= 0:
            raise ValueError(f"beta must be above 0, got {self.beta}")
        if not 0 <= self.lam <= 1:
            raise ValueError(f"lam is a share between 0 and 1, got {self.lam}")
        for name in ("cap", "end_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")

    @property
    def needs(self) -> Needs:
        """A value and the reference."""
        return Needs(value=True, reference=True)

    def __call__(self, view: View) -> Losses:
        """Both losses; without ``logps`` (value warm-up, pi = pi_ref) the value's alone."""
        assert view.values is not None
        if view.logps is None or view.ref_logps is None:
            ratio = torch.zeros_like(view.values)
        else:
            ratio = (view.logps - view.ref_logps).masked_fill(~view.mask, 0.0)
        now = ratio.detach()
        follows = self._follows(view, now)
        count = torch.ones_like(view.share)
        if self.cap > 0:
            count = now.sum(1).exp().clamp(max=self.cap)
        weight = view.weight * count[:, None]
        gap = view.values + self.beta * now - follows
        value = weighted(gap**2, weight, view.mask)
        if view.end_values is not None and self.end_weight > 0:
            # the last token of each reply; there is none where the mask is False
            token = (view.end_action - 1).clamp(min=0)
            gap = view.end_values - follows.gather(1, token)
            share = view.end_weight * count[:, None]
            value = value + self.end_weight * weighted(gap**2, share, view.end_mask)
        if view.logps is None:
            return Losses(policy=None, value=value)
        gap = view.values.detach() + self.beta * ratio - follows
        return Losses(policy=weighted(gap**2, weight, view.mask), value=value)

    def _follows(self, view: View, ratio: Tensor) -> Tensor:
        """(B, T) F_t; anything outside the mask."""
        assert view.values is not None
        values = view.values.detach()
        last = view.mask.sum(1) - 1
        reward = view.reward.to(values.dtype)
        found = torch.empty_like(values)
        found[:, -1] = reward
        for t in range(values.shape[1] - 2, -1, -1):
            onward = found[:, t + 1] - self.beta * ratio[:, t + 1]
            rest = values[:, t + 1].lerp(onward, self.lam)
            found[:, t] = torch.where(t < last, rest, reward)
        return found
