"""`oreo-agent envs new`: a small package with an environment, a test and a README."""

import re
import shutil
from pathlib import Path

TEMPLATE = Path(__file__).with_name("template")
FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "sft.toml": "sft.toml",
    "oreo.toml": "oreo.toml",
    "package.py": "{name}/__init__.py",
    "keys.py": "{name}/keys.py",
    "test_keys.py": "tests/test_{name}.py",
}
"""Each file of the template, and where it goes."""


def new(name: str, out: Path | None = None) -> Path:
    """Write a package; it is there whole or not at all.

    Args:
        name: of the package and of its ids' namespace: small letters, digits and underscores.
        out: the folder to be made; None takes the name.

    Returns:
        The folder.

    Raises:
        ValueError: the name is no name of a package, or the folder is there already.
    """
    if re.fullmatch(r"[a-z][a-z0-9_]*", name) is None:
        raise ValueError(
            f"{name!r} cannot be a package's name; take small letters, digits and underscores, "
            "a letter first"
        )
    folder = Path(name) if out is None else out
    if folder.exists():
        raise ValueError(f"{folder} is there already; name another folder with --out")
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    try:
        for file, place in FILES.items():
            path = making / place.format(name=name)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = (TEMPLATE / f"{file}.txt").read_text(encoding="utf-8")
            path.write_text(text.replace("{{name}}", name), encoding="utf-8")
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder
