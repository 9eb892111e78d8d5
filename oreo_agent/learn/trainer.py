"""What is learned: random batches of whole episodes, one objective, two networks.

Every random choice follows from the seed, the epoch and the episode, so a run that is killed goes
on from its last checkpoint bit for bit.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from oreo_agent.errors import DataError, SettingError
from oreo_agent.learn.batch import Batch, Tokens, collate, mismatched, parts
from oreo_agent.learn.course import Course, Report
from oreo_agent.learn.data import Data
from oreo_agent.learn.figures import measure
from oreo_agent.learn.forward import Scores, computing, policy_scores, recall, state_values
from oreo_agent.learn.judging import Judgement, judged
from oreo_agent.learn.metrics import Means
from oreo_agent.learn.objectives import Losses, Objective, Unit, View
from oreo_agent.learn.optimisers import Mover
from oreo_agent.learn.processes import accelerator, repeatable
from oreo_agent.learn.reference import Known, looked_up
from oreo_agent.learn.selection import Selection
from oreo_agent.learn.settings import TrainSettings
from oreo_agent.learn.sharding import settle
from oreo_agent.learn.warnings import doubts
from oreo_agent.model.threads import use_threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """What is trained and what it is compared with."""

    policy: nn.Module
    """`TokenScores` over the policy."""
    value: nn.Module | None
    """`StateValues`, for objectives that learn a value."""
    reference: nn.Module | None
    """`ReferenceLogits` of the frozen reference, where it is asked in every step."""
    known: Known | None = None
    """What it says of the episodes, where that was reckoned once."""


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
        self.accelerator = accelerator()
        self.units = objective.units(data.train)
        self.baselines = self._baselines(data.held_out) | self._baselines(data.train)
        self.per_epoch = per_epoch = max(1, math.ceil(len(self.units) / settings.batch))
        warm = settings.value_warmup if objective.needs.value else 0.0
        self.warm = math.ceil(warm * per_epoch)
        self.steps = self.warm + math.ceil(settings.epochs * per_epoch)
        self.policy, self.value = networks.policy, networks.value
        self.reference = networks.reference
        self.spread = settings.shard != "none" and self.accelerator.num_processes > 1
        for network in (self.policy, self.value, self.reference):
            if network is not None:
                settle(network, self.accelerator.device, settings, spread=self.spread)
        self.known = networks.known
        self.movers = {"policy": Mover(self.policy, settings.policy, self.steps - self.warm)}
        self.trained: dict[str, nn.Module] = {"policy": self.policy}
        if self.value is not None and settings.freeze_value:
            self.value.eval().requires_grad_(False)
        elif self.value is not None:
            self.movers["value"] = Mover(self.value, settings.value, self.steps)
            self.trained["value"] = self.value
        self.means = Means()
        self._order: tuple[int, list[int]] = (-1, [])
        by_value = objective.needs.value and objective.needs.keeps_value
        by = "value_residual" if by_value else "policy_loss"
        self.selection = Selection(settings, by=by, warm=self.warm, steps=self.steps)
        self.held_units = self._held_units() if settings.best or settings.patience else []

    def run(self) -> dict[str, Any]:
        """Train to the end, from the last checkpoint on; see `Course.run`."""
        use_threads(self.settings.threads)
        torch.manual_seed(self.settings.seed)
        with repeatable(self.accelerator.device):
            return Course(self, self.folder, self.report).run()

    def batch(self, step: int) -> list[Unit]:
        """What ``step`` learns from: what is drawn for it, relabelled for its epoch."""
        epoch = step // self.per_epoch
        return [tuple(self._renamed(e, epoch) for e in unit) for unit in self.drawn(step)]

    def drawn(self, step: int) -> list[Unit]:
        """A slice of the permutation of the epoch that ``step`` lies in."""
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self._order[0]:  # which takes as long as a small step where episodes are many
            order = list(range(len(self.units)))
            Random(f"{self.settings.seed}/order/{epoch}").shuffle(order)
            self._order = epoch, order
        size = self.settings.batch
        return [self.units[i] for i in self._order[1][place * size : (place + 1) * size]]

    def _renamed(self, episode: Tokens, epoch: int) -> Tokens:
        if self.data.relabel is None:
            return episode
        rng = Random(f"{self.settings.seed}/relabel/{epoch}/{episode.id}")
        return replace(episode, ids=tuple(self.data.relabel(episode.ids, rng)))

    def gradients(self, step: int) -> tuple[int, float]:
        """Put the gradients of ``step`` in place; its tokens, and this process's share of loss."""
        units = self.batch(step)
        episodes = [episode for unit in units for episode in unit]
        mismatch = self._mismatch(episodes) if self.objective.needs.mismatch else 0.0
        loss = 0.0
        own, idle = self._own(units)
        for part in own:
            loss += self._learn(part, episodes, mismatch=mismatch, warm=step < self.warm)
        for part in idle:
            self._learn(part, episodes, mismatch=mismatch, warm=step < self.warm, idle=True)
        for name in self.due(step):
            self._share(self.movers[name])
        return sum(len(e.ids) for e in episodes), loss

    def _own(self, units: Sequence[Unit]) -> tuple[list[list[Tokens]], list[list[Tokens]]]:
        """This process's parts of a batch, and parts to go through for nothing.

        Where weights are spread, all processes have to make as many passes.
        """
        ours = self.accelerator
        mine = units[ours.process_index :: ours.num_processes]
        own = parts(mine, self.settings.micro_tokens)
        if not self.spread:
            return own, []
        count = torch.tensor([len(own)], device=ours.device)
        most = int(cast(Tensor, ours.gather(count)).max())
        shortest = min(units, key=lambda unit: sum(len(e.ids) for e in unit))
        return own, [list(shortest)] * (most - len(own))

    def due(self, step: int) -> dict[str, int]:
        """The networks that ``step`` moves, each with the number of that step in its schedule."""
        begins = {name: self.warm if name == "policy" else 0 for name in self.movers}
        return {name: step - begin for name, begin in begins.items() if step >= begin}

    def collate(self, part: Sequence[Tokens]) -> Batch:
        """A part of a batch as the networks take it."""
        batch = collate(part, packed=self.settings.packed, pad=self.data.pad)
        return batch.to(self.accelerator.device)

    @torch.no_grad()
    def _mismatch(self, episodes: Sequence[Tokens]) -> float:
        """Mean log-ratio over the whole batch of openings with other episodes' continuations."""
        own, idle = self._own([(episode,) for episode in mismatched(episodes)])
        total = torch.zeros((), device=self.accelerator.device, dtype=torch.float64)
        for share, part in [*((1.0, part) for part in own), *((0.0, part) for part in idle)]:
            batch = self.collate(part)
            with computing(self.settings, batch.ids.device):
                scores = policy_scores(self.policy, batch, reference=self.reference, kl=False)
            assert scores.ref_logps is not None
            ratios = (scores.logps - scores.ref_logps).masked_fill(~batch.mask, 0.0)
            total += share * ratios.sum()
        whole = cast(Tensor, self.accelerator.reduce(total, reduction="sum"))
        return float(whole) / len(episodes)

    def _baselines(self, episodes: Sequence[Tokens]) -> dict[str, float]:
        """What stands in for V at the first state of each instance, where the objective asks."""
        rewards: dict[str, list[float]] = defaultdict(list)
        for episode in episodes:
            due = episode.reward * self.settings.discount ** len(episode.ends)
            rewards[episode.instance].append(due)
        found = {instance: self.objective.baseline(told) for instance, told in rewards.items()}
        return {instance: value for instance, value in found.items() if value is not None}

    def _learn(
        self,
        part: Sequence[Tokens],
        whole: Sequence[Tokens],
        *,
        mismatch: float,
        warm: bool,
        idle: bool = False,
    ) -> float:
        """Add the gradient of one part of a batch, times 0 if idle; its loss."""
        with computing(self.settings, self.accelerator.device):
            found = self._losses(part, whole, mismatch=mismatch, warm=warm)
        batch, view, scores, losses = found
        total = 0.0
        for network, loss in zip((self.policy, self.value), losses, strict=True):
            if loss is None:
                continue
            total += float(loss.detach())
            if loss.requires_grad:
                recall(network)
                self.accelerator.backward(0.0 * loss if idle else loss)
        if idle:
            return 0.0
        measure(self.means, batch, view, scores, losses)
        return total

    def _losses(
        self, part: Sequence[Tokens], whole: Sequence[Tokens], *, mismatch: float, warm: bool
    ) -> tuple[Batch, View, Scores | None, Losses]:
        """What the objective makes of one part of a batch, and of what."""
        batch = self.collate(part)
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
                ref_logps=scores.ref_logps
                if self.known is None
                else looked_up(self.known, part, batch),
                kl=scores.kl,
                seen_logps=scores.seen_logps,
                first_lse=scores.first_lse,
            )
        return batch, view, scores, self.objective(view)

    def _share(self, mover: Mover) -> None:
        """Add up the gradients of all processes: losses are shares of the whole batch already."""
        if self.accelerator.num_processes == 1:
            return
        for weight in mover.weights:
            if isinstance(weight, DTensor):
                continue  # was added up on the way back
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

    def judge(self) -> dict[str, Any]:
        """Held-out figures: the policy's likelihood of what was done, and what V knows."""
        found = dict(self.judgement().figures)
        if self.held_units and self.selection.by == "policy_loss":
            found["policy_loss"] = self._held_out_loss()
        return found

    def doubts(self) -> dict[str, str]:
        """What is to be said of the data; without a value nothing rests on it."""
        return {} if self.value is None else doubts(self.data)

    def judgement(self) -> Judgement:
        """What the networks, as they are now, make of the held-out episodes."""
        return judged(
            self.policy,
            self.value,
            self.data.held_out,
            self.settings,
            pad=self.data.pad,
            reference=self.reference,
            known=self.known,
            beta=getattr(self.objective, "beta", 0.0),
            choice=self.data.choice,
        )

    def _held_units(self) -> list[Unit]:
        """What of the held-out episodes the objective has a loss for."""
        if not self.data.held_out:
            raise SettingError(
                "weights cannot be chosen by held-out figures where no instance is held out; "
                "set train.held_out higher, or learn from episodes of more instances"
            )
        try:
            return self.objective.units(self.data.held_out)
        except DataError as error:
            raise DataError(f"of the held-out episodes: {error}, or drop train.best") from error

    @torch.no_grad()
    def _held_out_loss(self) -> float:
        """The policy's loss of all held-out units, as if they were one batch."""
        episodes = [episode for unit in self.held_units for episode in unit]
        mismatch = self._mismatch(episodes) if self.objective.needs.mismatch else 0.0
        total = 0.0
        for part in parts(self.held_units, self.settings.micro_tokens):
            with computing(self.settings, self.accelerator.device):
                losses = self._losses(part, episodes, mismatch=mismatch, warm=False)[-1]
            assert losses.policy is not None
            total += float(losses.policy)
        return total
