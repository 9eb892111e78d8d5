"""The networks of a run, laid out: what is a model of its own, what an adapter over another.

However they are laid out, before the first update policy and reference are the same function and
the value is a constant (rule 6), so all modes begin with the same losses.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from oreo_agent.errors import SettingError
from oreo_agent.learn.data import Data
from oreo_agent.learn.forward import ReferenceLogits, StateValues, TokenScores
from oreo_agent.learn.objectives import Needs
from oreo_agent.learn.reference import known_logps
from oreo_agent.learn.settings import TrainSettings
from oreo_agent.learn.trainer import Networks
from oreo_agent.model.adapters import adapt, merged
from oreo_agent.model.networks import ValueNetwork, body_of, factor, unfactor
from oreo_agent.model.packed import attend_packed

POLICY, VALUE = "policy", "value"
"""Names of adapters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """Networks for a trainer, and how they are written out plain."""

    networks: Networks
    policy: PreTrainedModel
    value: ValueNetwork | None
    policy_adapter: str | None
    value_adapter: str | None

    @property
    def models(self) -> list[nn.Module]:
        """Policy and, if there is one, value."""
        return [self.policy, *([] if self.value is None else [self.value])]

    def save(self, folder: Path, *, with_value: bool) -> None:
        """Write ``policy/``, and ``value/`` if asked, as models that need nothing of the others."""
        unfactor(self.policy)
        state = merged(self.policy, self.policy_adapter)
        self.policy.save_pretrained(folder / "policy", state_dict=state)
        if with_value and self.value is not None:
            unfactor(self.value.model)
            self.value.save(folder / "value", adapter=self.value_adapter)


def lay(
    policy: PreTrainedModel,
    value: ValueNetwork | None,
    needs: Needs,
    data: Data,
    settings: TrainSettings,
    *,
    factors: Sequence[tuple[int, int]] | None,
    weights: str | None,
    other: PreTrainedModel | None = None,
) -> Laid:
    """Everything at its place before the first step; the reference is the policy as it is now.

    Args:
        policy: to train.
        value: that the bundle brought along, if any.
        needs: of the objective.
        data: what is learned and judged from; the value starts at its rate of success.
        settings: of the run; ``networks`` says how they are laid out.
        factors: of the embedding, see `factor`.
        weights: equal exactly for the same reference, for the reference's cache; None: nothing is
            learned, so what the reference says is not reckoned.
        other: a model to be the reference in the policy's place.

    Raises:
        SettingError: the mode does not fit the objective, the bundle or the model.
    """
    mode = settings.networks
    _refuse(value, needs, settings)
    if settings.packed:
        attend_packed(policy)
    base = _base(policy, needs, mode)
    if not needs.value:
        value = None
    elif value is None:
        due = sum(e.reward * settings.discount ** len(e.ends) for e in data.train)
        body = policy if base is None else base
        value = ValueNetwork.of_policy(
            body,
            start=due / len(data.train),
            shared=mode != "full",
            bounded=needs.bounded,
        )
    of_policy = POLICY if mode == "shared" else None
    of_value = VALUE if value is not None and mode in ("shared", "value-lora") else None
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)  # all processes begin with the same adapters
        for name in (of_policy, of_value):
            if base is not None and name is not None:
                adapt(body_of(base), name, rank=settings.lora.rank, alpha=settings.lora.alpha)
    if factors is not None and of_policy is None:
        factor(policy, factors)
        if value is not None and mode == "full" and not settings.freeze_value:
            factor(value.model, factors)
    scores = TokenScores(policy, of_policy)
    reference = known = None
    if needs.reference and (needs.kl or needs.mismatch or data.relabel is not None):
        if other is None and base is not None:
            reference = ReferenceLogits(base, bare=True).eval()
        else:
            frozen = (other or copy.deepcopy(policy)).requires_grad_(False)
            reference = ReferenceLogits(frozen).eval()
    elif needs.reference and weights is not None:
        everything = [*data.train, *data.held_out]
        asked = scores if other is None else TokenScores(other).eval()
        known = known_logps(asked, everything, settings, weights=weights, pad=data.pad)
    elif needs.reference:
        known = {}
    judge = (
        None
        if value is None
        else StateValues(value, of_value, head_only=mode == "trunk", dropout=settings.value_dropout)
    )
    return Laid(
        networks=Networks(policy=scores, value=judge, reference=reference, known=known),
        policy=policy,
        value=value,
        policy_adapter=of_policy,
        value_adapter=of_value,
    )


def _base(policy: PreTrainedModel, needs: Needs, mode: str) -> PreTrainedModel | None:
    """The frozen model that adapters lie over and that is the reference without them."""
    if mode == "shared":
        return policy.requires_grad_(False)
    if mode == "value-lora" and needs.value:
        return copy.deepcopy(policy).requires_grad_(False)
    return None


def _refuse(value: ValueNetwork | None, needs: Needs, settings: TrainSettings) -> None:
    if settings.freeze_value and (value is None or not needs.value):
        raise SettingError(
            "train.freeze_value needs --model to be a bundle with a value, and a method that "
            "learns by one; train the value first (train.epochs=0, train.value_warmup=1)"
        )
    if needs.bounded and value is not None and not value.bounded:
        raise SettingError(
            "objective.value_loss=bce needs a value that is a probability, and the bundle's is "
            "not; begin a new one from its policy/ folder, or take objective.value_loss=mse"
        )
    if needs.value and value is not None and settings.networks != "full":
        raise SettingError(
            f"train.networks={settings.networks} begins a value over the policy's body, and "
            "--model is a bundle that brings a value of its own; name its policy/ folder or its "
            "base model, or take train.networks=full"
        )
