r"""Train OREO in one file: the objective written out, two networks and a plain loop.

    python examples/oreo_minimal.py

The prompt is a digit, and the right reply is the next two: "3" wants "4 5", which has reward 1; any
other reply has 0. The data holds every reply to every digit with its reward. In such a small world
the optimum under a KL penalty toward the reference is known in closed form,

    V*(s) = beta log E_ref[exp(R / beta) | s],   pi*(a|s) = ref(a|s) exp((V*(s a) - V*(s)) / beta)

and the script prints the learned values beside it. It uses torch and transformers, and nothing of
oreo_agent; `oreo` below has the same losses and gradients as the library's objective.
"""

import argparse
import copy
from itertools import product

import torch
from torch import Tensor
from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3ForTokenClassification

DIGITS = 6
BEGIN = DIGITS
"""Stands first: attention alone cannot tell "3" from "3 3", as means of like vectors are alike."""
BETA, ALPHA = 0.2, 0.0001


def oreo(
    logits: Tensor,
    ref_logits: Tensor,
    values: Tensor,
    end_value: Tensor,
    actions: Tensor,
    mask: Tensor,
    reward: Tensor,
    *,
    beta: float = BETA,
    alpha: float = ALPHA,
) -> tuple[Tensor, Tensor]:
    """Losses of policy and value (arXiv:2412.16145, eq. 9 and 8) at the level of tokens.

    Args:
        logits: (B, T, V) the policy's before each of T action tokens.
        ref_logits: (B, T, V) the reference's, without gradient.
        values: (B, T) V before each action token.
        end_value: (B,) V behind the last one, which best-of-K reads.
        actions: (B, T) the tokens that were chosen.
        mask: (B, T) bool, False where an episode has fewer.
        reward: (B,) in [0, 1].
        beta: pull toward the reference, in reward units per nat.
        alpha: weight of the exact KL.
    """
    logps, ref_logps = logits.log_softmax(-1), ref_logits.log_softmax(-1)
    ratio = (logps - ref_logps).gather(-1, actions[..., None]).squeeze(-1)
    ratio = ratio.masked_fill(~mask, 0.0)  # log pi/pi_ref of what was done
    kl = (logps.exp() * (logps - ref_logps)).sum(-1)
    onward = ratio.detach().flip(1).cumsum(1).flip(1)  # sg[sum_{i>=t}]

    def mean(x: Tensor) -> Tensor:
        """Over an episode's tokens, then over episodes."""
        return (x.masked_fill(~mask, 0.0).sum(1) / mask.sum(1)).mean()

    gap = values - reward[:, None] + beta * onward
    value_loss = mean(gap**2) + ((end_value - reward) ** 2).mean()
    # the same gap, but a number, and with the gradient of this token's own ratio
    policy_gap = gap.detach() + beta * (ratio - ratio.detach())
    return mean(policy_gap**2) + alpha * mean(kl), value_loss


def networks(seed: int) -> tuple[Qwen3ForCausalLM, Qwen3ForTokenClassification]:
    """A small policy, and a value over a copy of its body that begins as zero."""
    config = Qwen3Config(
        vocab_size=DIGITS + 1, hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, head_dim=32, intermediate_size=128, num_labels=1,
        initializer_range=0.1, classifier_dropout=0.0,
    )  # fmt: skip
    torch.manual_seed(seed)
    policy, value = Qwen3ForCausalLM(config), Qwen3ForTokenClassification(config)
    value.model.load_state_dict(policy.model.state_dict())
    for weight in value.score.parameters():
        torch.nn.init.zeros_(weight)
    return policy.eval(), value.eval()


def data() -> tuple[Tensor, Tensor]:
    """(216, 4) `BEGIN`, a digit and any reply of two, all that there are; their (216,) rewards."""
    episodes = torch.tensor([(BEGIN, *said) for said in product(range(DIGITS), repeat=3)])
    wanted = (episodes[:, 1:2] + torch.tensor([1, 2])) % DIGITS
    return episodes, (episodes[:, 2:] == wanted).all(1).float()


def acting(policy: Qwen3ForCausalLM, episodes: Tensor) -> Tensor:
    """(B, 2, 6) logits before the two tokens of the reply, which are digits."""
    return policy(input_ids=episodes).logits[:, 1:3, :DIGITS]


@torch.no_grad()
def optimum(reference: Qwen3ForCausalLM, episodes: Tensor, reward: Tensor) -> tuple[Tensor, Tensor]:
    """V* of the (6,) digits, and of the (6, 6) digits with the first of the reply behind them."""
    taken = episodes[:, 2:, None]
    logps = acting(reference, episodes).log_softmax(-1).gather(-1, taken).squeeze(-1)
    first, second = (logps[:, t].view(DIGITS, DIGITS, DIGITS) for t in (0, 1))
    after = (reward.view_as(second) / BETA + second).logsumexp(-1)
    before = (after + first[..., 0]).logsumexp(-1)
    return BETA * before, BETA * after


def train(steps: int, seed: int = 0) -> dict[str, float]:
    """Learn; the figures at the end."""
    policy, value = networks(seed)
    reference = copy.deepcopy(policy).requires_grad_(False)
    episodes, reward = data()
    actions, mask = episodes[:, 2:], torch.ones(len(episodes), 2, dtype=torch.bool)
    both = torch.optim.AdamW([*policy.parameters(), *value.parameters()], lr=2e-3, weight_decay=0.0)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(both, steps)
    ref_logits = acting(reference, episodes)
    for step in range(steps):
        logits = acting(policy, episodes)
        values = value(input_ids=episodes).logits.squeeze(-1)
        losses = oreo(logits, ref_logits, values[:, 1:3], values[:, 3], actions, mask, reward)
        both.zero_grad()
        sum(losses).backward()  # each has gradients in its own network only
        both.step()
        rates.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:4}  policy {losses[0]:.5f}  value {losses[1]:.5f}")
    best_before, best_after = optimum(reference, episodes, reward)
    with torch.no_grad():
        values = value(input_ids=episodes).logits.view(DIGITS, DIGITS, DIGITS, 4)
        logits = acting(policy, episodes)
    before, after = values[:, 0, 0, 1], values[:, :, 0, 2]
    chances = [
        float(each.log_softmax(-1).gather(-1, actions[..., None]).sum((1, 2)).exp() @ reward)
        for each in (ref_logits, logits)
    ]
    digit = 3
    for told, found, best in (
        (f'"{digit}"', before[digit], best_before[digit]),
        (f'"{digit} 4"', after[digit, 4], best_after[digit, 4]),
        (f'"{digit} 5"', after[digit, 5], best_after[digit, 5]),
    ):
        print(f"V({told}) = {found:.3f}, at best {best:.3f}")
    start, end = (chance / DIGITS for chance in chances)
    print(f"right replies: {start:.1%} by the reference, {end:.1%} by the policy")
    worst = max((before - best_before).abs().max(), (after - best_after).abs().max())
    return {"right_at_first": start, "right": end, "worst_error_of_v": float(worst)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--steps", type=int, default=400, help="training steps [default: %(default)s]"
    )
    print(train(parser.parse_args().steps))
