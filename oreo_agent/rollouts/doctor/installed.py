"""The machine itself, and which packages are installed in which versions."""

import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from oreo_agent.rollouts.doctor.remark import Remark
from oreo_tasks.cache import cache_folder

PACKAGE = "oreo-agent"
LEFT_OUT = ("test",)
"""Extras that only work on oreo-agent itself needs."""
COMPILERS = ("g++", "cmake")
"""What the extra [stock] is built with."""
STOCK_BELOW = (3, 13)
"""The stock engine's grammar does not run from this Python on (PEP 667)."""


def machine() -> Iterator[Remark]:
    """Python, device and cache; then what oreo-agent needs and what each extra adds."""
    yield _python()
    yield _device()
    yield _cache()
    try:
        known = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        yield Remark(
            part="packages", name=PACKAGE, state="fault", told="is not installed, only found",
            remedy="pip install -e .",
        )  # fmt: skip
        return
    place = origin(known.read_text("direct_url.json"))
    needs = [Requirement(text) for text in known.requires or ()]
    always = [need for need in needs if need.marker is None or need.marker.evaluate()]
    yield _required(always, place)
    for extra in sorted(known.metadata.get_all("Provides-Extra") or ()):
        if extra not in LEFT_OUT:
            yield _extra(extra, [need for need in needs if _is_of(need, extra)], place)


def origin(direct_url: str | None) -> str:
    """What ``pip install`` is to be told for this package, extras not yet added.

    Args:
        direct_url: the ``direct_url.json`` of the installation (PEP 610); None from an index.
    """
    if direct_url is None:
        return PACKAGE
    told = json.loads(direct_url)
    parts = urlsplit(told["url"])
    if parts.scheme != "file":
        return f"{PACKAGE} @ {told['url']}"
    return ("-e " if told.get("dir_info", {}).get("editable") else "") + unquote(parts.path)


def install(place: str, extra: str) -> str:
    """The command that adds an extra to an installation from ``place``."""
    name, at, url = place.partition(" @ ")
    if at:
        return f"pip install {shlex.quote(f'{name}[{extra}] @ {url}')}"
    flag = "-e " if place.startswith("-e ") else ""
    whole = f"{place.removeprefix('-e ')}[{extra}]"
    return f"pip install {flag}{shlex.quote(whole)}"


def shortfall(need: Requirement) -> str:
    """What is wrong with an installed package; ``""`` if it is as it is needed."""
    try:
        version = importlib.metadata.version(need.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{need.name} is missing"
    if need.specifier.contains(version, prereleases=True):
        return ""
    return f"{need.name} {version} is not {need.specifier}"


def _required(needs: list[Requirement], place: str) -> Remark:
    faults = list(filter(None, map(shortfall, needs)))
    if faults:
        again = f"pip install {place if place.startswith('-e ') else shlex.quote(place)}"
        return Remark(
            part="packages", name="required", state="fault", told="; ".join(faults), remedy=again
        )
    return Remark(part="packages", name="required", state="ok", told=_versions(needs))


def _extra(extra: str, needs: list[Requirement], place: str) -> Remark:
    faults = list(filter(None, map(shortfall, needs)))
    if not faults:
        return Remark(part="packages", name=f"[{extra}]", state="ok", told=_versions(needs))
    remedy = install(place, extra)
    if extra == "stock":
        if sys.version_info >= STOCK_BELOW:
            faults.append(f"it does not run on Python {platform.python_version()}")
            remedy = "python3.12 -m venv .venv && .venv/bin/" + remedy
        if any(shutil.which(tool) is None for tool in COMPILERS):
            remedy = f"sudo apt-get install -y {' '.join(COMPILERS)} && {remedy}"
    return Remark(
        part="packages", name=f"[{extra}]", state="missing", told="; ".join(faults), remedy=remedy
    )


def _versions(needs: list[Requirement]) -> str:
    return ", ".join(f"{need.name} {importlib.metadata.version(need.name)}" for need in needs)


def _is_of(need: Requirement, extra: str) -> bool:
    """Whether an extra adds this package here."""
    marker = need.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate()


def _python() -> Remark:
    fits = SpecifierSet(">=3.11,<3.14")
    version = platform.python_version()
    memory = psutil.virtual_memory().total / 1e9
    place = f"{platform.system()} {platform.machine()}"
    told = f"{version} on {place}, {os.cpu_count()} cores, {memory:.0f} GB"
    if fits.contains(version, prereleases=True):
        return Remark(part="machine", name="python", state="ok", told=told)
    return Remark(
        part="machine", name="python", state="fault", told=f"{told}; oreo-agent needs {fits}",
        remedy="python3.12 -m venv .venv",
    )  # fmt: skip


def _device() -> Remark:
    import torch  # noqa: PLC0415 - takes seconds, and nothing else here needs it

    told = f"torch {torch.__version__} sees no GPU: policies and values run on the processor"
    if torch.cuda.is_available():
        seen = (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
        told = f"torch {torch.__version__}: " + ", ".join(
            f"{card.name}, {card.total_memory / 1e9:.0f} GB" for card in seen
        )
    return Remark(part="machine", name="device", state="ok", told=told)


def _cache() -> Remark:
    folder = cache_folder()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(there, os.W_OK):
        return Remark(
            part="machine", name="cache", state="fault",
            told=f"{there} cannot be written; games are compiled anew in every run",
            remedy='export XDG_CACHE_HOME="$PWD/.cache"',
        )  # fmt: skip
    size = sum(path.stat().st_size for path in _files(folder))
    return Remark(part="machine", name="cache", state="ok", told=f"{folder}, {size / 1e6:.1f} MB")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
