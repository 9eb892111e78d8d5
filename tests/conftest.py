"""What tests stand on: a home of their own, real data if there is any, the stock engine if asked.

``OREO_SHARED_DATA`` names the folder with the real games; without it ``../shared/data`` beside the
repository is tried. ``OREO_REQUIRE_STOCK=1`` turns a missing stock engine from a skip into a fault.
"""

import importlib.util
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

pytest_plugins = ("made_tokenizer", "own_environments")

settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

REPOSITORY = Path(__file__).resolve().parent.parent
STOCK_REMEDY = "`make setup STOCK=1` adds it (compiles for about ten minutes)"


def stock_is_missing() -> str:
    """Why the stock engine cannot be compared with; ``""`` if it can."""
    for package in ("textworld", "alfworld", "fast_downward"):
        if importlib.util.find_spec(package) is None:
            return f"the stock engine's package {package} is not installed; {STOCK_REMEDY}"
    if sys.version_info >= (3, 13):
        return "the stock engine's grammar does not run on Python 3.13 (PEP 667); use 3.11 or 3.12"
    return ""


def stock_is_required() -> bool:
    """Whether a comparison that is left out is a fault."""
    return os.environ.get("OREO_REQUIRE_STOCK", "0") not in ("", "0")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out the comparisons with the stock engine where there is none, or insist on it."""
    if item.get_closest_marker("stock") is None or not (reason := stock_is_missing()):
        return
    if stock_is_required():
        pytest.fail(f"OREO_REQUIRE_STOCK is set, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file left out for want of the stock engine is a fault where that engine is required."""
    report = yield
    if report.skipped and stock_is_required() and "stock" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"OREO_REQUIRE_STOCK is set, but {stock_is_missing()}: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was left out, and how to have it."""
    skipped: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple):
            reason = str(report.longrepr[2]).removeprefix("Skipped: ")
            skipped.setdefault(reason, []).append(report.nodeid)
    for reason, names in skipped.items():
        terminalreporter.write_line(f"skipped {len(names)}: {reason}")
        for name in names:
            terminalreporter.write_line(f"    {name}")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder and cache for each test; what the user has at home is not seen."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / ".cache"))
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real games and problems; the test is skipped where there is none."""
    named = os.environ.get("OREO_SHARED_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not (folder / "unpack_alfworld.py").is_file():
        pytest.skip("no real data: neither at OREO_SHARED_DATA nor in ../shared/data")
    return folder
