"""What a part of a batch says of the step that it belongs to."""

import torch

from oreo_agent.learn.batch import Batch
from oreo_agent.learn.forward import Scores
from oreo_agent.learn.metrics import Means
from oreo_agent.learn.objectives import Losses, View


@torch.no_grad()
def measure(means: Means, batch: Batch, view: View, scores: Scores | None, losses: Losses) -> None:
    """Add to the means over the steps since the last report; losses as sums over a step's parts."""
    part = float(view.weight.sum())
    if losses.policy is not None:
        means.add("policy_loss", float(losses.policy) / part, part)
    if losses.value is not None:
        means.add("value_loss", float(losses.value) / part, part)
    if scores is not None:
        logps = scores.logps
        means.add("nll", -float((logps * view.weight).sum()) / part, part)
        means.add("data_mass", float((logps.exp() * view.weight).sum()) / part, part)
        means.add("entropy", float((scores.entropy * view.weight).sum()) / part, part)
        if scores.kl is not None:
            means.add("kl", float((scores.kl * view.weight).sum()) / part, part)
        if view.ref_logps is not None:
            total = ((logps - view.ref_logps) * view.mask).sum(1)
            for name, keep in (("won", batch.reward > 0.5), ("lost", batch.reward <= 0.5)):
                if bool(keep.any()):
                    means.add(f"ratio_{name}", float(total[keep].mean()), int(keep.sum()))
    if view.values is not None:
        gap = (view.values - view.reward[:, None]).masked_fill(~view.mask, 0.0)
        means.add("value_mse", float((gap**2 * view.weight).sum()) / part, part)
        first, last = view.values[:, 0], view.values.gather(1, view.mask.sum(1)[:, None] - 1)
        for name, keep in (("won", batch.reward > 0.5), ("lost", batch.reward <= 0.5)):
            if bool(keep.any()):
                n = int(keep.sum())
                means.add(f"v_first_{name}", float(first[keep].mean()), n)
                means.add(f"v_last_{name}", float(last[keep].mean()), n)
