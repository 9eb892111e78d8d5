"""An agent: a bundle, an engine and a strategy; histories in, decisions out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from oreo_agent.agent.engines import Engine, Request
from oreo_agent.agent.strategies import Answer, Candidate, Decision, Reading, Strategy, spoken
from oreo_agent.model.prompt import PromptFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Decides for many episodes at a time; keeps nothing between calls but the engine's caches."""

    prompt: PromptFormat
    engine: Engine
    strategy: Strategy
    fingerprint: str
    """Checksum of the weights that play."""
    has_value: bool = False
    """Whether the engine can tell V."""
    answer: Answer | None = None
    """How a solution's final answer is read, where the task has such a thing."""

    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """One decision a request, in order; requests of one call have distinct sessions."""
        return self.strategy(self.engine, Reading(self.prompt, self.answer), requests)

    def appraise(self, request: Request, command: str) -> Candidate:
        """The reply that would give ``command``, with V at its end if the agent has a value.

        Raises:
            SettingError: the prompt format has no words for the command.
        """
        said = spoken(self.prompt, command)
        if not self.has_value:
            return said
        [[value]] = self.engine.values([request], [[said.ids]])
        return replace(said, value=value)

    def close(self, session: str) -> None:
        """Forget an episode's caches."""
        self.engine.close(session)
