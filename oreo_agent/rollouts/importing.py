"""Somebody else's logs into a store: what cannot be read is counted, told and kept aside."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from oreo_agent.errors import DataError, SettingError
from oreo_agent.records.episode import Episode
from oreo_agent.records.folder import Card
from oreo_agent.records.formats import FORMATS, RECORDS, Format
from oreo_agent.records.formats.aside import Aside, opened_aside
from oreo_agent.records.formats.conversation import Conversation, Unreadable, as_reward
from oreo_agent.records.formats.record_rows import episode_of
from oreo_agent.records.formats.rows import Found, find_rows
from oreo_agent.records.store import Store
from oreo_agent.rollouts import minari_files
from oreo_agent.rollouts.import_report import Imported, Replays
from oreo_agent.rollouts.reenacting import DIFFERS, LONGEST, Replay, reenact
from oreo_agent.rollouts.stage import Stage
from oreo_agent.rollouts.telling import Teller, make_teller

_VARIES = re.compile(r"'[^']*'|\"[^\"]*\"|(?<=is )\{.*|\d+(?:\.\d+)?")
"""Where reasons of one kind differ: in a row's own values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """What is imported, and as what."""

    sources: tuple[Path, ...]
    """Files or folders."""
    out: Path
    """Folder of the store; one that is there gets what it lacks."""
    format: str
    """A name in `oreo_agent.records.formats.FORMATS`, or ``records`` for rows of our own."""
    task: str = "alfworld"
    """One of ours, or any other name."""
    split: str = "train"
    prompt: str = "react"
    """Prompt format that the episodes are told in."""
    model: str | None = None
    """Model folder whose tokenizer writes the ids; without one there are none."""
    reward: float | None = None
    """Of rows that do not say how they ended; None keeps them aside."""
    aside: Path | None = None
    """File for what could not be read: JSON Lines of place, reason and raw."""
    replay: bool = False
    """Give every command to the world again and compare every observation."""
    data: str | None = None
    """The task's data, for a replay."""
    live: int = 32
    """Logs replayed at a time."""

    def __post_init__(self) -> None:
        if self.format != RECORDS:
            FORMATS.check(self.format)
        elif self.replay:
            raise SettingError("records are imported as they are; leave the replay out")
        if self.reward is not None:
            try:
                as_reward(self.reward)
            except Unreadable as error:
                raise SettingError(f"a reward is in [0, 1], got {self.reward}") from error
        if self.live < 1:
            raise SettingError(f"logs replayed at a time must be 1 or more, got {self.live}")


@dataclass(frozen=True, slots=True)
class _Log:
    """A conversation, the row that it stood in, and where that is."""

    place: str
    row: Any
    conversation: Conversation


class Importer:
    """One import; `run` does it."""

    def __init__(self, settings: ImportSettings) -> None:
        """Look up names and tokenizer.

        Raises:
            OreoError: one of them is wrong.
        """
        self.settings = settings
        self.done = Imported(out=str(settings.out))
        self._format: Format | None = None
        self._teller: Teller | None = None
        if settings.format != RECORDS:
            self._format = FORMATS.load(settings.format)()
            self._teller = make_teller(
                settings.task,
                settings.split,
                source=settings.format,
                prompt=settings.prompt,
                model=settings.model,
                data=settings.data,
            )
        self._stage: Stage | None = None
        if settings.replay:
            self.done.replays = Replays()
            self._stage = Stage(
                task=settings.task, split=settings.split, data=settings.data, step_limit=LONGEST
            )
        self._store: Store | None = None
        self._aside: Aside | None = None
        self._first: dict[str, str] = {}
        """For each kind of reason that of the first row, which is told for all of them."""
        self._closing = ExitStack()

    def run(self) -> Imported:
        """Import everything that can be.

        Raises:
            DataError: nothing could be.
            OreoError: a source, the store or the data cannot be read.
        """
        with self._closing:
            self._aside = self._closing.enter_context(opened_aside(self.settings.aside))
            rows = self._rows()
            if self._format is None:
                self._keep_records(rows)
            else:
                self._keep_logs(self._logs(rows, self._format))
        if not self.done.imported and not self.done.already:
            reasons = "; ".join(f"{n} x {reason}" for reason, n in self.done.aside.most_common(3))
            raise DataError(
                f"nothing could be imported as {self.settings.format!r} ({reasons or 'no rows'}); "
                "see that --from names the format of the logs"
            )
        return self.done

    def _rows(self) -> Iterator[Found]:
        for source in self.settings.sources:
            if self.settings.format == "minari":
                told = enumerate(minari_files.episodes(source), 1)
                found = (Found(place=f"{source.name}#{i}", row=row) for i, row in told)
            else:
                found = find_rows(source)
            for one in found:
                self.done.rows += 1
                if one.fault:
                    self._put_aside(one.place, one.fault, one.raw)
                else:
                    yield one

    def _logs(self, rows: Iterable[Found], format: Format) -> Iterator[_Log]:
        assert self._teller is not None
        for one in rows:
            try:
                found = self._read(one.row, format)
                logs = [self._teller.heard(each) for each in found]
            except Unreadable as error:
                self._put_aside(one.place, str(error), one.row)
                continue
            self.done.repeated += not logs
            for log in logs:
                yield _Log(one.place, one.row, log)

    def _read(self, row: Any, format: Format) -> list[Conversation]:
        try:
            return format.read(row, self.settings.reward)
        except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise Unreadable(f"it is built otherwise ({type(error).__name__}: {error})") from error

    def _keep_logs(self, logs: Iterator[_Log]) -> None:
        while group := list(islice(logs, self.settings.live)):
            for log, replay in zip(group, self._replayed(group), strict=True):
                self._keep_log(log, replay)

    def _replayed(self, group: Sequence[_Log]) -> Sequence[Replay | None]:
        if self._stage is None or self.done.replays is None:
            return [None] * len(group)
        found = reenact(self._stage, [log.conversation for log in group])
        for log, replay in zip(group, found, strict=True):
            self.done.replays.add(replay, log.place)
        return found

    def _keep_log(self, log: _Log, replay: Replay | None) -> None:
        assert self._teller is not None
        try:
            episode = self._teller.episode(log.conversation, _noted(replay))
        except Unreadable as error:
            self._put_aside(log.place, str(error), log.row)
            return
        prompt = self._teller.prompt
        most = prompt.max_reply_tokens or float("inf")
        told = [len(segment.ids) for segment in episode.segments if segment.kind == "action"]
        self.done.overlong += sum(length > most for length in told)
        self._keep(
            _judged(episode, replay),
            Card(
                prompt=prompt.name,
                tokenizer=prompt.tokenizer_fingerprint,
                settings=prompt.settings(),
            ),
        )

    def _keep_records(self, rows: Iterable[Found]) -> None:
        for one in rows:
            try:
                episode, card = episode_of(one.row)
            except Unreadable as error:
                self._put_aside(one.place, str(error), one.row)
                continue
            self._keep(episode, card)

    def _keep(self, episode: Episode, card: Card) -> None:
        """Store an episode that is not there; the store is made for the first one."""
        if self._store is None:
            self._store = self._closing.enter_context(
                Store.create(
                    self.settings.out,
                    prompt=card.prompt,
                    tokenizer=card.tokenizer,
                    settings=card.settings,
                    reported=False,
                )
            )
        if self._store.holds(episode.id):
            self.done.already += 1
            return
        self._store.append(episode)
        self.done.imported += 1
        self.done.won += episode.end == "won"
        self.done.steps += episode.steps
        self.done.tokens += episode.tokens

    def _put_aside(self, place: str, reason: str, raw: Any) -> None:
        kind = _VARIES.sub("...", reason)
        told = reason if kind == reason else f"{reason} (first in {place})"
        self.done.aside[self._first.setdefault(kind, told)] += 1
        if self._aside is not None:
            self._aside.put(place, reason, raw)


def import_logs(settings: ImportSettings) -> Imported:
    """Import logs into a store; doing it again adds nothing.

    Raises:
        DataError: nothing could be imported, or a source is not there.
        OreoError: a setting, the store or the data for a replay is wrong.
    """
    return Importer(settings).run()


def _noted(replay: Replay | None) -> dict[str, str] | None:
    if replay is None:
        return None
    turn = f" at turn {replay.turn}" if replay.verdict == DIFFERS else ""
    return {"replayed": replay.verdict + turn}


def _judged(episode: Episode, replay: Replay | None) -> Episode:
    """With what the world said of each command, where it was asked."""
    if replay is None or not replay.valid:
        return episode
    valid = iter(replay.valid)
    segments = [
        replace(segment, valid=next(valid, None)) if segment.kind == "action" else segment
        for segment in episode.segments
    ]
    return replace(episode, segments=tuple(segments))
