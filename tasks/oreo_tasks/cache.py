"""Where facts that can be worked out again are kept between runs."""

import contextlib
import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """``oreo-agent`` in the user's cache folder: $XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oreo-agent"


def read_cached(name: str) -> bytes | None:
    """What was kept under ``name`` (a path below the cache folder); None if nothing can be read."""
    with contextlib.suppress(OSError):
        return (cache_folder() / name).read_bytes()
    return None


def keep(name: str, content: bytes) -> None:
    """Keep ``content`` under ``name``, whole or not at all, also beside other writers.

    A cache that cannot be written (a full disk, a home that is read-only) is no fault: the next
    run works the content out again.
    """
    path = cache_folder() / name
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(scratch).replace(path)
        except OSError:
            Path(scratch).unlink(missing_ok=True)
