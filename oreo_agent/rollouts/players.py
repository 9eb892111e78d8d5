"""Players: model agents and text policies behind one face; views in, decisions out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from oreo_agent.agent.engines import Request
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import Candidate, Decision, spoken
from oreo_agent.errors import EnvironmentFault
from oreo_agent.model.prompt import PromptFormat
from oreo_agent.records.episode import PolicyRecord
from oreo_envs.faults import BREAKS, in_one_line
from oreo_envs.heard import whole


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An episode that waits for a reply, as its player sees it."""

    session: str
    """Names the attempt at the episode."""
    turn: int
    """0 for the first reply."""
    seed: int
    """Decides the random choices of this reply, whatever else is in the batch."""
    drawn: int = 0
    """Tokens of this solution so far, all of which one seed decides; 0 where a turn has its own."""
    limit: int | None = None
    """Most tokens of the reply, where a solution has used up some of its own."""
    ids: tuple[int, ...]
    """The whole history as token ids; empty without a tokenizer."""
    observation: str
    """What the world said last."""
    info: Mapping[str, Any]
    """What the world added to it: ``admissible_commands`` and so on."""


class Player(Protocol):
    """Plays many episodes at a time."""

    @property
    def policy(self) -> PolicyRecord:
        """What is recorded of it."""
        ...

    @property
    def prompt(self) -> PromptFormat:
        """Renders the episodes."""
        ...

    @property
    def max_context(self) -> int | None:
        """Longest history with its reply, in tokens; None if there is no limit."""
        ...

    def decide(self, views: Sequence[View]) -> list[Decision]:
        """One decision a view, in order; sessions are distinct."""
        ...

    def appraise(self, view: View, command: str) -> Candidate:
        """What a command that somebody else proposes would be, with its V if there is one.

        Raises:
            SettingError: the player's prompt format cannot say the command.
        """
        ...

    def replaced(self, session: str, command: str) -> None:
        """Tell that ``command`` was played instead of the session's last decision."""
        ...

    def retold(self, view: View, command: str) -> None:
        """Tell that ``command`` was played at ``view``, about which the player was not asked."""
        ...

    def close(self, session: str) -> None:
        """Forget a session; unknown ones are ignored."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlayer:
    """An agent that reads token ids."""

    agent: Agent
    policy: PolicyRecord

    @property
    def prompt(self) -> PromptFormat:
        """The agent's."""
        return self.agent.prompt

    @property
    def max_context(self) -> int | None:
        """The engine's, where it has one."""
        return getattr(self.agent.engine, "max_context", None) or None

    def decide(self, views: Sequence[View]) -> list[Decision]:
        """By the agent's strategy."""
        return self.agent.decide([_request(view) for view in views])

    def appraise(self, view: View, command: str) -> Candidate:
        """The agent's reply that gives the command, and V after it."""
        return self.agent.appraise(_request(view), command)

    def replaced(self, session: str, command: str) -> None:
        """Nothing to do: the agent reads the history, where it stands."""

    def retold(self, view: View, command: str) -> None:
        """Nothing to do."""

    def close(self, session: str) -> None:
        """Let the engine forget it."""
        self.agent.close(session)


def _request(view: View) -> Request:
    return Request(
        session=view.session,
        ids=view.ids,
        seed=view.seed,
        drawn=view.drawn,
        limit=view.limit,
        admissible=tuple(view.info.get("admissible_commands") or ()) or None,
    )


class TextPolicy(Protocol):
    """Plays one episode from its texts: an expert, a random player."""

    def begin(self, observation: str) -> None:
        """Get ready for a game whose first observation this is."""
        ...

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """The command for what the world said last."""
        ...

    def replaced(self, command: str) -> None:
        """Know that ``command`` was given instead of the one that `act` returned last."""
        ...


class TextPlayer:
    """A text policy for each episode; its commands are told in the words of a prompt format."""

    max_context: int | None = None

    def __init__(
        self, make: Callable[[int], TextPolicy], policy: PolicyRecord, prompt: PromptFormat
    ) -> None:
        """Play with policies that ``make`` gives for a seed."""
        self.policy = policy
        self.prompt = prompt
        self._make = make
        self._sessions: dict[str, TextPolicy] = {}

    def decide(self, views: Sequence[View]) -> list[Decision]:
        """One command a view, by the session's own policy."""
        return [self._decide(view) for view in views]

    def _decide(self, view: View) -> Decision:
        if view.turn == 0:
            policy = self._sessions[view.session] = self._make(view.seed)
            policy.begin(view.observation)
        command = whole(self._sessions[view.session].act(view.observation, view.info))
        ids = self.prompt.reply(command)
        text = self.prompt.read(ids)[0] if ids else command
        said = Candidate(ids=ids, text=text, command=command, ended=True)
        return Decision(strategy=self.policy.kind, chosen=0, candidates=(said,))

    def appraise(self, view: View, command: str) -> Candidate:
        """The command in the words of the prompt format; no V."""
        return spoken(self.prompt, command)

    def replaced(self, session: str, command: str) -> None:
        """The session's policy hears of it.

        Raises:
            EnvironmentFault: it does not bear it.
        """
        try:
            self._sessions[session].replaced(command)
        except BREAKS as error:
            raise EnvironmentFault(
                f"the {self.policy.kind} player cannot go on after {command!r}: "
                f"{in_one_line(error)}; mend its replaced()"
            ) from error

    def retold(self, view: View, command: str) -> None:
        """The session's policy is asked, and hears of it."""
        if self._decide(view).choice.command != command:
            self.replaced(view.session, command)

    def close(self, session: str) -> None:
        """Drop the session's policy."""
        self._sessions.pop(session, None)
