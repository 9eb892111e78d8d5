"""Objectives: how a batch of stored episodes becomes something to minimise.

An objective is a frozen dataclass (its settings) that is called with named tensors. It adds up
*weighted* terms; the weights already hold the normalisation (rule 5), so the losses of the parts
of a batch add up to the loss of the whole, however it is split over micro-batches and processes.

To add one: write a file beside this one, then add its line to `OBJECTIVES`.
"""

from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from oreo_agent.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor


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


class Objective(Protocol):
    """Settings that can be called."""

    uses_value: ClassVar[bool]
    uses_reference: ClassVar[bool]

    @property
    def uses_kl(self) -> bool:
        """Whether it reads the exact KL."""
        ...

    def __call__(self, view: View) -> Losses:
        """What to minimise, each loss with its gradients already routed."""
        ...


OBJECTIVES: Registry[type[Objective]] = Registry(
    "method",
    {
        "sft": "oreo_agent.learn.objectives.sft:Sft",
        "oreo": "oreo_agent.learn.objectives.oreo:Oreo",
    },
)
