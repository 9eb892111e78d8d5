r"""KTO: won episodes above, lost ones below what the policy would gain anywhere; no pairs.

With S = sum_t log pi(a_t|s_t) - log pi_ref(a_t|s_t) over an episode's action tokens and z the
pull that the policy already has away from the reference (arXiv:2402.01306, eq. 8),

    L_pi = desirable   * (1 - sigmoid(beta * (S - z)))   for a won episode,
           undesirable * (1 - sigmoid(beta * (z - S)))   for a lost one

z is estimated without gradient as max(0, mean of S over the openings of the whole batch, each with
the continuation of the episode before it); episodes of several turns are spliced the same way.
"""

from dataclasses import dataclass

import torch

from oreo_agent.learn.objectives import Losses, Needs, Objective, View


@dataclass(frozen=True, kw_only=True, slots=True)
class Kto(Objective):
    """Learns from won and lost episodes without comparing any two."""

    beta: float = 0.1
    """Pull toward the reference policy; above 0."""
    desirable: float = 1.0
    """Weight of won episodes; 0 or more."""
    undesirable: float = 1.0
    """Weight of lost episodes; 0 or more."""

    def __post_init__(self) -> None:
        if self.beta <= 0:
            raise ValueError(f"beta must be above 0, got {self.beta}")
        for name in ("desirable", "undesirable"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")

    @property
    def needs(self) -> Needs:
        """The reference, and its own baseline."""
        return Needs(reference=True, mismatch=True)

    def __call__(self, view: View) -> Losses:
        """The policy's loss, between 0 and the larger weight."""
        assert view.logps is not None
        assert view.ref_logps is not None
        total = (view.logps - view.ref_logps).masked_fill(~view.mask, 0.0).sum(1)
        gain = self.beta * (total - max(0.0, view.mismatch))
        won = view.reward > 0.5
        loss = torch.where(
            won, self.desirable * torch.sigmoid(-gain), self.undesirable * torch.sigmoid(gain)
        )
        return Losses(policy=(loss * view.share).sum(), value=None)
