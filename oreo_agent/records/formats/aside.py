"""A file for what could not be read, so that nothing is lost without a word."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from oreo_agent.errors import RecordError

_BEGIN = '{"place": '


class Aside:
    """JSON Lines of ``place``, ``reason`` and ``raw``."""

    def __init__(self, file: IO[str]) -> None:
        """Write to ``file``."""
        self._file = file

    def put(self, place: str, reason: str, raw: Any) -> None:
        """Keep a row as it stands there."""
        told = {"place": place, "reason": reason, "raw": raw}
        self._file.write(json.dumps(told, default=str) + "\n")


@contextmanager
def opened_aside(target: Path | None) -> Generator[Aside | None]:
    """A file that takes the place of ``target`` when all went well; None for no target.

    Raises:
        RecordError: what is there was not written by an earlier import, or it cannot be written.
    """
    if target is None:
        yield None
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.exists() and not _is_ours(target):
            raise RecordError(f"{target} is there and is no file of an import; name another")
        target.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("w", encoding="utf-8")
    except OSError as error:
        raise RecordError(f"{target} cannot be written ({error}); name another file") from error
    try:
        with file:
            yield Aside(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        line = file.read(len(_BEGIN))
    return not line or line == _BEGIN.encode()
