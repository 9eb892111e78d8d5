"""A game as a file to share: a page, a picture, a text, or a recording of a terminal.

To add a kind: write a file beside this one, then add its suffix to `EXPORTS`.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from oreo_agent.errors import SettingError, nearest
from oreo_agent.player.snapshot import Snapshot
from oreo_agent.records.atomic import write_atomic
from oreo_agent.registry import Registry

EXPORTS: Registry[Callable[[Sequence[Snapshot]], str]] = Registry(
    "kind of export",
    {
        "html": "oreo_agent.player.export.page:page",
        "svg": "oreo_agent.player.export.picture:picture",
        "txt": "oreo_agent.player.export.text:text",
        "cast": "oreo_agent.player.export.cast:cast",
    },
)


def check_target(path: Path) -> None:
    """Complain now about a file that could not be written later.

    Raises:
        SettingError: no such kind of file, no such folder, or one that may not be written to.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in EXPORTS.names():
        raise SettingError(
            f"cannot export to {path}: the name's end tells what is written, and {path.suffix!r} "
            f"is none of .{', .'.join(EXPORTS.names())}; {nearest(kind, EXPORTS.names())}"
        )
    folder = path.parent
    if not folder.is_dir():
        raise SettingError(f"cannot export to {path}: there is no folder {folder}; make it first")
    if path.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise SettingError(f"cannot export to {path}: it cannot be written; name another file")


def export(snapshots: Sequence[Snapshot], path: Path) -> None:
    """Write a game to ``path``, as its suffix tells; the file is there whole or not at all.

    Args:
        snapshots: what each judge sees of the same game, at least one.
        path: ``.html``, ``.svg``, ``.txt`` or ``.cast``; an older file is replaced.

    Raises:
        SettingError: as `check_target`, or the disk refuses.
    """
    check_target(path)
    made = EXPORTS.load(path.suffix.removeprefix(".").lower())(snapshots)
    try:
        write_atomic(path, made.encode())
    except OSError as error:
        raise SettingError(f"cannot export to {path}: {error.strerror or error}") from error
