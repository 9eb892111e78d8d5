"""What is made up here is a module of its own, so that every test can name its parts."""

import sys
from pathlib import Path

import pytest
import torch

from oreo_agent.agent.runtime import Agent

sys.path.insert(0, str(Path(__file__).parent))

from made_agents import make_bundle


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A policy, and what says that it learned from it by OREO, with a value."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("bundles")
    first = make_bundle(folder / "sft", seed=1)
    return first, make_bundle(folder / "oreo", seed=2, base=first)


@pytest.fixture(scope="module")
def agent(bundles: tuple[Path, Path]) -> Agent:
    return Agent.load(bundles[1], reference=bundles[0], device="cpu", k=3, temperature=1.0)
