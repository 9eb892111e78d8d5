"""Whether a store's episodes hold together, and whether their ids still say what the text says."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from oreo_agent.errors import OreoError, RecordError, SettingError
from oreo_agent.model.prompt import PromptFormat, load_prompt
from oreo_agent.records.episode import Episode, Segment
from oreo_agent.records.folder import Card
from oreo_agent.records.reader import StoreReader, columns_of
from oreo_agent.records.selecting import replies_digest

SHOWN = 5
"""Ids of each kind of finding that are told."""


@dataclass(slots=True, kw_only=True)
class Checked:
    """What was found in one store."""

    store: str
    episodes: int = 0
    drift_checked: bool = False
    """Whether ids were held against text; that takes the tokenizer they were made with."""
    said: str = ""
    """Why not, if not."""
    findings: Counter[str] = field(default_factory=Counter[str])
    """Episodes with each kind of fault."""
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Ids of the first few."""
    repeated: int = 0
    """Episodes that gave the same replies as an earlier one of their instance; no fault."""

    @property
    def faulty(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.findings)

    def add(self, name: str, what: str) -> None:
        """Note a fault of an episode."""
        self.findings[what] += 1
        shown = self.examples.setdefault(what, [])
        if len(shown) < SHOWN:
            shown.append(name)

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        findings = dict(self.findings.most_common())
        return asdict(self) | {"findings": findings, "faulty": self.faulty}


def check_store(folder: str | Path, model: str | None = None) -> Checked:
    """Look at every episode of a store; damaged ones are counted, and the rest looked at.

    Args:
        folder: of the store.
        model: folder with the tokenizer of a chat format, to see whether ids have drifted.

    Raises:
        RecordError: there is no store, or its database cannot be read.
        BundleError: ``model`` has no tokenizer.
    """
    reader = StoreReader(folder)
    done = Checked(store=str(folder))
    prompt = _prompt(reader.card, model, done)
    instance: str | None = None
    known: set[bytes] = set()
    for name, columns, episode in reader.examined():
        done.episodes += 1
        if isinstance(episode, RecordError):
            done.add(name, "damaged")
            continue
        if columns != columns_of(episode):
            done.add(name, "the table says otherwise than the record")
        for fault in {*_faults(episode, reader.card), *(_drift(episode, prompt) if prompt else ())}:
            done.add(name, fault)
        if episode.instance != instance:
            instance, known = episode.instance, set()
        digest = replies_digest(episode)
        done.repeated += digest in known
        known.add(digest)
    return done


def _prompt(card: Card, model: str | None, done: Checked) -> PromptFormat | None:
    """The format that the store's ids were made with, if it can be had."""
    if not card.tokenizer:
        done.said = "the store holds no token ids"
        return None
    try:
        prompt = load_prompt(card.settings)  # those with a vocabulary of their own
    except SettingError as error:
        if model is None:
            done.said = str(error)
            return None
        # transformers takes seconds to import
        from oreo_agent.model.tokenizers import load_tokenizer  # noqa: PLC0415

        prompt = load_prompt(card.settings, load_tokenizer(model))
    done.drift_checked = True
    if prompt.tokenizer_fingerprint != card.tokenizer:
        done.said = (
            f"the tokenizer is another one ({prompt.tokenizer_fingerprint}) than the store's "
            f"({card.tokenizer})"
        )
        done.findings["the tokenizer is not the store's"] += 1
    return prompt


def _faults(episode: Episode, card: Card) -> Iterator[str]:
    """What does not hold together in a record."""
    if (episode.prompt, episode.tokenizer) != (card.prompt, card.tokenizer):
        yield "of another prompt format or tokenizer than the store"
    if (episode.end == "won") != (episode.reward == 1) and episode.end != "fault":
        yield "its end and its reward contradict each other"
    if episode.end == "fault" and episode.reward > 0:
        yield "a fault that is paid"
    kinds = [segment.kind for segment in episode.segments]
    if "action" not in kinds and episode.end not in ("fault", "token_limit"):
        yield "nobody replies in it"
    if kinds and kinds[0] == "action":
        yield "no state before the first reply"
    for segment in episode.segments:
        yield from _segment_faults(segment, card)


def _segment_faults(segment: Segment, card: Card) -> Iterator[str]:
    if segment.kind not in ("prompt", "observation", "action"):
        yield "a segment of an unknown kind"
    if bool(segment.ids) and not card.tokenizer:
        yield "token ids in a store without a tokenizer"
    if segment.kind != "action":
        if segment.logps or segment.command is not None or segment.decision is not None:
            yield "a segment that is no reply has what only replies have"
        return
    if card.tokenizer and not segment.ids:
        yield "a reply without tokens"
    if segment.logps and len(segment.logps) != len(segment.ids):
        yield "log-probabilities for other tokens than the reply's"
    decision = segment.decision
    if decision is not None and not 0 <= decision.chosen < max(1, len(decision.candidates)):
        yield "a decision for a candidate that is not there"


def _drift(episode: Episode, prompt: PromptFormat) -> Iterator[str]:
    """Where ids do not say what the text says; sampled replies are read, never tokenised again."""
    try:
        yield from _drifted(episode, prompt)
    except (OreoError, ValueError, IndexError, KeyError, OverflowError, TypeError):
        yield "drift: ids that the tokenizer does not know"


def _drifted(episode: Episode, prompt: PromptFormat) -> Iterator[str]:
    first = next((s.text for s in episode.segments if s.kind == "observation"), None)
    opening = prompt.opening(first) if first is not None else ()
    for number, segment in enumerate(episode.segments):
        if segment.kind == "action":
            text, command = prompt.read(segment.ids)
            if text != segment.text:
                yield "drift: a reply's ids say other words than its text"
            elif segment.command not in (None, command) and not _says(prompt, segment, command):
                yield "drift: a reply's ids give another command"
        elif number < len(opening):
            if segment.ids != opening[number].ids:
                yield "drift: the opening is tokenised otherwise"
        elif segment.ids not in _answers(prompt, segment):
            yield "drift: an observation is tokenised otherwise"


def _answers(prompt: PromptFormat, segment: Segment) -> list[tuple[int, ...]]:
    """The ids that an observation may have, after a reply that closed itself and one that not."""
    return [prompt.answer(segment.text, ended=ended).ids for ended in (True, False)]


def _says(prompt: PromptFormat, reply: Segment, heard: str) -> bool:
    """Whether the recorded command is another wording of the one that the ids give."""
    say: Callable[[str], tuple[int, ...]] = prompt.reply
    try:
        return say(reply.command or "") == say(heard)
    except OreoError:
        return False
