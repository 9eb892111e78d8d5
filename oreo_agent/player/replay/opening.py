"""From settings to a replay: which store, which episode, whose values."""

from collections.abc import Sequence
from dataclasses import dataclass

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.player.replay.judges import BundleJudge, Judge, Record
from oreo_agent.player.replay.replay import Replay
from oreo_agent.records.reader import StoreReader, named_episode
from oreo_agent.rollouts.casting import TEXT_POLICIES


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """What is replayed."""

    where: str
    """``DIR`` or ``DIR:ID``: a store, and an episode's id or a part that no other id has."""
    agent: str | None = None
    """A bundle that says what the turns were worth; None, or ``expert`` and ``random``, which have
    no value, leave the values that were recorded."""
    beside: str | None = None
    """Another bundle."""
    device: str = "auto"
    threads: int = 1
    """CPU threads of each engine."""

    def __post_init__(self) -> None:
        if self.beside is not None and self.judge is None:
            raise SettingError(
                f"there is no bundle to set {self.beside} beside; name two bundles, one with "
                "--agent and one with --beside"
            )

    @property
    def judge(self) -> str | None:
        """The first bundle, if there is one."""
        return None if self.agent in TEXT_POLICIES else self.agent


def open_replay(settings: ReplaySettings) -> Replay:
    """The replay, at the beginning of its first episode.

    Raises:
        OreoError: there is no such store, episode or bundle, or they do not fit each other.
    """
    folder, wanted = named_episode(settings.where)
    reader = StoreReader(folder)
    ids = reader.listed()
    if not ids:
        raise RecordError(f"store {folder} holds no episodes yet; collect some into it first")
    first = reader.find(wanted) if wanted else ids[0]
    return Replay(reader, ids, judges_of(settings), first)


def judges_of(settings: ReplaySettings) -> Sequence[Judge]:
    """Those who say what turns were worth: the bundles that are named, else the records.

    Raises:
        BundleError: a bundle cannot be read.
    """
    folders = [folder for folder in (settings.judge, settings.beside) if folder is not None]
    if not folders:
        return [Record()]
    return [
        BundleJudge.load(folder, device=settings.device, threads=settings.threads)
        for folder in folders
    ]
