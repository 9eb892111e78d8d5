"""OREO's promises: the paper's equations on worked numbers, closed-form soft MDPs, gradients."""

from itertools import accumulate, pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from oreo_agent.errors import DataError
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.objectives import View
from oreo_agent.learn.objectives.dqo import Dqo
from oreo_agent.learn.objectives.oreo import Oreo

RATIOS, VALUES = (0.5, -1.0, 0.25), (0.6, 0.4, 0.8)


def view(
    ratios: Tensor, values: Tensor, rewards: Tensor, *, mask: Tensor | None = None, kl: float = 0.0
) -> View:
    """Episodes without replies' ends, weighted by episode."""
    mask = torch.ones_like(ratios, dtype=torch.bool) if mask is None else mask
    none = torch.zeros(len(ratios), 1, dtype=torch.long)
    return View(
        reward=rewards,
        share=torch.full_like(rewards, 1 / len(mask)),
        mask=mask,
        weight=mask / mask.sum(1, keepdim=True) / len(mask),
        end_action=none,
        end_mask=none.bool(),
        end_weight=none.to(values.dtype),
        logps=ratios,
        ref_logps=torch.zeros_like(ratios).detach(),
        kl=torch.full_like(ratios, kl),
        values=values,
        end_values=torch.zeros(none.shape, dtype=values.dtype),
    )


def test_the_worked_example_of_three_tokens_comes_out_digit_for_digit():
    ratios = torch.tensor([RATIOS], dtype=torch.float64, requires_grad=True)
    values = torch.tensor([VALUES], dtype=torch.float64, requires_grad=True)
    losses = Oreo(beta=0.1, alpha=0.0)(view(ratios, values, torch.ones(1, dtype=torch.float64)))
    assert losses.value.item() == pytest.approx(0.6668750 / 3)
    assert losses.policy.item() == pytest.approx(0.6668750 / 3)
    (pull,) = torch.autograd.grad(losses.policy, ratios)
    torch.testing.assert_close(
        pull, torch.tensor([[-0.02833333, -0.045, -0.01166667]], dtype=torch.float64)
    )
    (lift,) = torch.autograd.grad(losses.value, values)
    torch.testing.assert_close(
        lift, torch.tensor([[-0.28333333, -0.45, -0.11666667]], dtype=torch.float64)
    )


def test_each_loss_trains_its_own_side_alone():
    ratios = torch.randn(3, 4, requires_grad=True)
    values = torch.randn(3, 4, requires_grad=True)
    losses = Oreo()(view(ratios, values, torch.ones(3)))
    for loss, other in ((losses.value, ratios), (losses.policy, values)):
        grads = torch.autograd.grad(loss, other, retain_graph=True, allow_unused=True)
        assert grads[0] is None


def test_both_losses_vanish_where_the_soft_bellman_equation_holds():
    ratios = torch.randn(3, 5, dtype=torch.float64)
    rewards = torch.rand(3, dtype=torch.float64)
    onward = ratios.flip(1).cumsum(1).flip(1)
    losses = Oreo(beta=0.5, alpha=0)(view(ratios, rewards[:, None] - 0.5 * onward, rewards))
    assert losses.value.item() == pytest.approx(0, abs=1e-20)
    assert losses.policy.item() == pytest.approx(0, abs=1e-20)


def test_what_stands_in_the_padding_is_never_read():
    mask = torch.arange(5) < torch.tensor([[2], [5], [1]])
    ratios, values = torch.randn(3, 5), torch.randn(3, 5)
    clean = Oreo()(view(ratios, values, torch.ones(3), mask=mask, kl=0.3))
    dirty = Oreo()(
        view(
            ratios.masked_fill(~mask, torch.nan),
            values.masked_fill(~mask, torch.nan),
            torch.ones(3),
            mask=mask,
            kl=0.3,
        )
    )
    torch.testing.assert_close(dirty, clean)


def test_at_the_start_the_value_is_pulled_to_the_reward_at_both_of_its_places():
    start = view(torch.zeros(1, 3), torch.zeros(1, 3), torch.ones(1))._replace(
        end_values=torch.tensor([[0.25]]),
        end_action=torch.tensor([[3]]),
        end_mask=torch.tensor([[True]]),
        end_weight=torch.ones(1, 1),
    )
    assert Oreo().__call__(start).value.item() == pytest.approx(1 + 0.75**2)
    # value warm-up: no policy yet, the same value loss
    assert Oreo()(start._replace(logps=None)).value.item() == pytest.approx(1 + 0.75**2)


def test_the_end_of_a_reply_answers_for_the_log_ratios_that_are_still_to_come():
    ratios = torch.tensor([RATIOS])
    base = view(ratios, torch.tensor([VALUES]), torch.ones(1))
    ends = base._replace(
        end_action=torch.tensor([[2, 3]]),  # after two actions, after all three
        end_mask=torch.tensor([[True, True]]),
        end_weight=torch.full((1, 2), 0.5),
        end_values=torch.tensor([[1 - 0.1 * 0.25, 1.0]]),
    )
    alone = Oreo(beta=0.1)(base).value
    torch.testing.assert_close(Oreo(beta=0.1)(ends).value, alone)


def solve(
    beta: float, alpha: float, shares: tuple[float, ...], level: str = "token"
) -> tuple[Tensor, Tensor]:
    """Train tables on the tree of depth two: (V at root, a, b) and pi(a|.) at the three states."""
    torch.manual_seed(0)
    logits = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    table = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    # paths aa, ab, ba, bb: states on the way, actions taken, reward
    states = torch.tensor([[0, 1], [0, 1], [0, 2], [0, 2]])
    actions = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    rewards = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)
    weight = torch.tensor(shares, dtype=torch.float64)[:, None].expand(-1, 2) / 2
    steps = 600 if level == "response" else 300
    optimiser = torch.optim.Adam([logits, table], lr=0.1, betas=(0.9, 0.95))
    decay = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: max(1e-4, (1 - step / steps) ** 2)
    )
    paths = turns(torch.zeros(4, 2), torch.zeros(4, 2), rewards, [[1, 2]] * 4)
    paths = paths._replace(weight=weight, share=weight.sum(1), end_weight=weight, end_values=None)
    for _ in range(steps):
        full = torch.log_softmax(logits, -1)
        ratio = full[states, actions] + torch.log(torch.tensor(2.0, dtype=torch.float64))
        kl = (full.exp() * (full + torch.log(torch.tensor(2.0)))).sum(-1)[states]
        facts = paths._replace(
            logps=ratio, ref_logps=torch.zeros_like(ratio), kl=kl, values=table[states]
        )
        losses = Oreo(beta=beta, alpha=alpha, level=level)(facts)
        optimiser.zero_grad()
        (losses.policy + losses.value).backward()
        optimiser.step()
        decay.step()
    return table.detach(), torch.softmax(logits.detach(), -1)[:, 0]


@pytest.mark.parametrize(
    ("level", "shares"),
    [
        ("token", (0.25,) * 4),
        ("token", (0.05, 0.05, 0.6, 0.3)),
        ("step", (0.05, 0.05, 0.6, 0.3)),
        ("response", (0.25,) * 4),
    ],
)
@pytest.mark.parametrize(
    ("beta", "root", "inner", "first", "second"),
    [
        (1.0, 0.357374, 0.620115, 0.650245, 0.731059),
        (0.5, 0.477229, 0.716890, 0.807490, 0.880797),
    ],
)
def test_the_learner_reaches_the_exact_solution_of_the_soft_mdp(
    beta: float,
    root: float,
    inner: float,
    first: float,
    second: float,
    shares: tuple[float, ...],
    level: str,
):
    values, policy = solve(beta, 0.0, shares, level)
    expected = torch.tensor([root, inner, 0.0], dtype=torch.float64)
    torch.testing.assert_close(values, expected, atol=1e-4, rtol=0)
    likely = torch.tensor([first, second, 0.5], dtype=torch.float64)
    torch.testing.assert_close(policy, likely, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("beta", "root", "inner", "first", "second"),
    [(0.5, 0.4719, 0.7137, 0.8037, 0.8790), (1.0, 0.3564, 0.6192, 0.6494, 0.7303)],
)
def test_the_kl_term_shifts_the_solution_by_what_theory_says(
    beta: float, root: float, inner: float, first: float, second: float
):
    values, policy = solve(beta, 0.01, (0.25,) * 4)
    assert values[:2].tolist() == pytest.approx([root, inner], abs=2e-4)
    assert policy[:2].tolist() == pytest.approx([first, second], abs=2e-4)


def test_foreseeing_what_is_observed_trains_either_network_by_its_own_likelihood_alone():
    seen, theirs = (torch.full((1, 2), -0.5, requires_grad=True) for _ in range(2))
    base = view(torch.zeros(1, 3), torch.ones(1, 3), torch.ones(1))._replace(
        seen_logps=seen,
        value_seen_logps=theirs,
        seen_weight=torch.tensor([[0.5, 0.5]]),
        answer_weight=torch.tensor([[1.0, 0.0]]),
    )
    losses = Oreo(observations=0.2, value_observations=0.4)(base)
    assert losses.policy.item() == pytest.approx(0.2 * 0.5)
    assert losses.value.item() == pytest.approx(0.4 * 0.5)
    first = Oreo(answers=0.3)(base._replace(seen_logps=torch.tensor([[-0.5, -9.0]])))
    assert first.policy.item() == pytest.approx(0.3 * 0.5)
    losses.value.backward()
    assert seen.grad is None
    assert theirs.grad is not None


def test_the_end_of_a_reply_may_look_ahead_to_the_state_after_the_answer():
    ratios = torch.zeros(2, 4)
    values = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 9.0, 9.0]], requires_grad=True)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    ends = torch.zeros(2, 2, requires_grad=True)
    seen = view(ratios, values, torch.tensor([1.0, 0.0]), mask=mask)._replace(
        end_action=torch.tensor([[2, 4], [2, 0]]),
        end_mask=torch.tensor([[True, True], [True, False]]),
        end_weight=torch.tensor([[0.25, 0.25], [0.5, 0.0]]),
        end_values=ends,
    )
    plain, ahead = (Oreo(lookahead=share)(seen).value for share in (0.0, 0.5))
    assert (plain - ahead).item() == pytest.approx(0.25 * (1 - 0.65**2))
    (lift,) = torch.autograd.grad(ahead, values, retain_graph=True)
    (same,) = torch.autograd.grad(plain, values)
    torch.testing.assert_close(lift, same)  # what it looks ahead to is not moved by it
    (pull,) = torch.autograd.grad(ahead, ends)
    torch.testing.assert_close(pull, torch.tensor([[-2 * 0.25 * 0.65, -0.5], [0.0, 0.0]]))


@pytest.mark.parametrize("lookahead", [0.0, 0.9])
def test_the_end_of_the_last_reply_may_count_for_more_than_all_others(lookahead: float):
    ends = torch.tensor([[0.9, 0.3, 0.7], [0.4, 0.9, 0.9]], dtype=torch.float64, requires_grad=True)
    told = turns(
        torch.randn(2, 6, dtype=torch.float64),
        torch.randn(2, 6, dtype=torch.float64),
        torch.tensor([1.0, 0.0], dtype=torch.float64),
        [[1, 3, 6], [2]],
    )._replace(end_values=ends, share=torch.tensor([0.75, 0.25], dtype=torch.float64))
    plain, more = (
        Oreo(last_weight=weight, lookahead=lookahead)(told).value for weight in (0.0, 2.0)
    )
    # what the outcome is missed by where the solution is whole, each episode by its share
    assert (more - plain).item() == pytest.approx(2 * (0.75 * 0.3**2 + 0.25 * 0.4**2))
    (pull,), (usual,) = (torch.autograd.grad(loss, ends) for loss in (more, plain))
    gained = torch.tensor([[0, 0, -4 * 0.75 * 0.3], [4 * 0.25 * 0.4, 0, 0]], dtype=torch.float64)
    torch.testing.assert_close(pull - usual, gained)
    alone = Oreo(last_weight=2.0, end_weight=0.0, lookahead=lookahead)(told).value
    none = Oreo(end_weight=0.0, lookahead=lookahead)(told).value
    torch.testing.assert_close(alone - none, more - plain)


def turns(ratios: Tensor, values: Tensor, rewards: Tensor, counts: list[list[int]]) -> View:
    """Episodes whose replies end after so many action tokens."""
    width = max(map(len, counts))
    mask = torch.tensor([[t < line[-1] for t in range(ratios.shape[1])] for line in counts])
    end_mask = torch.tensor([[k < len(line) for k in range(width)] for line in counts])
    return view(ratios, values, rewards, mask=mask)._replace(
        end_action=torch.tensor([line + [0] * (width - len(line)) for line in counts]),
        end_mask=end_mask,
        end_weight=end_mask / end_mask.sum(1, keepdim=True) / len(counts),
        end_values=torch.zeros(end_mask.shape, dtype=values.dtype),
    )


def test_without_lambda_each_token_answers_to_the_next_value_alone():
    ratios = torch.tensor([RATIOS], dtype=torch.float64, requires_grad=True)
    values = torch.tensor([VALUES], dtype=torch.float64)
    each = turns(ratios, values, torch.ones(1, dtype=torch.float64), [[1, 2, 3]])
    # TD(0) of the worked example, whose V after the end is 0: there R = 1 is met by the last alone
    loss = Oreo(beta=0.1, alpha=0.0, lam=0.0)(each).policy
    (pull,) = torch.autograd.grad(loss, ratios)
    residuals = (0.25, -0.5, -0.175)
    assert loss.item() == pytest.approx(sum(r * r for r in residuals) / 3)
    assert pull[0].tolist() == pytest.approx([2 * 0.1 * r / 3 for r in residuals])


def test_a_step_answers_for_all_of_its_tokens_and_a_response_for_all_of_its_steps():
    ratios = torch.tensor([RATIOS], dtype=torch.float64, requires_grad=True)
    values = torch.tensor([VALUES], dtype=torch.float64, requires_grad=True)
    steps = turns(ratios, values, torch.ones(1, dtype=torch.float64), [[2, 3]])
    # residuals at the two states in which steps begin: .6 - 1 + .1 * (.5 - 1 + .25), .8 - 1 + .025
    first, second = -0.425, -0.175
    for level, loss, pull in (
        ("step", (first**2 + second**2) / 2, (first, first, second)),
        ("response", first**2, (2 * first,) * 3),
    ):
        found = Oreo(beta=0.1, alpha=0.0, level=level, end_weight=0.0)(steps)
        assert found.policy.item() == pytest.approx(loss)
        (gradient,) = torch.autograd.grad(found.policy, ratios)
        assert gradient[0].tolist() == pytest.approx([0.1 * x for x in pull])
        (lift,) = torch.autograd.grad(found.value, values)
        if level == "step":  # V stands where steps begin; a response's V before each token
            assert lift[0].tolist() == pytest.approx([first, 0, second])
        else:
            assert lift[0].tolist() == pytest.approx([-0.28333333, -0.45, -0.11666667])


def test_other_baselines_stand_where_the_learned_value_of_the_first_state_stood():
    ratios = torch.tensor([RATIOS], dtype=torch.float64)
    told = turns(ratios, torch.tensor([VALUES]), torch.ones(1, dtype=torch.float64), [[2, 3]])
    lse = torch.tensor([4.0], dtype=torch.float64, requires_grad=True)
    facts = told._replace(baseline=torch.tensor([0.7]), first_lse=lse, values=None)
    for value, start in (("group-mean", 0.7), ("group-soft-mean", 0.7), ("logsumexp", 0.4)):
        objective = Oreo(beta=0.1, alpha=0.0, level="response", value=value)
        found = objective(facts)
        assert not objective.needs.value
        assert found.value is None
        assert found.policy.item() == pytest.approx((start - 1 - 0.025) ** 2)
    found.policy.backward()  # the policy's own V moves with it
    assert lse.grad.item() == pytest.approx(2 * 0.1 * (0.4 - 1 - 0.025))


def test_a_value_of_the_first_state_is_trained_there_alone():
    ratios = torch.tensor([RATIOS], dtype=torch.float64)
    values = torch.tensor([VALUES], dtype=torch.float64, requires_grad=True)
    told = turns(ratios, values, torch.ones(1, dtype=torch.float64), [[2, 3]])
    found = Oreo(beta=0.1, alpha=0.0, level="response", value="first")(told)
    (lift,) = torch.autograd.grad(found.value, values)
    assert lift[0].tolist() == pytest.approx([2 * -0.425, 0, 0])
    assert found.policy.item() == found.value.item()


@pytest.mark.parametrize("capped", [False, True])
def test_dqo_with_whole_returns_is_oreo_at_each_token_without_the_kl(capped: bool):
    torch.manual_seed(0)
    ratios, values, ends = torch.randn(3, 3, 5, dtype=torch.float64).requires_grad_()
    told = turns(ratios, values, torch.rand(3, dtype=torch.float64), [[2, 5], [1, 2, 3], [4]])
    told = told._replace(end_values=ends[:, :3])
    counts = torch.ones(3, dtype=torch.float64)
    if capped:
        counts = (ratios * told.mask).sum(1).exp().clamp(max=1.5).detach()
        assert counts.min() < counts.max()
    weighed = told._replace(
        weight=told.weight * counts[:, None], end_weight=told.end_weight * counts[:, None]
    )
    oreo = Oreo(beta=0.1, alpha=0.0)(weighed)
    dqo = Dqo(beta=0.1, cap=1.5 * capped)(told)
    torch.testing.assert_close(dqo, oreo)
    for mine, theirs, source in (
        (dqo.policy, oreo.policy, ratios),
        (dqo.value, oreo.value, values),
    ):
        (pull,), (same,) = (torch.autograd.grad(loss, source) for loss in (mine, theirs))
        torch.testing.assert_close(pull, same)


def test_dqo_without_lambda_answers_to_the_next_token_alone():
    ratios = torch.tensor([[*RATIOS, 9.0]], dtype=torch.float64)
    values = torch.tensor([[*VALUES, 9.0]], dtype=torch.float64)
    told = turns(ratios, values, torch.ones(1, dtype=torch.float64), [[3]])
    loss = Dqo(beta=0.1, lam=0.0, cap=0.0, end_weight=0.0)(told)
    expected = sum(r * r for r in (0.25, -0.5, -0.175)) / 3
    assert loss.policy.item() == loss.value.item() == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.sampled_from([0.001, 0.03, 1.0]))
def test_a_soft_mean_lies_between_the_mean_and_the_best(rewards: list[float], beta: float):
    soft, mean = (
        Oreo(beta=beta, level="response", value=value).baseline(rewards)
        for value in ("group-soft-mean", "group-mean")
    )
    assert mean == pytest.approx(sum(rewards) / len(rewards))
    assert mean - 1e-9 <= soft <= max(rewards) + 1e-9
    assert Oreo().baseline(rewards) is None


def test_a_group_of_one_is_no_group():
    alone, again = (
        Tokens(id=name, instance=name[0], ids=(0, 1), actions=(1,), ends=(1,), reward=1.0)
        for name in ("a", "ab")
    )
    grouped = Oreo(level="response", value="group-mean")
    with pytest.raises(DataError, match="--repeats"):
        grouped.units([alone])
    assert grouped.units([alone, again]) == Oreo().units([alone, again]) == [(alone,), (again,)]


@given(st.data())
def test_steps_of_one_token_are_tokens(data: st.DataObject):
    torch.manual_seed(data.draw(st.integers(0, 99)))
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    counts = [list(range(1, n + 1)) for n in lengths]
    ratios, values = torch.randn(2, len(counts), max(lengths), dtype=torch.float64)
    ratios.requires_grad_()
    told = turns(ratios, values, torch.rand(len(counts), dtype=torch.float64), counts)
    lam = data.draw(st.sampled_from([1.0, 0.4]))
    token, step = (Oreo(level=level, lam=lam)(told) for level in ("token", "step"))
    torch.testing.assert_close(step, token)
    for loss in (token.policy, step.policy):
        loss.backward()
    doubled = ratios.grad.clone()
    ratios.grad = None
    Oreo(level="token", lam=lam)(told).policy.backward()
    torch.testing.assert_close(doubled, 2 * ratios.grad)


def test_the_estimate_of_the_kl_is_that_of_the_worked_numbers():
    logits = torch.tensor([0.2, 0.0, -0.3], dtype=torch.float64)
    logps = torch.log_softmax(logits, 0)[None]
    told = view(logps, torch.zeros(1, 3), torch.zeros(1))
    uniform = torch.full((1, 3), 1 / 3, dtype=torch.float64).log()
    facts = told._replace(ref_logps=uniform, kl=None)
    with_it, without = (Oreo(alpha=alpha, kl="k3")(facts).policy for alpha in (1.0, 0.0))
    assert (with_it - without).item() == pytest.approx((0.0210934 + 0.00008 + 0.045533) / 3, 1e-5)


@given(st.data())
def test_lambda_returns_are_what_their_recursion_says(data: st.DataObject):
    lengths = data.draw(
        st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=4), min_size=1, max_size=3)
    )
    lam = data.draw(st.sampled_from([0.0, 0.3, 0.9]))
    counts = [list(accumulate(line)) for line in lengths]
    width = max(line[-1] for line in counts)
    torch.manual_seed(data.draw(st.integers(0, 99)))
    ratios, values = torch.randn(2, len(counts), width, dtype=torch.float64)
    rewards = torch.rand(len(counts), dtype=torch.float64)
    loss = Oreo(beta=0.1, alpha=0.0, lam=lam)(turns(ratios, values, rewards, counts)).policy
    expected = 0.0
    for line, ratio, v, reward in zip(counts, ratios, values, rewards, strict=True):
        onward, terms = reward, []
        for k in reversed(range(len(line))):
            if k + 1 < len(line):  # what follows the answer, or V of the state that has seen it
                onward = (1 - lam) * v[line[k]] + lam * onward
            for t in reversed(range(line[k - 1] if k else 0, line[k])):
                onward = onward - 0.1 * ratio[t]
                terms.append((v[t] - onward) ** 2)
        expected += sum(terms) / len(terms) / len(counts)
    assert loss.item() == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("beta", 0.0),
        ("alpha", -1.0),
        ("end_weight", -0.1),
        ("last_weight", -1.0),
        ("lookahead", 1.1),
        ("lam", -0.1),
    ],
)
def test_settings_out_of_range_are_refused(field: str, value: float):
    with pytest.raises(ValueError, match=field):
        Oreo(**{field: value})


@pytest.mark.parametrize("other", [{}, {"level": "step"}, {"level": "response", "lam": 0.5}])
def test_a_value_of_the_first_state_alone_asks_for_whole_responses(other: dict[str, Any]):
    with pytest.raises(ValueError, match="level to 'response'"):
        Oreo(value="group-mean", **other)


def test_the_rates_of_a_schedule_never_jump_up_after_the_rise():
    from oreo_agent.learn.optimisers import rate_share
    from oreo_agent.learn.settings import OptimiserSettings

    for schedule in ("cosine", "trapezoid"):
        shares = [rate_share(OptimiserSettings(schedule=schedule), i, 200) for i in range(200)]
        assert max(shares) == 1.0
        assert all(a >= b for a, b in pairwise(shares[6:]))


def test_cross_entropy_pulls_v_to_its_target_where_that_is_a_probability():
    """At V = p its gradient is (p - t) / (p (1 - p))."""
    p = torch.tensor([[0.3, 0.6]], dtype=torch.float64, requires_grad=True)
    seen = view(torch.zeros_like(p).detach(), p, torch.ones(1, dtype=torch.float64))
    loss = Oreo(value_loss="bce", end_weight=0.0)(seen).value
    assert loss is not None
    assert float(loss.detach()) == pytest.approx(-float(p.detach().log().mean()))
    (gradient,) = torch.autograd.grad(loss, [p])
    torch.testing.assert_close(gradient, ((p - 1) / (p * (1 - p)) / 2).detach())


def test_a_target_outside_of_probabilities_is_cut():
    p, lost = torch.tensor([[0.3, 0.6]]), torch.zeros(1)
    objective = Oreo(value_loss="bce", end_weight=0.0, beta=1.0)
    far = objective(view(torch.tensor([[0.0, 5.0]]), p, lost)).value
    near = objective(view(torch.zeros(1, 2), p, lost)).value
    assert far == near
    assert far is not None
    assert float(far) > 0


@pytest.mark.parametrize(
    ("beta", "alpha", "value", "good", "unseen"),
    [(0.5, 0.01, 0.775, None, None), (0.1, 0.01, 0.958, 0.51, 0.49), (0.1, 0.0, 0.891, 0.995, 0.0)],
)
def test_the_kl_decides_about_actions_that_the_data_does_not_hold(
    beta: float, alpha: float, value: float, good: float | None, unseen: float | None
):
    """One state, three actions, a uniform reference; the data holds one that wins, one that loses.

    Zero loss leaves V and the unseen action open; the KL gives it the mean log-ratio of the others.
    """
    torch.manual_seed(0)
    logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    state = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([logits, state], lr=0.05, betas=(0.9, 0.95))
    steps = 1500
    decay = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: max(1e-4, (1 - s / steps) ** 2))
    rewards = torch.tensor([0.0, 1.0], dtype=torch.float64)
    uniform = torch.log(torch.tensor(3.0, dtype=torch.float64))
    for _ in range(steps):
        full = logits.log_softmax(-1) + uniform
        kl = (logits.softmax(-1) * full).sum()
        facts = view(full[:2, None], state.expand(2, 1), rewards)._replace(kl=kl.expand(2, 1))
        losses = Oreo(beta=beta, alpha=alpha)(facts)
        optimiser.zero_grad()
        (losses.policy + losses.value).backward()
        optimiser.step()
        decay.step()
    chances = logits.detach().softmax(-1)
    lowest = beta * float(torch.log((torch.exp(rewards / beta)).sum() / 3))
    assert float(state.detach()) >= lowest - 1e-3
    assert float(state.detach()) == pytest.approx(value, abs=2e-3)
    if good is not None:
        assert chances[1:].tolist() == pytest.approx([good, unseen], abs=0.015)
    if alpha > 0:
        ratios = chances.log() + uniform
        seen = (chances[:2] * ratios[:2]).sum() / chances[:2].sum()
        assert float(ratios[2]) == pytest.approx(float(seen), abs=0.02)
