"""A trained agent on disk: ``bundle.json``, ``policy/``, ``value/``, ``tokenizer/``, ``README.md``.

Read here without torch; the weights are the networks' business. A bundle is written under a
temporary name, synced and renamed, so that a folder with a ``bundle.json`` is always whole.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from oreo_agent.errors import BundleError
from oreo_agent.model.calibration import Calibration
from oreo_agent.model.description import with_value_section
from oreo_agent.model.trust import Trust
from oreo_agent.records.atomic import write_atomic

FORMAT = 1
"""Raised whenever the meaning of a field changes; an older bundle is read or refused."""
CARD = "bundle.json"
EVIDENCE = ("calibration", "trust")
"""Fields of a card that `amend` may add to a finished bundle."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle is and how it came to be."""

    method: str
    """The objective that trained it."""
    settings: dict[str, Any]
    """Of the objective and of the training run."""
    prompt: dict[str, Any]
    """Settings of the prompt format; see `oreo_agent.model.prompt.load_prompt`."""
    tokenizer: str
    """Fingerprint; episodes of another tokenizer do not fit."""
    base: str
    """Where the first weights came from: a name, or the fingerprint of a bundle."""
    data: dict[str, Any]
    """Fingerprint and counts of the episodes that it was trained on."""
    task: str = ""
    has_value: bool = False
    max_context: int = 0
    """Longest history in tokens that the networks read."""
    metrics: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """Last figures of the training run, held-out ones among them."""
    calibration: Calibration | None = None
    """V as a probability, from episodes that it was not trained on; None if nobody asked."""
    trust: Trust | None = None
    """Whether V may choose, from such episodes."""
    format: int = FORMAT

    def has_learned(self, task: str) -> bool:
        """Whether the bundle is an agent for that task, or does not say for which it is."""
        return not self.task or task in self.task.split(", ")


def read_card(folder: Path | str) -> Card:
    """The card of the bundle in ``folder``.

    Raises:
        BundleError: there is no bundle, it is damaged, or of a format that is not read here.
    """
    path = Path(folder) / CARD
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{folder} is no bundle (no readable bundle.json); "
            "name a folder that `oreo-agent train --out` wrote"
        ) from error
    try:
        loose = json.loads(data)
        if isinstance(loose, dict) and loose.get("format") != FORMAT:
            raise BundleError(
                f"{folder} has bundle format {loose.get('format')!r}; this version reads {FORMAT}: "
                "use the version that wrote it"
            )
        return msgspec.json.decode(data, type=Card)
    except (ValueError, msgspec.DecodeError) as error:
        raise BundleError(f"{path} is damaged: {error}; train or copy the bundle again") from error


def standing(folder: Path) -> Card | None:
    """The card of the bundle that stands where one is to be written; None if nothing does.

    Raises:
        BundleError: it is none, or none that is read here; only a bundle may be replaced.
    """
    if not folder.exists():
        return None
    if not (folder / CARD).is_file():
        raise BundleError(
            f"{folder} is there already and is no bundle, so it is not replaced; name another --out"
        )
    return read_card(folder)


def fingerprint(folder: Path | str) -> str:
    """Checksum of a bundle's (or a model folder's) weights and card, 16 hex digits.

    What was found out about the bundle later (`EVIDENCE`) is no part of it: that changes nothing
    that it does, so its reports and its episodes' ids go on meaning the same agent.
    """
    digest = hashlib.sha256()
    files = sorted(
        path
        for path in Path(folder).rglob("*")
        if path.name == CARD or path.suffix == ".safetensors"
    )
    if not files:
        raise BundleError(f"{folder} holds no weights; name a bundle or a model folder")
    for path in files:
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            if path.name == CARD:
                digest.update(hashlib.sha256(_without_evidence(file.read())).digest())
            else:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _without_evidence(data: bytes) -> bytes:
    """A card as it was written before it was amended; what is no card as it is."""
    try:
        fields = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError:
        return data
    return _encoded(fields | dict.fromkeys(EVIDENCE))


def _encoded(fields: Mapping[str, Any]) -> bytes:
    """A card as JSON, without evidence that is not there."""
    told = {key: v for key, v in fields.items() if key not in EVIDENCE or v is not None}
    # msgspec writes a figure that is not a number (an AUC without losses, say) as null
    return msgspec.json.format(msgspec.json.encode(told), indent=1)


def write_bundle(folder: Path, card: Card, readme: str, save: Callable[[Path], None]) -> None:
    """Write a bundle so that it is there whole or not at all; an older one is replaced.

    Args:
        folder: where the bundle will stand.
        card: its description.
        readme: the model card for people, Markdown.
        save: writes ``policy/``, ``value/`` and ``tokenizer/`` into the folder it is given.

    Raises:
        BundleError: what stands at ``folder`` is no bundle that this version reads.
    """
    standing(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    making, old = (folder.with_name(f".{folder.name}.{state}") for state in ("making", "old"))
    shutil.rmtree(making, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    making.mkdir()
    try:
        save(making)
        (making / "README.md").write_text(readme, encoding="utf-8")
        (making / CARD).write_bytes(_encoded(msgspec.structs.asdict(card)))
        for path in making.rglob("*"):
            if path.is_file():
                path.chmod(0o644)
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        if folder.exists():
            folder.rename(old)
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def amend(folder: Path, calibration: Calibration | None, trust: Trust | None) -> Card:
    """Put evidence into a bundle's card and model card; all else in them stays as it is.

    Each of the two files is replaced whole or not at all, the card last.

    Args:
        folder: of the bundle.
        calibration: in the place of the card's; None leaves none there.
        trust: likewise.

    Raises:
        BundleError: there is no bundle, it is damaged, or it cannot be written.
    """
    card = msgspec.structs.replace(read_card(folder), calibration=calibration, trust=trust)
    path, readme = folder / CARD, folder / "README.md"
    try:
        # not from the struct, which knows no fields of later versions
        fields = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        text = readme.read_text(encoding="utf-8") if readme.exists() else ""
        write_atomic(readme, with_value_section(text, calibration, trust).encode())
        evidence = {"calibration": calibration, "trust": trust}
        write_atomic(path, _encoded(fields | evidence))
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{folder} cannot be amended: {error}; make it writable") from error
    return card
