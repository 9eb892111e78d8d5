"""What a policy and a value make of episodes that they did not learn from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from oreo_agent.errors import BundleError, DataError, RecordError, SettingError
from oreo_agent.learn.batch import Tokens, collate, parts
from oreo_agent.learn.calibrating import ValuedEpisode, calibrate
from oreo_agent.learn.data import counts, held_out, read_episodes, within
from oreo_agent.learn.forward import (
    StateValues,
    TokenScores,
    computing,
    policy_scores,
    state_values,
)
from oreo_agent.learn.metrics import Means, pair_figures, value_figures
from oreo_agent.learn.processes import accelerator
from oreo_agent.learn.ranking import State, parted, ranking_figures, weigh
from oreo_agent.learn.reference import Known, looked_up
from oreo_agent.learn.settings import TrainSettings, setting_apart
from oreo_agent.learn.solutions import choice_figures, crossed, mixed, solutions
from oreo_agent.model.bundle import amend, read_card
from oreo_agent.model.calibration import Calibration
from oreo_agent.model.networks import ValueNetwork, load_policy
from oreo_agent.model.threads import use_threads
from oreo_agent.model.trust import AMONG_REPLIES, Choice, Trust, usual_choice


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What networks make of episodes that they did not learn from."""

    figures: dict[str, Any]
    valued: Sequence[ValuedEpisode] | None = None
    """None without a value, or without episodes."""
    states: Sequence[State] = ()
    """Those in which the episodes part, or problems with more than one solution."""
    source: str = ""
    """Where the episodes are from, for people."""
    choice: Choice = AMONG_REPLIES
    """What is chosen among in the states, and by what."""

    @cached_property
    def calibration(self) -> Calibration | None:
        """None without a value, or without episodes."""
        return None if self.valued is None else calibrate(self.valued, self.source)

    @cached_property
    def trust(self) -> Trust | None:
        """Likewise."""
        return None if self.valued is None else weigh(self.states, self.source, self.choice)


def judge_bundle(
    bundle: Path,
    stores: Sequence[Path],
    *,
    only_held_out: bool = False,
    write: bool = False,
    threads: int = 1,
    weight: float | None = None,
) -> tuple[Judgement, dict[str, Any]]:
    """What a bundle makes of stored episodes, whoever played them.

    It is fair on instances that the bundle has not been trained on.

    Args:
        bundle: has a value.
        stores: in the bundle's prompt format; branches among them tell most of how V chooses, of
            problems several solutions of each.
        only_held_out: leave out all instances but those that the bundle's own training held out
            (or would have: they are known by their names).
        write: put calibration and trust into the bundle, in the place of those that are there;
            without a state in which replies could be compared its trust stays.
        threads: of the CPU.
        weight: times the log-probability of a reply, added to V after it wherever replies are
            compared; None is that of `usual_choice`.

    Returns:
        The judgement, and what is known of the episodes.

    Raises:
        BundleError: there is no bundle, or it has no value, or it cannot be written.
        DataError: the stores hold nothing to judge by.
        RecordError: the stores do not fit each other, or not the bundle.
        SettingError: the weight is not finite, or the bundle was trained on these very episodes,
            which is no evidence to keep.
    """
    card = read_card(bundle)
    choice = usual_choice(card.prompt)
    if weight is not None:
        if not math.isfinite(weight):
            raise SettingError(f"--weight is a finite number, got {weight}")
        choice = choice._replace(weight=weight, open=False)
    if not card.has_value:
        raise BundleError(f"{bundle} has no value to judge; train one with --method oreo")
    trained: dict[str, Any] = card.settings["train"]
    settings = TrainSettings(
        discount=trained.get("discount", 1.0), packed=trained.get("packed", True)
    )
    episodes, _, facts = read_episodes(stores, settings)
    if card.tokenizer != facts["tokenizer"]:
        raise RecordError(
            f"the episodes hold ids of tokenizer {facts['tokenizer']!r} and {bundle} reads "
            f"{card.tokenizer!r}; name stores of its own prompt format"
        )
    episodes, facts = within(episodes, facts, card.max_context)
    if only_held_out:
        episodes, facts = _held_out(episodes, facts, trained)
    elif write and facts["fingerprint"] == card.data.get("fingerprint"):
        raise SettingError(
            f"{bundle} was trained on these very episodes, on which it looks better than it is; "
            "add --held-out, or name a store of other instances"
        )
    use_threads(threads)
    device = accelerator().device
    policy = TokenScores(load_policy(bundle / "policy")).to(device).eval()
    value = StateValues(ValueNetwork.load(bundle / "value")).to(device).eval()
    names = ", ".join(store.name for store in stores)
    source = f"{'held out of ' if only_held_out else ''}{names} ({facts['fingerprint']})"
    judgement = judged(policy, value, episodes, settings, source=source, choice=choice)
    if write:
        seen = judgement.trust is not None and judgement.trust.states
        amend(bundle, judgement.calibration, judgement.trust if seen else card.trust)
    return judgement, facts


@torch.no_grad()
def judged(
    policy: nn.Module,
    value: nn.Module | None,
    episodes: Sequence[Tokens],
    settings: TrainSettings,
    *,
    pad: int = 0,
    source: str = "held out of its training",
    reference: nn.Module | None = None,
    known: Known | None = None,
    beta: float = 0.0,
    choice: Choice = AMONG_REPLIES,
) -> Judgement:
    """The policy's likelihood of what was done, and what V knows.

    Args:
        policy: `TokenScores`.
        value: `StateValues`, if there is one.
        episodes: any; without one there are no figures.
        settings: whether rows are packed, and the value's discount.
        pad: token that fills the rows.
        source: where the episodes are from, for people.
        reference: `ReferenceLogits` of what the policy started from.
        known: what it says of the episodes, in its place.
        beta: pull toward it, in reward units per nat.
        choice: what is compared by V, and with what beside it; where its weight is open, with the
            one that is found on these episodes (`crossed`).

    Returns:
        With figures ``nll``, in nats a token; with a value those of `value_figures`, where an
        instance was won and lost those of `pair_figures`, where episodes part those of
        `ranking_figures`, and of whole solutions those of `choice_figures`; with a reference too
        ``value_residual``, see `residuals`.
    """
    means = Means()
    before: list[list[float]] = []
    ends: list[list[float]] = []
    seen: list[list[float]] = []
    said: list[list[float]] = []
    device = accelerator().device
    for part in parts(((e,) for e in episodes), settings.micro_tokens):
        batch = collate(part, packed=settings.packed, pad=pad).to(device)
        beside = reference if value is not None else None
        with computing(settings, device):
            scores = policy_scores(policy, batch, reference=beside, kl=False)
        means.add("nll", -float(scores.logps[batch.mask].mean()), int(batch.mask.sum()))
        if value is None:
            continue
        with computing(settings, device):
            values, after, _ = state_values(value, batch)
        ref_logps = scores.ref_logps if known is None else looked_up(known, part, batch)
        if ref_logps is not None:
            ratio = scores.logps - ref_logps
            reward = batch.reward * settings.discount ** batch.end_mask.sum(1)
            left = residuals(values, ratio, reward, batch.mask, beta)
            count = batch.mask.sum(1) if settings.normalise == "token" else torch.ones_like(left)
            means.add(
                "value_residual", float((left * count).sum() / count.sum()), float(count.sum())
            )
        next_values = torch.cat([values, torch.zeros_like(values[:, :1])], 1)
        next_values = next_values.gather(1, batch.end_action)
        over = batch.end_action >= batch.mask.sum(1, keepdim=True)
        upto = scores.logps.cumsum(1).gather(1, (batch.end_action - 1).clamp(min=0))
        before += _lines(values, batch.mask)
        ends += _lines(after, batch.end_mask)
        seen += _lines(torch.where(over, after, next_values), batch.end_mask)
        said += [
            line[kept].diff(prepend=line.new_zeros(1)).tolist()
            for line, kept in zip(upto, batch.end_mask, strict=True)
        ]
    figures: dict[str, Any] = means.take()
    if value is None or not episodes:
        return Judgement(figures=figures)
    figures |= value_figures(before, ends, [e.reward for e in episodes], settings.discount)
    figures |= pair_figures(
        [episode.instance for episode in episodes],
        [episode.won for episode in episodes],
        [line[-1] for line in ends],
        [sum(line) for line in said],
    )
    whole: list[State] = []
    if choice.whole:
        whole, choice = _judged_whole(solutions(episodes, ends, said), choice)
    scores = [
        [after + choice.weight * logp for after, logp in zip(line, logps, strict=True)]
        for line, logps in zip(ends, said, strict=True)
    ]
    states = parted(episodes, scores, seen, said)
    figures |= ranking_figures(states)
    if choice.whole:
        states = whole
        figures |= choice_figures(whole)
        figures |= {"logp_weight": choice.weight} if whole else {}
    valued = [
        ValuedEpisode(
            instance=episode.instance,
            won=episode.won,
            begins=[first[0], *answered[:-1]],
            ends=at_ends,
            lent=episode.lent or 0,
        )
        for episode, first, at_ends, answered in zip(episodes, before, ends, seen, strict=True)
    ]
    return Judgement(
        figures=figures,
        valued=valued,
        states=states,
        source=source,
        choice=choice,
    )


def _judged_whole(problems: Sequence[State], choice: Choice) -> tuple[list[State], Choice]:
    """Problems at the weight of the choice, or at the one that they ask for where it is open."""
    if not choice.open:
        return mixed(problems, choice.weight), choice
    judged, weight = crossed(problems)
    return judged, choice._replace(weight=weight, open=False)


def _held_out(
    episodes: Sequence[Tokens], facts: Mapping[str, Any], trained: Mapping[str, Any]
) -> tuple[list[Tokens], dict[str, Any]]:
    """Those of instances that a run with these settings holds out, and the facts of them."""
    run = setting_apart(trained)
    kept = [episode for episode in episodes if held_out(episode.instance, run)]
    if not kept:
        raise DataError(
            f"none of the {len(episodes)} episodes is of an instance that the bundle's training "
            f"(seed {run.seed}, train.held_out {run.held_out:g}) held out; judge it on a split "
            "that it was not trained on, without --held-out"
        )
    return kept, {**facts, **counts(kept)}


def residuals(values: Tensor, ratio: Tensor, reward: Tensor, mask: Tensor, beta: float) -> Tensor:
    """(B,) 1/T sum_t (V(s_t) - R + beta * sum_{i>=t} l_i)^2 (arXiv:2412.16145, eq. 8).

    What V misses its target by, at the policy as it is. The residual in the policy's loss (eq. 9,
    less its KL) is the same number.

    Args:
        values: (B, T) V(s_t), in reward units.
        ratio: (B, T) l_t = log pi/pi_ref(a_t|s_t), in nats.
        reward: (B,) R.
        mask: (B, T) bool, True on action tokens.
        beta: in reward units per nat.
    """
    ratio = ratio.masked_fill(~mask, 0.0)
    onward = ratio.flip(1).cumsum(1).flip(1)
    gap = (values - reward[:, None] + beta * onward).masked_fill(~mask, 0.0)
    return gap.square().sum(1) / mask.sum(1)


def _lines(table: Tensor, mask: Tensor) -> list[list[float]]:
    """The numbers of each row that the mask keeps."""
    return [line[kept].tolist() for line, kept in zip(table, mask, strict=True)]
