"""Batches through networks: log-probabilities of what was done, exact KL, values.

Logits are asked for at the states before action tokens alone (and before observed tokens, where
those are to be foreseen), never for whole rows, and are made a block at a time.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from oreo_agent.learn.batch import Batch
from oreo_agent.learn.head import Chosen, Logits, choose, log_sum_exp
from oreo_agent.learn.settings import TrainSettings
from oreo_agent.model.adapters import use
from oreo_agent.model.networks import ValueNetwork, body_of, input_weight, output_weight
from oreo_agent.model.packed import attend_packed


class TokenScores(nn.Module):
    """Log-probabilities of chosen tokens, beside a reference's."""

    def __init__(self, policy: PreTrainedModel, adapter: str | None = None) -> None:
        super().__init__()
        self.policy = policy
        self.adapter = adapter

    def weights(self) -> dict[str, nn.Parameter]:
        """What is trained, by name: all of the policy, or its adapter."""
        return _trained(self, self.adapter)

    def recall(self) -> None:
        """Make what a pass went through active again, before its gradients are taken."""
        if self.adapter is not None:
            use(body_of(self.policy), self.adapter)

    def forward(
        self,
        batch: Batch,
        places: Tensor,
        tokens: Tensor,
        *,
        reference: Logits | None = None,
        kl: bool = False,
        others: tuple[Tensor, Tensor] | None = None,
        sums: Tensor | None = None,
    ) -> tuple[Chosen, Tensor | None, Tensor | None]:
        """Of (N,) tokens after (N,) flat places in the rows what `choose` finds.

        Of ``others``, (M,) places and tokens, the (M,) log-probabilities; at the (K,) places
        ``sums`` the (K,) log-sum-exp of the logits.
        """
        self.recall()
        hidden = _hidden(body_of(self.policy), batch)
        weight = output_weight(self.policy)
        chosen = choose(Logits(hidden[places], weight), tokens, reference, kl=kl)
        told = None
        if others is not None:
            told = choose(Logits(hidden[others[0]], weight), others[1]).logps
        lse = None if sums is None else log_sum_exp(Logits(hidden[sums], weight))
        return chosen, told, lse


class ReferenceLogits(nn.Module):
    """What a frozen policy would say: the logits before anybody has made them."""

    def __init__(self, policy: PreTrainedModel, *, bare: bool = False) -> None:
        super().__init__()
        self.policy = policy
        self.bare = bare
        """Whether adapters lie over the policy that are to be passed by."""

    def forward(self, batch: Batch, places: Tensor) -> Logits:
        """At (N,) flat places in the rows."""
        if self.bare:
            use(body_of(self.policy), None)
        hidden = _hidden(body_of(self.policy), batch)
        return Logits(hidden[places], output_weight(self.policy))


class StateValues(nn.Module):
    """V at chosen places, and what its body expects to be told next."""

    def __init__(
        self,
        value: ValueNetwork,
        adapter: str | None = None,
        *,
        head_only: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.value = value
        self.adapter = adapter
        self.head_only = head_only
        """Whether the body is another's and no gradient goes into it."""
        self.dropout = dropout
        """Share of what the head reads that is left out wherever gradients are taken."""

    def weights(self) -> dict[str, nn.Parameter]:
        """What is trained, by name: all of the value, its adapter and head, or its head."""
        if not (self.head_only or self.adapter):
            return _trained(self, None)
        head = {f"value.model.score.{n}": p for n, p in self.value.score.named_parameters()}
        return head if self.head_only else _trained(self, self.adapter) | head

    def recall(self) -> None:
        """Make what a pass went through active again, before its gradients are taken."""
        if self.adapter is not None:
            use(self.value.body, self.adapter)

    def forward(
        self, batch: Batch, places: Tensor, told: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """(N,) values at (N,) flat places; of (M,) other places and tokens the log-probabilities.

        The value has no output layer of its own for tokens: its input table serves.
        """
        self.recall()
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.head_only):
            hidden = _hidden(self.value.body, batch)
        read = hidden[places]
        if self.dropout > 0 and torch.is_grad_enabled():
            read = functional.dropout(read, self.dropout)
        values = self.value.head(read)
        if told is None:
            return values, None
        logits = Logits(hidden[told[0]], input_weight(self.value.body))
        return values, choose(logits, told[1]).logps


def computing(settings: TrainSettings, device: torch.device) -> AbstractContextManager[Any]:
    """What passes are made in: products in bfloat16 where that is asked for."""
    if settings.compute == "dtype":
        return nullcontext()
    return torch.autocast(device.type, getattr(torch, settings.compute))


def trained_weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """What is trained of a network, by name; of one that does not say, all that asks for gradients.

    A tensor that has two names is under the first.
    """
    if isinstance(network, TokenScores | StateValues):
        return network.weights()
    return _trained(network, None)


def recall(network: nn.Module | None) -> None:
    """Before gradients are taken of a pass of ``network``: what it went through is active again.

    Where activations are not kept but made again, the pass is repeated then.
    """
    if isinstance(network, TokenScores | StateValues):
        network.recall()


def _trained(network: nn.Module, adapter: str | None) -> dict[str, nn.Parameter]:
    weights = {n: p for n, p in network.named_parameters() if p.requires_grad}
    if adapter is None:
        return weights
    return {n: p for n, p in weights.items() if ".lora_" in n and f".{adapter}." in n}


def _hidden(body: PreTrainedModel, batch: Batch) -> Tensor:
    """(R * L, H) last hidden states; episodes of a row do not see each other."""
    if batch.packing is None:
        told: dict[str, Any] = {"attention_mask": batch.episode >= 0}
    else:
        attend_packed(body)
        # a mask of four dimensions is taken for a finished one: none is made
        told = {"attention_mask": batch.ids.new_ones(1, 1, 1, 1), "packing": batch.packing}
    out = body(input_ids=batch.ids, position_ids=batch.position, use_cache=False, **told)
    return cast(Tensor, out.last_hidden_state).flatten(0, 1)


class Scores(NamedTuple):
    """Of the policy, beside the reference's where there is one."""

    logps: Tensor
    """(B, T) of the action tokens."""
    entropy: Tensor
    """(B, T) of the policy before each, without gradient."""
    ref_logps: Tensor | None
    """(B, T)"""
    kl: Tensor | None
    """(B, T) exact KL[pi || ref] at the state before each, if asked."""
    seen_logps: Tensor | None
    """(B, O) of the observed tokens that were asked for."""
    first_lse: Tensor | None
    """(B,) log-sum-exp of the policy's logits before the first action token, if asked."""


def policy_scores(
    scores: nn.Module,
    batch: Batch,
    *,
    reference: nn.Module | None = None,
    kl: bool = True,
    seen: Tensor | None = None,
    first: bool = False,
) -> Scores:
    """One pass of the policy, and one of the reference without gradient.

    Args:
        scores: `TokenScores` of the policy.
        batch: episodes.
        reference: `ReferenceLogits` to compare with.
        kl: whether to reckon the exact KL between the two.
        seen: (B, O) bool, True on the observed tokens whose log-probabilities are asked for.
        first: whether to reckon the log-sum-exp at the first states.
    """
    mask, acted = batch.mask, batch.state[batch.mask]
    ref = None
    if reference is not None:
        with torch.no_grad():
            ref = reference(batch, acted)
    chosen, told, first_lse = scores(
        batch,
        acted,
        batch.action[mask],
        reference=ref,
        kl=kl,
        others=None if seen is None else (batch.seen_state[seen], batch.seen[seen]),
        sums=batch.state[:, 0] if first else None,
    )
    return Scores(
        logps=spread(chosen.logps, mask),
        entropy=spread(chosen.entropy, mask),
        ref_logps=None if chosen.ref_logps is None else spread(chosen.ref_logps, mask),
        kl=None if chosen.kl is None else spread(chosen.kl, mask),
        seen_logps=None if seen is None else spread(told, seen),
        first_lse=first_lse,
    )


class Values(NamedTuple):
    """Of the value network."""

    before: Tensor
    """(B, T) V before each action token."""
    ends: Tensor
    """(B, E) V at the end of each reply."""
    seen_logps: Tensor | None
    """(B, O) log-probability of the observed tokens, if asked."""


def state_values(values: nn.Module, batch: Batch, *, seen: bool = False) -> Values:
    """One pass of the value network."""
    before, after, seen_mask = batch.state[batch.mask], batch.end[batch.end_mask], batch.seen_mask
    told = (batch.seen_state[seen_mask], batch.seen[seen_mask]) if seen else None
    both, logps = values(batch, torch.cat([before, after]), told)
    return Values(
        spread(both[: len(before)], batch.mask),
        spread(both[len(before) :], batch.end_mask),
        None if logps is None else spread(logps, seen_mask),
    )


def spread(flat: Tensor, mask: Tensor) -> Tensor:
    """(N,) numbers to where (B, T) ``mask`` is True, zeros elsewhere."""
    return torch.zeros(mask.shape, dtype=flat.dtype, device=flat.device).masked_scatter(mask, flat)
