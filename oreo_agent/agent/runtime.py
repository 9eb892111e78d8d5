"""An agent: a bundle, an engine and a strategy; histories in, decisions out."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import RLock
from typing import Any, Self

from oreo_agent.agent import gate
from oreo_agent.agent.engines import ENGINES, USUAL_DTYPE, USUAL_ENGINE, Engine, Parts, Request
from oreo_agent.agent.history import History, apart
from oreo_agent.agent.making import build_strategy, changed, decided
from oreo_agent.agent.sources import from_bundle, from_model
from oreo_agent.agent.strategies import (
    Answer,
    Appraisal,
    Candidate,
    Decision,
    Reading,
    Strategy,
    spoken,
)
from oreo_agent.agent.weighing import implicit_advantages, with_logps
from oreo_agent.errors import SettingError
from oreo_agent.model.calibration import Calibration
from oreo_agent.model.prompt import PromptFormat
from oreo_agent.model.trust import Trust
from oreo_agent.records.episode import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Decides for many episodes at a time; keeps nothing between calls but the engine's caches.

    Threads may share one: they wait for each other, and `act_batch` is what makes many fast.

    ::

        agent = Agent.load("runs/oreo")
        history = agent.begin(observation, admissible=commands)
        decision = agent.act(history)
        observation, commands = my_world(decision.choice.command)
        history = agent.hear(history, decision, observation, admissible=commands)
    """

    prompt: PromptFormat
    engine: Engine
    strategy: Strategy
    """As it was asked for; where there is an `objection`, it decides by the policy."""
    fingerprint: str
    """Checksum of the weights that play."""
    has_value: bool = False
    """Whether the engine can tell V."""
    answer: Answer | None = None
    """How a solution's final answer is read, where the task has such a thing."""
    calibration: Calibration | None = None
    """V as a chance of success; None if the bundle that V is from has none."""
    beta: float | None = None
    """Reward units per nat; set where the engine knows the reference, for implicit advantages."""
    trust: Trust | None = None
    """What the bundle that V is from knows of its choices; None if nothing."""
    trust_value: bool = False
    """Let V choose even if that speaks against it."""
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)
    """Whoever decides holds it: the engine's caches are of one thread at a time."""

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        strategy: str | None = None,
        value: Path | str | None = None,
        reference: Path | str | None = None,
        prompt: PromptFormat | Mapping[str, Any] | None = None,
        answer: Answer | None = None,
        trust_value: bool = False,
        engine: str = USUAL_ENGINE,
        device: str = "auto",
        dtype: str = USUAL_DTYPE,
        threads: int = 1,
        **settings: Any,
    ) -> Self:
        """The bundle or model at ``path``.

        Args:
            path: a folder that `oreo-agent train` wrote; with ``prompt`` a model in Hugging Face
                format.
            strategy: a name in `STRATEGIES`, or ``module:Class`` or ``file.py:Class`` of your own;
                None is best-of-k by value if there is one, else greedy.
            value: another bundle, whose value judges this one's replies; None takes its own.
            reference: the folder that this one learned from, for implicit advantages.
            prompt: how a model that is no bundle is shown its history: a format, or the settings
                of one, ``{"format": "react", "instruction": ...}``; None for bundles.
            answer: how a solution's final answer is read, where the task has such a thing.
            trust_value: let V choose even if the bundle's own evidence says that it does harm.
                Otherwise the policy chooses then, and `objection` says why.
            engine: a name in `ENGINES`.
            device: ``auto`` takes a GPU if there is one.
            dtype: of the weights in memory, one of `DTYPES`; ``auto`` is float32 on a CPU, and as
                they are stored on a GPU.
            threads: CPU threads.
            settings: of the strategy, ``k=5``; its ``max_tokens`` is the prompt format's unless
                given.

        Raises:
            OreoError: the bundle cannot be read, or the strategy's settings do not fit.
        """
        folder = Path(path)
        if prompt is None:
            loaded = from_bundle(folder, value, reference)
        else:
            loaded = from_model(folder, prompt, value, reference)
        name = strategy or ("best-of-k" if loaded.value is not None else "greedy")
        # before the networks, which take time
        longest, trust = loaded.prompt.max_reply_tokens, loaded.trust
        asked = build_strategy(name, settings, max_tokens=longest, trust=trust)
        parts = Parts(
            policy=loaded.policy,
            value=loaded.value,
            reference=loaded.reference,
            stop_ids=loaded.prompt.stop_ids,
            steps=loaded.prompt.steps,
            max_context=loaded.max_context,
            device=device,
            dtype=dtype,
            threads=threads,
        )
        return cls(
            prompt=loaded.prompt,
            engine=ENGINES.load(engine)(parts),
            strategy=asked,
            fingerprint=loaded.fingerprint,
            has_value=loaded.value is not None,
            answer=answer,
            calibration=loaded.calibration,
            beta=loaded.beta,
            trust=trust,
            trust_value=trust_value,
        )

    @property
    def objection(self) -> str:
        """Why V does not choose although `strategy` asks for it; empty if it may."""
        return "" if self.trust_value else gate.objection(self.strategy, self.trust)

    def begin(
        self, observation: str, *, admissible: Sequence[str] | None = None, seed: int = 0
    ) -> History:
        """The history of an episode that begins.

        Args:
            observation: what the world says first; of a problem, the question.
            admissible: commands that the world would admit; None, or none, if it does not tell.
            seed: of the random choices in this episode.

        Raises:
            SettingError: the observation is no text, or the commands are one text and no list.
        """
        return History(
            segments=self.prompt.opening(_text(observation)),
            admissible=_commands(admissible),
            seed=seed,
        )

    def hear(
        self,
        history: History,
        said: Decision | Candidate | str,
        observation: str = "",
        *,
        admissible: Sequence[str] | None = None,
    ) -> History:
        """The history after a reply and what the world answered; ``history`` stays as it was.

        Args:
            history: before the reply.
            said: a decision (its choice), another candidate of it, or a command of your own.
            observation: the answer; steps of a solution have none.
            admissible: commands that the world would admit now, as `begin` has them.

        Raises:
            SettingError: the prompt format has no words for the command, the observation is no
                text, or the commands are one text and no list.
        """
        if isinstance(said, str):
            said = spoken(self.prompt, said)
        reply = said.choice if isinstance(said, Decision) else said
        action = Segment(
            kind="action",
            ids=reply.ids,
            text=reply.text,
            logps=reply.logps,
            command=reply.command,
        )
        heard = (
            (self.prompt.answer(_text(observation), ended=reply.ended),)
            if self.prompt.steps is None
            else ()
        )
        return replace(
            history,
            segments=(*history.segments, action, *heard),
            admissible=_commands(admissible),
        )

    def act(self, history: History, *, strategy: str | None = None, **settings: Any) -> Decision:
        """What to say now; see `act_batch`."""
        return self.act_batch([history], strategy=strategy, **settings)[0]

    def act_batch(
        self, histories: Sequence[History], *, strategy: str | None = None, **settings: Any
    ) -> list[Decision]:
        """One decision a history, in order: the same, under its seed, as alone.

        Args:
            histories: of any episodes, several of one episode among them.
            strategy: another one for this decision, by name; it goes through the same gate.
            settings: of it; without ``strategy``, changes to the agent's own.

        Raises:
            OreoError: no such strategy or setting, or a history that leaves no room for a reply.
        """
        mind = self
        if strategy is not None:
            longest = self.prompt.max_reply_tokens
            asked = build_strategy(strategy, settings, max_tokens=longest, trust=self.trust)
            mind = replace(self, strategy=asked)
        elif settings:
            mind = replace(self, strategy=changed(self.strategy, settings))
        asked = [history.request(self.prompt) for history in histories]
        requests = apart(asked)
        renamed = [(a, r) for a, r in zip(asked, requests, strict=True) if a.session != r.session]
        with self.lock:
            try:
                for one, other in renamed:
                    self.engine.fork(one.session, other.session)
                return mind.decide(requests)
            finally:
                for _, other in renamed:
                    self.engine.close(other.session)

    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """One decision a request, in order; requests of one call have distinct sessions.

        Raises:
            OreoError: as `act_batch`.
        """
        if not requests:
            return []
        doubt = self.objection
        strategy = gate.by_policy(self.strategy) if doubt else self.strategy
        with self.lock:
            began = time.perf_counter()
            found = decided(strategy, self.engine, Reading(self.prompt, self.answer), requests)
            told = self._told(requests, [d.candidates for d in found], [d.value for d in found])
        seconds = (time.perf_counter() - began) / len(found)
        return [
            replace(
                decision,
                candidates=tuple(candidates),
                probability=self._chance(decision.value),
                objection=doubt,
                seconds=seconds,
            )
            for decision, candidates in zip(found, told, strict=True)
        ]

    def appraise(self, request: Request, command: str) -> Candidate:
        """The reply that would give ``command``, with all that is told of a candidate.

        Raises:
            SettingError: the prompt format has no words for the command.
        """
        [appraisal] = self.weigh([request], [[spoken(self.prompt, command)]])
        return appraisal.candidates[0]

    def weigh(
        self, requests: Sequence[Request], lines: Sequence[Sequence[Candidate]]
    ) -> list[Appraisal]:
        """What replies are worth, whoever thought of them; nothing is drawn.

        Args:
            requests: distinct sessions.
            lines: replies to each, none of them empty.
        """
        if not requests:
            return []
        with self.lock:
            began = time.perf_counter()
            before, lines = self._valued(requests, lines)
            found = self._told(requests, lines, before)
        seconds = (time.perf_counter() - began) / len(requests)
        return [
            Appraisal(candidates=tuple(line), value=v, probability=self._chance(v), seconds=seconds)
            for line, v in zip(found, before, strict=True)
        ]

    def close(self, session: str | History) -> None:
        """Forget an episode's caches; the episode may go on all the same, and is read anew."""
        with self.lock:
            self.engine.close(session.session if isinstance(session, History) else session)

    def _valued(
        self, requests: Sequence[Request], lines: Sequence[Sequence[Candidate]]
    ) -> tuple[list[float | None], Sequence[Sequence[Candidate]]]:
        """V before each reply, and the replies with V at their ends."""
        if not self.has_value:
            return [None] * len(requests), lines
        worth = self.engine.values(requests, [[(), *(one.ids for one in line)] for line in lines])
        return [told[0] for told in worth], [
            [replace(one, value=value) for one, value in zip(line, told[1:], strict=True)]
            for line, told in zip(lines, worth, strict=True)
        ]

    def _told(
        self,
        requests: Sequence[Request],
        lines: Sequence[Sequence[Candidate]],
        before: Sequence[float | None],
    ) -> list[list[Candidate]]:
        """Candidates with what is known of them beside V; ``before`` is V before each reply."""
        lines = with_logps(self.engine, requests, lines)
        implied = implicit_advantages(self.engine, requests, lines, self.beta)
        return [
            [
                replace(
                    one,
                    probability=self._chance(one.value),
                    advantage=None if one.value is None or start is None else one.value - start,
                    implicit_advantage=implicit,
                    admissible=one.command in request.admissible if request.admissible else None,
                )
                for one, implicit in zip(line, implicits, strict=True)
            ]
            for request, line, start, implicits in zip(
                requests, lines, before, implied, strict=True
            )
        ]

    def _chance(self, value: float | None) -> float | None:
        if value is None or self.calibration is None:
            return None
        return self.calibration.probability(value)


def _text(observation: object) -> str:
    """What the world says, which is easily given with all else that Gymnasium returns."""
    if isinstance(observation, str):
        return observation
    raise SettingError(
        f"an observation is a text, got {type(observation).__name__}; of what reset() and step() "
        "return give the first part"
    )


def _commands(admissible: Sequence[str] | None) -> tuple[str, ...] | None:
    """What the world would admit; None if it does not tell."""
    if isinstance(admissible, str):
        raise SettingError(f"admissible commands are a list, got the text {admissible!r}")
    return None if admissible is None else tuple(map(str, admissible)) or None
