"""Models and tokenizers are read from folders, and from nowhere else unless a script asks."""

from pathlib import Path
from typing import Any

from oreo_agent.errors import BundleError
from oreo_agent.model.bundle import CARD


def pretrained(
    kind: Any, path: Path | str, what: str, *, hub: bool = False, **settings: Any
) -> Any:
    """What ``kind.from_pretrained`` makes of a folder; no code that lies in it is executed.

    Args:
        kind: an Auto class of transformers.
        path: the folder, in Hugging Face format.
        what: it is, for messages.
        hub: where there is no such folder, take ``path`` for a name on the Hugging Face hub.
        settings: of the kind.

    Raises:
        BundleError: it cannot be read.
    """
    folder = Path(path)
    local = folder.is_dir()
    if not local and not hub:
        raise BundleError(_missing(folder, what))
    try:
        return kind.from_pretrained(
            path, trust_remote_code=False, local_files_only=local, **settings
        )
    except Exception as error:  # of damaged files tokenizers raises no narrower kind
        told = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        raise BundleError(
            f"no {what} can be read from {path}: {told}; {_remedy(folder)}"
        ) from error


def _missing(folder: Path, what: str) -> str:
    if (folder.parent / CARD).is_file():
        return f"the bundle {folder.parent} lacks its folder {folder.name}; {_remedy(folder)}"
    return f"no {what} can be read from {folder}: there is no such folder; {_remedy(folder)}"


def _remedy(folder: Path) -> str:
    if (folder.parent / CARD).is_file():
        return f"copy the whole bundle {folder.parent.name} again, or train it anew"
    return "name a folder in Hugging Face format: config.json, safetensors weights, tokenizer.json"
