"""The working folder of a training run: checkpoints and metrics, until the bundle is written."""

import json
import shutil
from pathlib import Path

from oreo_agent.errors import SettingError
from oreo_agent.learn.checkpoint import writing
from oreo_agent.records.atomic import write_atomic

MARK = "run.json"
"""Which run it belongs to."""


def check_folder(work: Path, identity: str, *, anew: bool) -> None:
    """See that ``work`` can be that run's. Writes nothing.

    Raises:
        SettingError: it holds something else.
    """
    there = [path.name for path in work.iterdir()] if work.exists() else []
    if MARK not in there and not all(name.startswith(f".{MARK}.") for name in there):
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


def begin_folder(work: Path, identity: str, *, anew: bool) -> None:
    """Make it, or go on with it; ``anew`` drops what another attempt has left.

    Raises:
        SettingError: it holds something else.
        RecordError: it cannot be written.
    """
    check_folder(work, identity, anew=anew)
    if anew:
        drop_folder(work)
    with writing(work, "make room there, or name another --out"):
        work.mkdir(parents=True, exist_ok=True)
        write_atomic(work / MARK, json.dumps({"run": identity}).encode())


def drop_folder(work: Path) -> None:
    """Remove it, its mark last: what a kill leaves of it is still known as ours."""
    for path in work.iterdir() if work.exists() else ():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()
    shutil.rmtree(work, ignore_errors=True)
