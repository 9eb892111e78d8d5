r"""The output layer: what is asked of a policy's distributions, without ever holding them whole.

For N states and a vocabulary of V tokens the logits z = h W^T are N x V numbers, ten times the rest
of a step where V is large. They are made here a block of columns at a time, forward (with a running
log-sum-exp) and again backward, so that no more than a block is ever held. With
p = softmax(z), the reference's logits u = g U^T, l = log p(a) and K = KL[p || softmax(u)]:

    l    = z_a - lse(z)                         dl/dz = onehot(a) - p
    K    = p . (z - u) - lse(z) + lse(u)        dK/dz = p * (log p - log softmax(u) - K)
    H    = lse(z) - p . z                       (without gradient)

A block of columns holds all that dW needs there, so dW is written once, in the weight's own
precision, and only dh is a sum over blocks, in float32 or finer.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


class Logits(NamedTuple):
    """Logits that nobody has made yet: ``hidden @ weight.T``."""

    hidden: Tensor
    """(N, H)"""
    weight: Tensor
    """(V, H)"""


class Chosen(NamedTuple):
    """What is asked of N distributions, each (N,), in nats, float32 or finer."""

    logps: Tensor
    """log p of the chosen tokens."""
    ref_logps: Tensor | None
    """The same by the reference, without gradient."""
    kl: Tensor | None
    """KL[p || reference] over the whole vocabulary."""
    entropy: Tensor
    """Of p, without gradient."""


BLOCK = {"cpu": 2**20, "cuda": 2**25}
"""Elements of a block of logits: on a CPU a block should stay in its caches."""


def choose(
    logits: Logits,
    tokens: Tensor,
    reference: Logits | None = None,
    *,
    kl: bool = True,
    block: int | None = None,
) -> Chosen:
    """Log-probabilities of tokens, the reference's, the exact KL between the two, the entropy.

    Args:
        logits: of the policy; gradients flow to both of its tensors.
        tokens: (N,) ids.
        reference: logits to compare with; no gradient flows to them.
        kl: whether the KL is asked for, where there is a reference.
        block: columns at a time [default: as many as `BLOCK` allows].
    """
    if block is None:
        rows = max(1, len(tokens))
        block = max(256, BLOCK.get(tokens.device.type, 2**25) // rows)
    kind = tokens.device.type
    asked = [*logits, *((None, None) if reference is None else (r.detach() for r in reference))]
    if torch.is_autocast_enabled(kind):
        dtype = torch.get_autocast_dtype(kind)
        asked = [None if one is None else one.to(dtype) for one in asked]
    with torch.autocast(kind, enabled=False):  # forward and backward alike
        hidden, weight, *frozen = asked
        logps, ref_logps, exact, entropy = _Choose.apply(hidden, weight, tokens, *frozen, kl, block)
    return Chosen(logps, ref_logps, exact, entropy)


def log_sum_exp(logits: Logits) -> Tensor:
    """(N,) log-sum-exp of the logits, for few states."""
    return _block(logits.hidden, logits.weight).logsumexp(-1)


def _block(hidden: Tensor, weight: Tensor) -> Tensor:
    """(N, v) logits of a block of the vocabulary, float32 or finer."""
    logits = functional.linear(hidden, weight)
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """(N, v) twice to the (N,) products of their rows."""
    return torch.bmm(first.unsqueeze(1), second.unsqueeze(2)).view(-1)


class _Running:
    """(N,) log-sum-exp of blocks seen so far, and sums weighted by their exponentials."""

    def __init__(self, like: Tensor, sums: int) -> None:
        dtype = torch.promote_types(like.dtype, torch.float32)
        self.top = like.new_full((len(like),), -torch.inf, dtype=dtype)
        self.total = torch.zeros_like(self.top)
        self.sums = [torch.zeros_like(self.top) for _ in range(sums)]

    def add(self, logits: Tensor, *weighted: Tensor) -> None:
        """Take a block in; of the further blocks the means under its distribution are kept."""
        top = torch.maximum(self.top, logits.amax(-1))
        shrink = (self.top - top).exp_()
        mass = (logits - top[:, None]).exp_()
        self.total.mul_(shrink).add_(mass.sum(-1))
        for i, other in enumerate(weighted):
            self.sums[i].mul_(shrink).add_(_dot(mass, other))
        self.top = top

    def lse(self) -> Tensor:
        return self.top + self.total.log()

    def means(self) -> list[Tensor]:
        return [one / self.total for one in self.sums]


class _Choose(torch.autograd.Function):
    """Of (N, H), (V, H), (N,) and the reference's to (N,) four times."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        tokens: Tensor,
        ref_hidden: Tensor | None,
        ref_weight: Tensor | None,
        kl: bool,
        block: int,
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor]:
        exact = kl and ref_hidden is not None
        own = _Running(hidden, 2 if exact else 1)
        other = _Running(hidden, 0)
        logps, ref_logps = torch.zeros_like(own.top), None
        if ref_hidden is not None:
            ref_logps = torch.zeros_like(own.top)
        for begin in range(0, len(weight), block):
            columns = slice(begin, begin + block)
            logits = _block(hidden, weight[columns])
            inside, column = _inside(tokens, begin, logits)
            logps += logits.gather(1, column).view(-1) * inside
            if ref_hidden is None:
                own.add(logits, logits)
                continue
            assert ref_weight is not None
            assert ref_logps is not None
            refs = _block(ref_hidden, ref_weight[columns])
            ref_logps += refs.gather(1, column).view(-1) * inside
            other.add(refs)
            if exact:
                own.add(logits, logits, logits - refs)
            else:
                own.add(logits, logits)
        lse = own.lse()
        logps -= lse
        means = own.means()
        gap = divergence = None
        if ref_logps is not None:
            ref_lse = other.lse()
            ref_logps -= ref_lse
            if exact:
                gap = lse - ref_lse
                divergence = means[1] - gap
        ctx.block = block
        ctx.save_for_backward(hidden, weight, tokens, ref_hidden, ref_weight, lse, gap, divergence)
        entropy = lse - means[0]
        ctx.mark_non_differentiable(entropy, *(() if ref_logps is None else (ref_logps,)))
        return logps, ref_logps, divergence, entropy

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        hidden, weight, tokens, ref_hidden, ref_weight, lse, gap, divergence = ctx.saved_tensors
        of_logps, _, of_kl, _ = grads
        assert of_logps is not None
        to_hidden = torch.zeros_like(hidden, dtype=lse.dtype) if ctx.needs_input_grad[0] else None
        to_weight = torch.empty_like(weight) if ctx.needs_input_grad[1] else None
        for begin in range(0, len(weight), ctx.block):
            columns = slice(begin, begin + ctx.block)
            logits = _block(hidden, weight[columns])
            inside, column = _inside(tokens, begin, logits)
            if gap is not None and of_kl is not None:
                scale = (logits - _block(ref_hidden, ref_weight[columns])).sub_(
                    (gap + divergence)[:, None]
                )
                scale.mul_(of_kl[:, None]).sub_(of_logps[:, None])
                due = logits.sub_(lse[:, None]).exp_().mul_(scale)
            else:
                due = logits.sub_(lse[:, None]).exp_().mul_(-of_logps[:, None])
            due.scatter_add_(1, column, (of_logps * inside)[:, None])
            due = due.to(weight.dtype)
            if to_hidden is not None:
                to_hidden += due @ weight[columns]
            if to_weight is not None:
                torch.mm(due.T, hidden, out=to_weight[columns])
        return None if to_hidden is None else to_hidden.to(hidden.dtype), to_weight, *[None] * 5


def _inside(tokens: Tensor, begin: int, logits: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) 1 where a token lies in the block that begins there, else 0; (N, 1) its column."""
    column = tokens - begin
    inside = (column >= 0) & (column < logits.shape[1])
    return inside.to(logits.dtype), column.clamp(0, logits.shape[1] - 1)[:, None]
