"""Offline reasoning optimisation for language-model agents: collect, learn, act with the value."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oreo_agent.agent.runtime import Agent
    from oreo_agent.learn.oreo_config import OREOConfig
    from oreo_agent.learn.oreo_trainer import OREOTrainer

__version__ = "0.1.0"
__all__ = ["Agent", "OREOConfig", "OREOTrainer", "__version__"]

_LAZY = {
    "Agent": "oreo_agent.agent.runtime",
    "OREOConfig": "oreo_agent.learn.oreo_config",
    "OREOTrainer": "oreo_agent.learn.oreo_trainer",
}
"""Where names lie that are imported when they are asked for: torch takes seconds."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
