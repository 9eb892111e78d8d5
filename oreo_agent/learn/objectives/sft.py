"""Supervised fine-tuning: the mean negative log-likelihood of what was done.

L_pi = -1/T sum_t log pi(a_t|s_t)  -  observations * 1/O sum_o log pi(o|history)
"""

from dataclasses import dataclass
from typing import ClassVar

from oreo_agent.learn.objectives import Losses, View


@dataclass(frozen=True, kw_only=True, slots=True)
class Sft:
    """Imitates the actions of the episodes it is given, whatever their reward."""

    uses_value: ClassVar[bool] = False
    uses_reference: ClassVar[bool] = False

    observations: float = 0.0
    """Weight of the environment's tokens beside the actions'; helps a model made from nothing."""

    def __post_init__(self) -> None:
        if self.observations < 0:
            raise ValueError(f"observations must not be negative, got {self.observations}")

    def __call__(self, view: View) -> Losses:
        """The policy's loss, in nats."""
        assert view.logps is not None
        loss = -(view.logps.masked_fill(~view.mask, 0.0) * view.weight).sum()
        if self.observations > 0:
            assert view.seen_logps is not None
            assert view.seen_weight is not None
            seen = view.seen_logps.masked_fill(view.seen_weight == 0, 0.0)
            loss = loss - self.observations * (seen * view.seen_weight).sum()
        return Losses(policy=loss, value=None)
