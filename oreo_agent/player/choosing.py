"""Whom to watch if it was not said: the newest agent that was trained here."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from oreo_agent.errors import OreoError
from oreo_agent.model.bundle import CARD, Card, read_card

_DEPTH = 4
"""Folders below the current one that are looked into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A bundle on disk."""

    folder: Path
    card: Card
    written: float
    """When, in seconds since 1970."""

    @property
    def tasks(self) -> list[str]:
        """What it was trained on."""
        return [name for name in self.card.task.split(", ") if name]


def newest(task: str | None, below: Path | None = None) -> Found | None:
    """The bundle that was written last.

    Args:
        task: that it must have been trained on; None takes any.
        below: the folder that is looked through; None is the current one.
    """
    bundles = [
        found
        for found in _bundles(Path() if below is None else below, _DEPTH)
        if task is None or task in found.tasks
    ]
    return max(bundles, key=lambda found: found.written, default=None)


def _bundles(folder: Path, depth: int) -> Iterator[Found]:
    card = folder / CARD
    if card.is_file():
        try:
            yield Found(folder=folder, card=read_card(folder), written=card.stat().st_mtime)
        except OreoError:
            return  # what cannot be read cannot be watched
        return
    if depth == 0:
        return
    try:
        below = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return
    for path in below:
        if not path.name.startswith(".") and not path.is_symlink():
            yield from _bundles(path, depth - 1)
