"""A plug-in of the tests: environments of a user's own, in files and in installed packages."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import gymnasium
import pytest

from oreo_envs import finding
from oreo_envs.registration import REGISTRATIONS

PLANTED = Path(__file__).with_name("envs") / "planted.py"
"""A file with a sound environment, and the same with one fault each."""
BREAKING = PLANTED.with_name("breaking.py")
"""A file with worlds and experts that break."""
GAME = """
import gymnasium, oreo_envs

class Game(gymnasium.Env):
    observation_space = action_space = oreo_envs.Prose()
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return f"Seed {seed}.", {"admissible_commands": ["win"]}
    def step(self, action):
        return "Over.", 1.0, True, False, {"admissible_commands": ["win"]}
"""
"""A file with an environment that is won by its first command."""


@pytest.fixture
def as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Registrations, plug-ins and modules of its own that a test reads are forgotten after it."""
    monkeypatch.setattr(finding, "_read", {})
    tables = (REGISTRATIONS, gymnasium.registry)
    before = [dict(table) for table in tables]
    modules = set(sys.modules)
    yield
    for table, known in zip(tables, before, strict=True):
        table.clear()
        table.update(known)
    for name in set(sys.modules) - modules:
        file = Path(getattr(sys.modules[name], "__file__", None) or "")
        if file in (PLANTED, BREAKING) or file.is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.fixture
def installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_it_was: None
) -> Callable[[str, str], None]:
    """Puts packages on the path, with the entry points that pip would write."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)
        announce(tmp_path, name, f"{name} = {name}\n")

    return install


def announce(site: Path, name: str, points: str) -> None:
    """Write what tells of an installed package's entry points."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[oreo_envs]\n{points}")
