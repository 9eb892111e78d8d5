"""Batches through networks: log-probabilities of what was done, exact KL, values.

Logits are made only where they are asked for: at the states before action tokens (and, for SFT
with observations, before observed tokens), never for whole rows.
"""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from oreo_agent.learn.batch import Batch
from oreo_agent.model.networks import ValueNetwork, input_weight, output_weight, packed_mask


class TokenScores(nn.Module):
    """Log-probabilities over the vocabulary at chosen places."""

    def __init__(self, policy: PreTrainedModel) -> None:
        super().__init__()
        self.policy = policy

    def forward(
        self, batch: Batch, places: Tensor, sums: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """(N,) flat places in the rows to (N, V) log-probabilities, float32 or finer.

        At (M,) others the (M,) log-sum-exp of the logits, if asked.
        """
        hidden = _hidden(self.policy.base_model, batch)
        weight = output_weight(self.policy)
        full = _log_softmax(hidden[places], weight)
        return full, None if sums is None else _logits(hidden[sums], weight).logsumexp(-1)


class StateValues(nn.Module):
    """V at chosen places, and what its body expects to be told next."""

    def __init__(self, value: ValueNetwork) -> None:
        super().__init__()
        self.value = value

    def forward(
        self, batch: Batch, places: Tensor, seen: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """(N,) flat places in the rows to (N,) values, (M,) others to (M, V) log-probabilities.

        The value has no output layer of its own for tokens: its input table serves.
        """
        hidden = _hidden(self.value.body, batch)
        values = self.value.head(hidden[places])
        if seen is None:
            return values, None
        return values, _log_softmax(hidden[seen], input_weight(self.value.body))


def _log_softmax(hidden: Tensor, weight: Tensor) -> Tensor:
    """(N, H) hidden states to (N, V) log-probabilities, float32 or finer."""
    return functional.log_softmax(_logits(hidden, weight), dim=-1)


def _logits(hidden: Tensor, weight: Tensor) -> Tensor:
    """(N, H) hidden states to (N, V) logits, float32 or finer."""
    logits = functional.linear(hidden, weight)
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _hidden(body: nn.Module, batch: Batch) -> Tensor:
    """(R * L, H) last hidden states; episodes of a row do not see each other."""
    out = body(
        input_ids=batch.ids,
        attention_mask=packed_mask(batch.episode, batch.position),
        position_ids=batch.position,
        use_cache=False,
    )
    return cast(Tensor, out.last_hidden_state).flatten(0, 1)


class Scores(NamedTuple):
    """Of the policy, beside the reference's where there is one."""

    logps: Tensor
    """(B, T) of the action tokens."""
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
        reference: `TokenScores` to compare with.
        kl: whether to reckon the exact KL between the two.
        seen: (B, O) bool, True on the observed tokens whose log-probabilities are asked for.
        first: whether to reckon the log-sum-exp at the first states.
    """
    acted = batch.state[batch.mask]
    observed = batch.seen_state[seen] if seen is not None else acted[:0]
    begin = batch.state[:, 0] if first else None
    both, first_lse = scores(batch, torch.cat([acted, observed]), begin)
    full, rest = both[: len(acted)], both[len(acted) :]
    seen_logps = None
    if seen is not None:
        seen_logps = _spread(rest.gather(1, batch.seen[seen][:, None]).squeeze(1), seen)
    tokens = batch.action[batch.mask][:, None]
    logps = _spread(full.gather(1, tokens).squeeze(1), batch.mask)
    if reference is None:
        return Scores(logps, None, None, seen_logps, first_lse)
    with torch.no_grad():
        ref, _ = reference(batch, acted)
    exact = _spread((full.exp() * (full - ref)).sum(-1), batch.mask) if kl else None
    ref_logps = _spread(ref.gather(1, tokens).squeeze(1), batch.mask)
    return Scores(logps, ref_logps, exact, seen_logps, first_lse)


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
    before, after = batch.state[batch.mask], batch.end[batch.end_mask]
    observed = batch.seen_state[batch.seen_mask] if seen else None
    both, full = values(batch, torch.cat([before, after]), observed)
    seen_logps = None
    if full is not None:
        chosen = full.gather(1, batch.seen[batch.seen_mask][:, None]).squeeze(1)
        seen_logps = _spread(chosen, batch.seen_mask)
    return Values(
        _spread(both[: len(before)], batch.mask),
        _spread(both[len(before) :], batch.end_mask),
        seen_logps,
    )


def _spread(flat: Tensor, mask: Tensor) -> Tensor:
    """(N,) numbers to where (B, T) ``mask`` is True, zeros elsewhere."""
    return torch.zeros(mask.shape, dtype=flat.dtype, device=flat.device).masked_scatter(mask, flat)
