"""An agent: a bundle, an engine and a strategy; histories in, decisions out."""

from collections.abc import Sequence
from dataclasses import dataclass

from oreo_agent.agent.engines import Engine, Request
from oreo_agent.agent.strategies import Decision, Strategy
from oreo_agent.model.prompt import PromptFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Decides for many episodes at a time; keeps nothing between calls but the engine's caches."""

    prompt: PromptFormat
    engine: Engine
    strategy: Strategy
    fingerprint: str
    """Checksum of the weights that play."""

    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """One decision a request, in order; requests of one call have distinct sessions."""
        return self.strategy(self.engine, self.prompt.read, requests)

    def close(self, session: str) -> None:
        """Forget an episode's caches."""
        self.engine.close(session)
