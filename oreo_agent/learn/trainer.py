"""The loop: random batches of whole episodes, one objective, two networks, our own steps.

Every random choice follows from the seed, the epoch and the episode, so a run that is killed goes
on from its last checkpoint bit for bit.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from oreo_agent.learn.batch import Batch, Tokens, collate, mismatched, parts
from oreo_agent.learn.checkpoint import load_checkpoint, save_checkpoint
from oreo_agent.learn.data import Data
from oreo_agent.learn.forward import Scores, policy_scores, state_values
from oreo_agent.learn.judging import Judgement, judged
from oreo_agent.learn.metrics import Journal, Means
from oreo_agent.learn.objectives import Objective, Unit, View
from oreo_agent.learn.optimisers import Mover
from oreo_agent.learn.settings import TrainSettings

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """What is trained and what it is compared with."""

    policy: nn.Module
    """`TokenScores` over the policy."""
    value: nn.Module | None
    """`StateValues`, for objectives that learn a value."""
    reference: nn.Module | None
    """`TokenScores` over the frozen reference."""


class Trainer:
    """One run of one objective."""

    def __init__(
        self,
        objective: Objective,
        networks: Networks,
        data: Data,
        settings: TrainSettings,
        folder: Path,
        report: Report,
    ) -> None:
        self.objective, self.data, self.settings = objective, data, settings
        self.report = report
        self.folder = folder
        self.journal = Journal(folder / "metrics.jsonl")
        self.accelerator = Accelerator()
        self.units = objective.units(data.train)
        self.baselines = self._baselines()
        per_epoch = max(1, math.ceil(len(self.units) / settings.batch))
        warm = settings.value_warmup if objective.needs.value else 0.0
        self.warm = math.ceil(warm * per_epoch)
        self.steps = self.warm + math.ceil(settings.epochs * per_epoch)
        device = self.accelerator.device
        self.policy = networks.policy.to(device)
        self.value = networks.value.to(device) if networks.value is not None else None
        self.reference = networks.reference.to(device) if networks.reference is not None else None
        self.movers = {"policy": Mover(self.policy, settings.policy, self.steps - self.warm)}
        self.trained: dict[str, nn.Module] = {"policy": self.policy}
        if self.value is not None and settings.freeze_value:
            self.value.eval().requires_grad_(False)
        elif self.value is not None:
            self.movers["value"] = Mover(self.value, settings.value, self.steps)
            self.trained["value"] = self.value
        for network in self.trained.values():
            network.eval()  # dropout would tell the policy from the reference before it has moved
        self.means = Means()

    def run(self) -> Judgement:
        """Train to the end; what the networks then make of the held-out episodes."""
        torch.set_num_threads(self.settings.threads)
        torch.manual_seed(self.settings.seed)
        start = load_checkpoint(self.folder / "checkpoint", self.trained, self.movers) or 0
        if self.accelerator.is_main_process:
            self.journal.rewind(start)
        clock, tokens = time.monotonic(), 0
        for step in range(start, self.steps):
            tokens += self._step(step)
            done = step + 1
            if done % self.settings.report_every == 0 or done == self.steps:
                speed = tokens / max(1e-9, time.monotonic() - clock)
                self._tell({"step": done, "steps": self.steps, "tokens_per_second": speed})
                clock, tokens = time.monotonic(), 0
            every = self.settings.checkpoint_every
            if every and done % every == 0 and done < self.steps:
                self._save(done)
        judgement = self.judge()
        if judgement.figures:
            self._tell({"step": self.steps, "steps": self.steps, "held_out": judgement.figures})
        return judgement

    def batch(self, step: int) -> list[Unit]:
        """What ``step`` learns from: a slice of its epoch's permutation, relabelled for it."""
        size = self.settings.batch
        per_epoch = max(1, math.ceil(len(self.units) / size))
        epoch, place = divmod(step, per_epoch)
        order = list(range(len(self.units)))
        Random(f"{self.settings.seed}/order/{epoch}").shuffle(order)
        chosen = order[place * size : (place + 1) * size]
        return [tuple(self._renamed(e, epoch) for e in self.units[i]) for i in chosen]

    def _renamed(self, episode: Tokens, epoch: int) -> Tokens:
        if self.data.relabel is None:
            return episode
        rng = Random(f"{self.settings.seed}/relabel/{epoch}/{episode.id}")
        return replace(episode, ids=tuple(self.data.relabel(episode.ids, rng)))

    def _step(self, step: int) -> int:
        units = self.batch(step)
        episodes = [episode for unit in units for episode in unit]
        own = units[self.accelerator.process_index :: self.accelerator.num_processes]
        mismatch = self._mismatch(episodes) if self.objective.needs.mismatch else 0.0
        for part in parts(own, self.settings.micro_tokens):
            self._learn(part, episodes, mismatch=mismatch, warm=step < self.warm)
        for name, mover in self.movers.items():
            if name == "policy" and step < self.warm:
                continue
            self._share(mover)
            norm = mover.step(step - self.warm if name == "policy" else step)
            self.means.add(f"{name}_gradient", norm)
        return sum(len(e.ids) for e in episodes)

    def _collate(self, part: Sequence[Tokens]) -> Batch:
        batch = collate(part, row=self.settings.row, pad=self.data.pad)
        return batch.to(self.accelerator.device)

    @torch.no_grad()
    def _mismatch(self, episodes: Sequence[Tokens]) -> float:
        """Mean log-ratio over the whole batch of openings with other episodes' continuations."""
        spliced = [(episode,) for episode in mismatched(episodes)]
        own = spliced[self.accelerator.process_index :: self.accelerator.num_processes]
        total = torch.zeros((), device=self.accelerator.device, dtype=torch.float64)
        for part in parts(own, self.settings.micro_tokens):
            batch = self._collate(part)
            scores = policy_scores(self.policy, batch, reference=self.reference, kl=False)
            assert scores.ref_logps is not None
            total += (scores.logps - scores.ref_logps).masked_fill(~batch.mask, 0.0).sum()
        whole = cast(Tensor, self.accelerator.reduce(total, reduction="sum"))
        return float(whole) / len(episodes)

    def _baselines(self) -> dict[str, float]:
        """What stands in for V at the first state of each instance, where the objective asks."""
        rewards: dict[str, list[float]] = defaultdict(list)
        for episode in self.data.train:
            due = episode.reward * self.settings.discount ** len(episode.ends)
            rewards[episode.instance].append(due)
        found = {instance: self.objective.baseline(told) for instance, told in rewards.items()}
        return {instance: value for instance, value in found.items() if value is not None}

    def _learn(
        self, part: Sequence[Tokens], whole: Sequence[Tokens], *, mismatch: float, warm: bool
    ) -> None:
        """Add the gradient of one part of a batch."""
        batch = self._collate(part)
        view = self._weights(batch, whole)._replace(mismatch=mismatch)
        if self.baselines:
            told = [self.baselines[episode.instance] for episode in part]
            view = view._replace(baseline=view.reward.new_tensor(told))
        if self.value is not None:
            foresees = self._weighs("value_observations")
            found = state_values(self.value, batch, seen=foresees)
            view = view._replace(
                values=found.before, end_values=found.ends, value_seen_logps=found.seen_logps
            )
        scores = None
        if not warm:
            seen = None
            if self._weighs("observations"):
                seen = batch.seen_mask
            elif self._weighs("answers"):
                seen = batch.answer_mask
            scores = policy_scores(
                self.policy,
                batch,
                reference=self.reference,
                kl=self.objective.needs.kl,
                seen=seen,
                first=self.objective.needs.first_lse,
            )
            view = view._replace(
                logps=scores.logps,
                ref_logps=scores.ref_logps,
                kl=scores.kl,
                seen_logps=scores.seen_logps,
                first_lse=scores.first_lse,
            )
        losses = self.objective(view)
        total = sum(loss for loss in losses if loss is not None)
        assert isinstance(total, Tensor)
        self.accelerator.backward(total)
        self._measure(batch, view, scores, losses.policy, losses.value)

    def _share(self, mover: Mover) -> None:
        """Add up the gradients of all processes: losses are shares of the whole batch already."""
        if self.accelerator.num_processes == 1:
            return
        for weight in mover.weights:
            own = torch.zeros_like(weight) if weight.grad is None else weight.grad
            weight.grad = cast(Tensor, self.accelerator.reduce(own, reduction="sum"))

    def _weighs(self, term: str) -> bool:
        """Whether the objective has such a term, and it counts."""
        return getattr(self.objective, term, 0.0) > 0

    def _weights(self, batch: Batch, whole: Sequence[Tokens]) -> View:
        def share(mask: Tensor, total: int) -> Tensor:
            if self.settings.normalise == "token":
                return mask / max(1, total)
            return mask / mask.sum(1, keepdim=True).clamp(min=1) / len(whole)

        weight = share(batch.mask, actions := sum(len(e.actions) for e in whole))
        by_token = self.settings.normalise == "token"
        each = batch.mask.sum(1) / actions if by_token else weight.new_tensor(1 / len(whole))
        return View(
            reward=batch.reward * self.settings.discount ** batch.end_mask.sum(1),
            share=each.expand(len(weight)),
            mask=batch.mask,
            weight=weight,
            end_action=batch.end_action,
            end_mask=batch.end_mask,
            end_weight=share(batch.end_mask, sum(len(e.ends) for e in whole)),
            seen_weight=share(batch.seen_mask, sum(len(e.ids) - len(e.actions) - 1 for e in whole)),
            answer_weight=share(batch.answer_mask, sum(len(e.answers) for e in whole))
            if self._weighs("answers")
            else None,
        )

    @torch.no_grad()
    def _measure(
        self,
        batch: Batch,
        view: View,
        scores: Scores | None,
        policy_loss: Tensor | None,
        value_loss: Tensor | None,
    ) -> None:
        """Means over the steps since the last report; losses as sums over a step's parts."""
        part = float(view.weight.sum())
        if policy_loss is not None:
            self.means.add("policy_loss", float(policy_loss) / part, part)
        if value_loss is not None:
            self.means.add("value_loss", float(value_loss) / part, part)
        if scores is not None:
            logps = scores.logps
            self.means.add("nll", -float((logps * view.weight).sum()) / part, part)
            self.means.add("data_mass", float((logps.exp() * view.weight).sum()) / part, part)
            if scores.kl is not None:
                self.means.add("kl", float((scores.kl * view.weight).sum()) / part, part)
            if scores.ref_logps is not None:
                total = ((logps - scores.ref_logps) * view.mask).sum(1)
                for name, keep in (("won", batch.reward > 0.5), ("lost", batch.reward <= 0.5)):
                    if bool(keep.any()):
                        self.means.add(f"ratio_{name}", float(total[keep].mean()), int(keep.sum()))
        if view.values is not None:
            first, last = view.values[:, 0], view.values.gather(1, view.mask.sum(1)[:, None] - 1)
            for name, keep in (("won", batch.reward > 0.5), ("lost", batch.reward <= 0.5)):
                if bool(keep.any()):
                    n = int(keep.sum())
                    self.means.add(f"v_first_{name}", float(first[keep].mean()), n)
                    self.means.add(f"v_last_{name}", float(last[keep].mean()), n)

    def judge(self) -> Judgement:
        """On held-out episodes: the policy's likelihood of what was done, and what V knows."""
        return judged(self.policy, self.value, self.data.held_out, self.settings, pad=self.data.pad)

    def _tell(self, row: dict[str, Any]) -> None:
        if self.accelerator.is_main_process:
            row = row | self.means.take()
            self.journal.write(row)
            self.report(row)

    def _save(self, step: int) -> None:
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            save_checkpoint(self.folder / "checkpoint", step, self.trained, self.movers)
