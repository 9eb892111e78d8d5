"""What happens on the engine's thread: jobs that were taken together are decided in one call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from oreo_agent.agent.history import History
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import Appraisal, Candidate, Decision, spoken
from oreo_agent.errors import EngineError
from oreo_agent.serving.past import Past
from oreo_agent.serving.sessions import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request, as far as the engine is concerned."""

    past: Past
    commands: tuple[str, ...] | None = None
    """To be judged; None asks for a decision."""
    strategy: str = ""
    """Of the decision."""
    settings: tuple[tuple[str, Any], ...] = ()

    @property
    def kind(self) -> tuple[Any, ...]:
        """Jobs of one kind are done in one call."""
        return self.commands is None, self.strategy, self.settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a job."""

    told: Decision | Appraisal
    prompt_tokens: int
    """Of the history."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A job whose history is in tokens and has a session."""

    job: Job
    history: History
    tokens: int
    said: tuple[Candidate, ...] = ()


class Mind:
    """An agent that is asked many things at a time; used by one thread."""

    def __init__(self, agent: Agent, *, sessions: int) -> None:
        """Keep up to ``sessions`` histories in the engine."""
        self.agent = agent
        self.sessions = Sessions(agent.engine, sessions)

    def answer(self, jobs: Sequence[Job]) -> list[Answer | Exception]:
        """One answer a job of one kind, in order; what fails in one concerns no other."""
        answers: list[Answer | Exception | None] = [None] * len(jobs)
        ready: dict[int, _Ready] = {}
        for i, job in enumerate(jobs):
            try:
                ready[i] = self._prepared(job)
            except Exception as error:
                answers[i] = error
        places = list(ready)
        for i, found in zip(places, self._together(list(ready.values())), strict=True):
            answers[i] = found
        return [answer for answer in answers if answer is not None]

    def _prepared(self, job: Job) -> _Ready:
        history = job.past.history(self.agent)
        said = tuple(spoken(self.agent.prompt, command) for command in job.commands or ())
        request = history.request(self.agent.prompt)
        longest = max((len(one.ids) for one in said), default=0)
        if job.commands is None:
            longest = dict(job.settings).get("max_tokens", self.agent.prompt.max_reply_tokens)
            longest = longest if request.limit is None else min(longest, request.limit)
        context: int | None = getattr(self.agent.engine, "max_context", None)
        if context is not None and len(request.ids) + longest > context:
            raise EngineError(
                f"a history of {len(request.ids)} tokens leaves no room for a reply of {longest} "
                f"in a context of {context}; send a shorter history"
            )
        session = self.sessions.lend(request.ids)
        return _Ready(job, replace(history, session=session), len(request.ids), said)

    def _together(self, batch: list[_Ready]) -> list[Answer | Exception]:
        """In one call; if that fails, each alone, so that one cannot spoil it for the others."""
        if not batch:
            return []
        names = [one.history.session for one in batch]
        try:
            told = self._told(batch)
        except Exception as error:
            self.sessions.forget(names)
            if len(batch) == 1:
                return [error]
            again = [self._again(one) for one in batch]
            return [answer for one in again for answer in self._together([one])]
        self.sessions.give_back(names)
        return [
            Answer(told=found, prompt_tokens=one.tokens)
            for one, found in zip(batch, told, strict=True)
        ]

    def _again(self, one: _Ready) -> _Ready:
        session = self.sessions.lend(one.history.request(self.agent.prompt).ids)
        return replace(one, history=replace(one.history, session=session))

    def _told(self, batch: list[_Ready]) -> Sequence[Decision | Appraisal]:
        job, histories = batch[0].job, [one.history for one in batch]
        if job.commands is not None:
            requests = [history.request(self.agent.prompt) for history in histories]
            return self.agent.weigh(requests, [one.said for one in batch])
        settings = dict(job.settings)
        return self.agent.act_batch(histories, strategy=job.strategy, **settings)
