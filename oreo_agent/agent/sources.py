"""What an agent is put together from: a bundle, perhaps another's value, perhaps its reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oreo_agent.errors import BundleError, SettingError
from oreo_agent.model.bundle import Card, fingerprint, read_card
from oreo_agent.model.calibration import Calibration
from oreo_agent.model.prompt import PromptFormat, load_prompt
from oreo_agent.model.trust import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Folders of networks, and what is known of them."""

    prompt: PromptFormat
    policy: Path
    value: Path | None = None
    reference: Path | None = None
    beta: float | None = None
    """Reward units per nat, with which the policy learned; set where the reference is."""
    calibration: Calibration | None = None
    """Of the value."""
    trust: Trust | None = None
    """Whether the value may choose."""
    max_context: int | None = None
    fingerprint: str
    """Checksum of the weights that play, those of the value included."""


def from_bundle(
    folder: Path, value: Path | str | None = None, reference: Path | str | None = None
) -> Sources:
    """A bundle's networks.

    Args:
        folder: the bundle.
        value: another bundle, whose value judges this one's replies; None takes its own.
        reference: the folder from which this one learned; None does without.

    Raises:
        BundleError: a bundle cannot be read, or does not belong to the others.
        SettingError: it learned without a reference.
    """
    if (folder / "config.json").is_file() and not (folder / "bundle.json").exists():
        raise BundleError(
            f"{folder} is a model that is no bundle: name the prompt format in which it is shown "
            "its history (`prompt`), or a folder that `oreo-agent train --out` wrote"
        )
    card = read_card(folder)
    judge = folder if value is None else Path(value)
    judged = _with_value(judge, card) if value is not None or card.has_value else None
    # transformers takes seconds to import, and who reads a card does not need it
    from oreo_agent.model.tokenizers import load_tokenizer  # noqa: PLC0415

    return Sources(
        prompt=load_prompt(card.prompt, load_tokenizer(folder / "tokenizer")),
        policy=folder / "policy",
        value=None if judged is None else judge / "value",
        reference=None if reference is None else _reference(Path(reference), folder, card),
        beta=None if reference is None else card.settings["objective"]["beta"],
        calibration=None if judged is None else judged.calibration,
        trust=None if judged is None else judged.trust,
        max_context=card.max_context,
        fingerprint="+".join(dict.fromkeys((fingerprint(folder), fingerprint(judge)))),
    )


def from_model(
    folder: Path,
    prompt: PromptFormat | Mapping[str, Any],
    value: Path | str | None = None,
    reference: Path | str | None = None,
) -> Sources:
    """A model in Hugging Face format that is no bundle.

    Args:
        folder: the model, with its tokenizer.
        prompt: how it is shown its history, or the settings of a format over its tokenizer.
        value: has to be None.
        reference: has to be None.

    Raises:
        BundleError: there is no tokenizer.
        SettingError: a value or a reference is named, which only bundles have; or no prompt format
            can be made of the settings.
    """
    if value is not None or reference is not None:
        raise SettingError(
            f"{folder} is a model that is no bundle: neither a value nor a reference belongs to "
            "it; train a bundle from it first"
        )
    if isinstance(prompt, Mapping):
        from oreo_agent.model.tokenizers import load_tokenizer  # noqa: PLC0415

        prompt = load_prompt(prompt, load_tokenizer(folder))
    return Sources(prompt=prompt, policy=folder, fingerprint=fingerprint(folder))


def _with_value(folder: Path, policy: Card) -> Card:
    """The card of ``folder``, whose value must read the policy's tokens."""
    card = read_card(folder)
    if not card.has_value:
        raise BundleError(
            f"{folder} has no value network (method {card.method!r}); name a bundle that was "
            "trained with a method that learns one, for instance oreo"
        )
    if card.tokenizer != policy.tokenizer:
        raise BundleError(
            f"the value of {folder} reads tokenizer {card.tokenizer!r} and the policy speaks "
            f"{policy.tokenizer!r}; take bundles of one family"
        )
    return card


def _reference(folder: Path, learner: Path, card: Card) -> Path:
    """The policy in ``folder``, from which that of ``learner`` must have learned."""
    if "beta" not in card.settings.get("objective", {}):
        raise SettingError(
            f"{learner} learned by {card.method!r}, which has no reference and no beta; leave the "
            "reference out"
        )
    told = fingerprint(folder)
    if told not in card.base.split():
        raise BundleError(
            f"{learner} learned from {card.base}, and {folder} is {told}; name the folder that "
            "`train --model` was given"
        )
    return folder / "policy" if (folder / "bundle.json").exists() else folder
