"""Attention within episodes that lie end to end in one row.

Everything in a transformer but attention looks at one token at a time, so a row of several episodes
costs no padding. Attention alone must keep them apart. It gathers episodes of like lengths into
small batches, each padded on the right, where a causal mask is all that is needed: what pads comes
after everything that is read. So no episode sees another, and none pays for the square of a row.
A beginning that all episodes share lies in the row once and is read by each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from oreo_agent.errors import SettingError

NAME = "oreo_packed"
SLACK = 0.8
"""A batch holds episodes of at least so much of its longest one's length."""


@dataclass(frozen=True, slots=True)
class Packing:
    """Which tokens of a row belong together."""

    groups: tuple[Tensor, ...]
    """(n, L) places in the row, each line an episode from its beginning; behind its end any."""
    back: Tensor
    """(T,) where each token of the row lies among all lines of all groups, one after another."""

    @classmethod
    def of(cls, lengths: Sequence[int], *, shared: int = 0) -> "Packing":
        """For episodes of these lengths that fill a row in their order.

        Args:
            lengths: of whole episodes.
            shared: how many tokens all of them begin with, which lie at the row's beginning.
        """
        starts = [shared]
        for length in lengths:
            starts.append(starts[-1] + length - shared)
        order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
        lines: list[list[int]] = []
        for i in order:
            if not lines or lengths[i] < SLACK * lengths[lines[-1][0]]:
                lines.append([])
            lines[-1].append(i)
        groups: list[Tensor] = []
        back = torch.empty(starts[-1], dtype=torch.long)
        offset = 0
        for line in lines:
            longest = lengths[line[0]]
            place = torch.arange(longest)
            first = torch.tensor([starts[i] for i in line])[:, None]
            size = torch.tensor([lengths[i] for i in line])[:, None]
            own = first + torch.minimum(place, size - 1) - shared
            groups.append(torch.where(place < shared, place, own))
            for k, i in enumerate(line):
                begin = offset + k * longest
                back[:shared] = torch.arange(begin, begin + shared)  # alike in all of them
                own = torch.arange(begin + shared, begin + lengths[i])
                back[starts[i] : starts[i + 1]] = own
            offset += len(line) * longest
        return cls(tuple(groups), back)

    def to(self, device: torch.device | str) -> "Packing":
        """The same on another device."""
        return Packing(tuple(g.to(device) for g in self.groups), self.back.to(device))


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packing: Packing | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, Tensor | None]:
    """Causal attention within the episodes of a row, in the form in which transformers calls it.

    Args:
        module: the layer.
        query: (R, heads, T, D)
        key: (R, heads or fewer, T, D)
        value: like ``key``.
        attention_mask: used without ``packing`` alone.
        packing: of the only row; without it this is transformers' ordinary attention.
        scaling: of the products [default: D ** -0.5].
        sliding_window: how many tokens back a token sees, itself included.
        **others: what else transformers passes.

    Returns:
        (R, T, heads, D), and no weights.
    """
    if packing is None:
        return sdpa_attention_forward(
            module,
            query,
            key,
            value,
            attention_mask,
            scaling=scaling,
            sliding_window=sliding_window,
            **others,
        )
    shared = query.shape[1] // key.shape[1]

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """(n, L, heads, D) three times to the same."""
        q, k, v = (one.transpose(1, 2) for one in (q, k, v))
        if shared > 1:
            k, v = (one.repeat_interleave(shared, dim=1) for one in (k, v))
        mask = None
        if sliding_window is not None and sliding_window < q.shape[2]:
            place = torch.arange(q.shape[2], device=q.device)
            back = place[:, None] - place
            mask = (back >= 0) & (back < sliding_window)
        out = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, scale=scaling
        )
        return out.transpose(1, 2)

    q, k, v = (one[0].transpose(0, 1) for one in (query, key, value))
    lines = [attend(q[g], k[g], v[g]).flatten(0, 1) for g in packing.groups]
    return torch.cat(lines)[packing.back][None], None


def attend_packed(model: PreTrainedModel) -> None:
    """Let ``model`` read packed rows from here on; all else it does as before.

    Raises:
        SettingError: its code does not let attention be replaced, or caps its logits.
    """
    config = model.config
    if _chosen(config):
        return
    reason = ""
    if getattr(config, "attn_logit_softcapping", None) is not None:
        reason = "cap the logits of their attention"
    else:
        try:
            model.set_attn_implementation(NAME)
        except ValueError as error:
            reason = f"do not let their attention be replaced ({error})"
    if not reason and not _chosen(config):
        reason = "do not let their attention be replaced"
    if reason:
        raise SettingError(
            f"models of type {config.model_type!r} {reason}; give each episode a row of its own "
            "with train.packed=false"
        )


def _chosen(config: Any) -> bool:
    return config._attn_implementation == NAME


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
