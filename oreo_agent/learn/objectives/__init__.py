"""Objectives: how a batch of stored episodes becomes something to minimise.

An objective is a frozen dataclass (its settings) that is called with named tensors. It adds up
*weighted* terms; the weights already hold the normalisation (rule 5), so the losses of the parts
of a batch add up to the loss of the whole, however it is split over micro-batches and processes.

To add one: write a file beside this one, then add its line to `OBJECTIVES`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from oreo_agent.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from oreo_agent.learn.batch import Tokens


class Losses(NamedTuple):
    """Scalars to minimise, each with gradients to its own network only."""

    policy: "Tensor | None"
    value: "Tensor | None"


class View(NamedTuple):
    """What an objective may look at, for B episodes of at most T action tokens.

    Padded places hold anything and are never read; their mask is False and their weight 0.
    """

    reward: "Tensor"
    """(B,) terminal reward, in [0, 1]."""
    share: "Tensor"
    """(B,) share of an episode in the loss of the whole batch."""
    mask: "Tensor"
    """(B, T) bool, True on action tokens."""
    weight: "Tensor"
    """(B, T) share of an action token in the loss of the whole batch."""
    end_action: "Tensor"
    """(B, E) action tokens up to and with the end of each reply."""
    end_mask: "Tensor"
    """(B, E) bool."""
    end_weight: "Tensor"
    """(B, E) share of a reply's end in the loss of the whole batch."""
    baseline: "Tensor | None" = None
    """(B,) what stands in for V(s_0), from the rewards of the instance's episodes; without grad."""
    mismatch: float = 0.0
    """Mean over the whole batch of sum_t log pi/pi_ref of openings with others' continuations."""
    first_lse: "Tensor | None" = None
    """(B,) log-sum-exp of the policy's logits at the first state."""
    logps: "Tensor | None" = None
    """(B, T) log pi(a_t|s_t), in nats."""
    ref_logps: "Tensor | None" = None
    """(B, T) log pi_ref(a_t|s_t), in nats, without gradient."""
    kl: "Tensor | None" = None
    """(B, T) KL[pi(.|s_t) || pi_ref(.|s_t)] over the whole vocabulary, in nats."""
    values: "Tensor | None" = None
    """(B, T) V(s_t) before each action token."""
    end_values: "Tensor | None" = None
    """(B, E) V at the end of each reply, before the environment answers."""
    seen_logps: "Tensor | None" = None
    """(B, O) log-probability of the tokens that the environment said, by the policy."""
    value_seen_logps: "Tensor | None" = None
    """(B, O) the same by the body of the value network."""
    seen_weight: "Tensor | None" = None
    """(B, O) their shares."""
    answer_weight: "Tensor | None" = None
    """(B, O) shares of the first token of each answer among those; 0 for the others."""


Unit = tuple["Tokens", ...]
"""Episodes that are drawn together."""


class Needs(NamedTuple):
    """What an objective reads or learns beside the policy."""

    value: bool = False
    """A value network, to learn or to learn by."""
    keeps_value: bool = True
    """Whether that value can choose replies; only then it is stored."""
    bounded: bool = False
    """Whether that value is a probability."""
    reference: bool = False
    """What the policy would do had it not been trained."""
    kl: bool = False
    """The exact KL."""
    mismatch: bool = False
    """`View.mismatch`."""
    first_lse: bool = False
    """`View.first_lse`."""


class Objective(ABC):
    """Settings that can be called."""

    @property
    def needs(self) -> Needs:
        """What it asks of the trainer; of a policy's own likelihoods nothing."""
        return Needs()

    def baseline(self, rewards: "Sequence[float]") -> float | None:
        """What stands in for V(s_0), given the rewards of an instance's training episodes."""
        return None

    def units(self, episodes: "Sequence[Tokens]") -> list[Unit]:
        """What of the episodes is learned from, and what of it is drawn together.

        A batch has ``train.batch`` units in random order; those of one unit stay side by side.

        Raises:
            DataError: it cannot learn from any of them.
        """
        return [(episode,) for episode in episodes]

    @abstractmethod
    def __call__(self, view: View) -> Losses:
        """What to minimise, each loss with its gradients already routed."""


OBJECTIVES: Registry[type[Objective]] = Registry(
    "method",
    {
        "sft": "oreo_agent.learn.objectives.sft:Sft",
        "rejection": "oreo_agent.learn.objectives.rejection:Rejection",
        "dpo": "oreo_agent.learn.objectives.dpo:Dpo",
        "kto": "oreo_agent.learn.objectives.kto:Kto",
        "dqo": "oreo_agent.learn.objectives.dqo:Dqo",
        "oreo": "oreo_agent.learn.objectives.oreo:Oreo",
    },
)
