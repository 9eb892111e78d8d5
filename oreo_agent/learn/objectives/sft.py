"""Supervised fine-tuning: the mean negative log-likelihood of what was done.

L_pi = -1/T sum_t log pi(a_t|s_t)  -  observations * 1/O sum_o log pi(o|history)
       - answers * the same over the first token of each answer
"""

from dataclasses import dataclass

from oreo_agent.learn.objectives import Losses, Objective, View
from oreo_agent.learn.objectives.terms import foresight, weighted


@dataclass(frozen=True, kw_only=True, slots=True)
class Sft(Objective):
    """Imitates the actions of the episodes it is given, whatever their reward."""

    observations: float = 0.0
    """Weight of the environment's tokens beside the actions'; helps a model made from nothing."""
    answers: float = 0.0
    """Weight of the first token of each of its answers beside that."""

    def __post_init__(self) -> None:
        for name in ("observations", "answers"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")

    def __call__(self, view: View) -> Losses:
        """The policy's loss, in nats."""
        assert view.logps is not None
        loss = -weighted(view.logps, view.weight, view.mask)
        return Losses(policy=loss + foresight(view, self.observations, self.answers), value=None)
