"""The output layer in blocks says and learns what whole distributions would."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from oreo_agent.learn.head import Chosen, Logits, choose, log_sum_exp


def made(
    rows: int, columns: int, seed: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[Logits, Tensor, Logits]:
    """A policy, tokens and a reference, all of width 6."""
    rng = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64).to(dtype)

    policy = Logits(some(rows, 6).requires_grad_(), some(columns, 6).requires_grad_())
    tokens = torch.randint(0, columns, (rows,), generator=rng)
    return policy, tokens, Logits(some(rows, 6), some(columns, 6))


def plain(policy: Logits, tokens: Tensor, reference: Logits) -> Chosen:
    """The same by whole distributions."""
    full = (policy.hidden @ policy.weight.T).log_softmax(-1)
    ref = (reference.hidden @ reference.weight.T).log_softmax(-1)
    return Chosen(
        full.gather(1, tokens[:, None]).squeeze(1),
        ref.gather(1, tokens[:, None]).squeeze(1),
        (full.exp() * (full - ref)).sum(-1),
        -(full.exp() * full).sum(-1).detach(),
    )


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(0, 7),
    columns=st.integers(1, 40),
    block=st.integers(1, 45),
    seed=st.integers(0, 99),
)
def test_blocks_of_any_width_give_what_whole_distributions_give(
    rows: int, columns: int, block: int, seed: int
):
    policy, tokens, reference = made(rows, columns, seed)
    found = choose(policy, tokens, reference, block=block)
    wanted = plain(policy, tokens, reference)
    for name, ours, theirs in zip(Chosen._fields, found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-12, msg=name)
    weights = torch.linspace(-1, 2, rows, dtype=torch.float64)

    def gradients(chosen: Chosen) -> tuple[Tensor, ...]:
        assert chosen.kl is not None
        loss = (weights * chosen.logps + weights**2 * chosen.kl).sum()
        return torch.autograd.grad(loss, policy)

    torch.testing.assert_close(gradients(found), gradients(wanted), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("block", [4, 64])
@pytest.mark.parametrize("kl", [True, False])
def test_the_gradients_are_those_of_the_figures(block: int, kl: bool):
    policy, tokens, reference = made(5, 11)

    def figures(hidden: Tensor, weight: Tensor) -> Any:
        found = choose(Logits(hidden, weight), tokens, reference, kl=kl, block=block)
        return (found.logps, found.kl) if kl else found.logps

    assert torch.autograd.gradcheck(figures, tuple(policy))


def test_without_a_reference_there_is_nothing_to_compare_with():
    policy, tokens, reference = made(3, 8)
    found = choose(policy, tokens)
    assert found.kl is None
    assert found.ref_logps is None
    assert choose(policy, tokens, reference, kl=False).kl is None


def test_no_gradient_reaches_the_reference_or_comes_from_the_entropy():
    policy, tokens, reference = made(3, 8)
    asking = Logits(reference.hidden.requires_grad_(), reference.weight.requires_grad_())
    found = choose(policy, tokens, asking)
    assert found.kl is not None
    assert found.ref_logps is not None
    assert not found.entropy.requires_grad
    assert not found.ref_logps.requires_grad
    found.kl.sum().backward()
    assert asking.hidden.grad is None
    assert asking.weight.grad is None


def test_a_frozen_output_layer_gets_no_gradient():
    policy, tokens, _ = made(3, 8)
    choose(Logits(policy.hidden, policy.weight.detach()), tokens).logps.sum().backward()
    assert policy.hidden.grad is not None
    assert policy.weight.grad is None


def test_a_policy_that_is_its_reference_is_exactly_there():
    policy, tokens, _ = made(64, 1000, dtype=torch.float32)
    found = choose(policy, tokens, Logits(policy.hidden, policy.weight), block=64)
    assert found.kl is not None
    assert found.ref_logps is not None
    assert (found.logps == found.ref_logps).all()
    assert (found.kl == 0).all()


def test_half_precision_is_reckoned_in_full():
    policy, tokens, reference = made(16, 300, dtype=torch.bfloat16)
    found = choose(policy, tokens, reference, block=64)
    exact = [Logits(*(one.detach().double() for one in logits)) for logits in (policy, reference)]
    wanted = plain(exact[0], tokens, exact[1])
    assert found.logps.dtype == torch.float32
    torch.testing.assert_close(found.logps.double(), wanted.logps, atol=0.05, rtol=0.02)
    found.logps.sum().backward()
    assert policy.weight.grad is not None
    assert policy.weight.grad.dtype == torch.bfloat16


def test_far_away_logits_do_not_overflow():
    policy, tokens, reference = made(4, 30)
    with torch.no_grad():
        policy.weight[::2] *= 300
        policy.weight[1::2] -= 300
    found = choose(policy, tokens, reference, block=3)
    wanted = plain(policy, tokens, reference)
    torch.testing.assert_close(found.kl, wanted.kl, rtol=1e-12, atol=1e-12)
    (by_blocks,) = torch.autograd.grad(found.logps.sum(), [policy.hidden])
    (whole,) = torch.autograd.grad(wanted.logps.sum(), [policy.hidden])
    torch.testing.assert_close(by_blocks, whole, rtol=1e-10, atol=1e-10)


class Largest(TorchDispatchMode):
    """Notes how large a tensor is that anybody makes."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(one, Tensor):
                self.elements = max(self.elements, one.numel())
        return made


def test_the_distributions_are_never_held_whole():
    policy, tokens, reference = made(500, 4000, dtype=torch.float32)
    with Largest() as largest:
        found = choose(policy, tokens, reference, block=100)
        assert found.kl is not None
        (found.logps + found.kl).sum().backward()
    assert largest.elements == 500 * 100


def test_the_log_sum_exp_of_few_states():
    policy, _, _ = made(3, 8)
    wanted = (policy.hidden @ policy.weight.T).logsumexp(-1)
    torch.testing.assert_close(log_sum_exp(policy), wanted)
