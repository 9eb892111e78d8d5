"""Question sets as the Hugging Face hub has them, fetched once and then read like any folder."""

import functools
import importlib
from pathlib import Path
from typing import Any


@functools.lru_cache
def download(repository: str, patterns: tuple[str, ...]) -> Path:
    """The folder with those files of a data set that match a pattern; asked for once a process.

    Raises:
        OSError: the hub cannot be reached, or has no such data set.
        ImportError: huggingface_hub is not installed.
    """
    hub: Any = importlib.import_module("huggingface_hub")
    return Path(
        hub.snapshot_download(repository, repo_type="dataset", allow_patterns=list(patterns))
    )
