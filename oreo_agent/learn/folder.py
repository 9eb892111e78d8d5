"""The working folder of a training run: checkpoints and metrics, until the bundle is written."""

import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from oreo_agent.errors import SettingError
from oreo_agent.learn.checkpoint import writing
from oreo_agent.records.atomic import write_atomic
from oreo_agent.records.folder import LOCK, WriterLock

MARK = "run.json"
"""Which run it belongs to."""
BUSY = "{folder} is being trained in by process {pid}: wait for it, stop it, or name another --out"


def check_folder(work: Path, identity: str, *, anew: bool) -> None:
    """See that ``work`` can be that run's. Writes nothing.

    Raises:
        SettingError: it holds something else.
    """
    there = [path.name for path in work.iterdir()] if work.exists() else []
    if MARK not in there and not all(n == LOCK or n.startswith(f".{MARK}.") for n in there):
        raise SettingError(
            f"{work} was not made by a training run and would hold this one's checkpoints; "
            "move it away, or name another --out"
        )
    mark = work / MARK
    if not anew and mark.exists() and json.loads(mark.read_text())["run"] != identity:
        raise SettingError(
            f"{work} holds the checkpoints of another run; go on with that run's settings, "
            "or drop them with --overwrite"
        )


@contextmanager
def working_folder(work: Path, identity: str, *, anew: bool) -> Generator[None]:
    """Make it, or go on with it, and keep other runs out; ``anew`` drops what was left there.

    Raises:
        SettingError: it holds something else.
        RecordError: it cannot be written, or another process trains in it.
    """
    check_folder(work, identity, anew=anew)
    with writing(work, "make room there, or name another --out"):
        work.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(work, busy=BUSY)
    try:
        if anew:
            _empty(work)
        with writing(work, "make room there, or name another --out"):
            write_atomic(work / MARK, json.dumps({"run": identity}).encode())
        yield
    finally:
        lock.release()


def drop_folder(work: Path) -> None:
    """Remove it, its mark last: what a kill leaves of it is still known as ours."""
    _empty(work)
    shutil.rmtree(work, ignore_errors=True)


def _empty(work: Path) -> None:
    """Remove all that is in it but its mark and its lock."""
    for path in work.iterdir() if work.exists() else ():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (MARK, LOCK):
            path.unlink()
