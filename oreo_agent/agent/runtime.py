"""An agent: a bundle, an engine and a strategy; histories in, decisions out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from oreo_agent.agent.engines import ENGINES, Engine, Parts, Request
from oreo_agent.agent.gate import by_policy, objection
from oreo_agent.agent.history import History, apart
from oreo_agent.agent.strategies import (
    STRATEGIES,
    Answer,
    Candidate,
    Decision,
    Reading,
    Strategy,
    setting_names,
    settings_of,
    spoken,
)
from oreo_agent.config import build
from oreo_agent.errors import BundleError, SettingError
from oreo_agent.model.bundle import Card, fingerprint, read_card
from oreo_agent.model.calibration import Calibration
from oreo_agent.model.prompt import PromptFormat, load_prompt
from oreo_agent.records.episode import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Decides for many episodes at a time; keeps nothing between calls but the engine's caches.

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
    objection: str = ""
    """Why V does not choose here although it was asked to; empty if it may."""

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        strategy: str | None = None,
        value: Path | str | None = None,
        reference: Path | str | None = None,
        prompt: PromptFormat | None = None,
        answer: Answer | None = None,
        trust_value: bool = False,
        engine: str = "transformers",
        device: str = "auto",
        threads: int = 1,
        **settings: Any,
    ) -> Self:
        """The bundle or model at ``path``.

        Args:
            path: a folder that `oreo-agent train` wrote; with ``prompt`` a model in Hugging Face
                format.
            strategy: a name in `STRATEGIES`, or ``module:Class`` of your own; None is best-of-k by
                value if there is one, else greedy.
            value: another bundle, whose value judges this one's replies; None takes its own.
            reference: the bundle that this one learned from, for implicit advantages.
            prompt: how a model that is no bundle is shown its history; None for bundles.
            answer: how a solution's final answer is read, where the task has such a thing.
            trust_value: let V choose even if the bundle's own evidence says that it does harm.
                Otherwise log-probability chooses then, and `objection` says why.
            engine: a name in `ENGINES`.
            device: ``auto`` takes a GPU if there is one.
            threads: CPU threads.
            settings: of the strategy, ``k=5``; its ``max_tokens`` is the prompt format's unless
                given.

        Raises:
            OreoError: the bundle cannot be read, or the strategy's settings do not fit.
        """
        loaded = _bundle(Path(path), value, reference) if prompt is None else _model(path, prompt)
        name = strategy or ("best-of-k" if loaded.value is not None else "greedy")
        judge = read_card(loaded.value.parent) if loaded.value is not None else None
        refused = objection(name, settings, judge.trust) if judge and not trust_value else ""
        spoken_of = by_policy(name, settings) if refused else settings
        chosen = build_strategy(name, spoken_of, max_tokens=loaded.prompt.max_reply_tokens)
        return cls(
            prompt=loaded.prompt,
            engine=ENGINES.load(engine)(
                Parts(
                    policy=loaded.policy,
                    value=loaded.value,
                    reference=loaded.reference,
                    stop_ids=loaded.prompt.stop_ids,
                    steps=loaded.prompt.steps,
                    max_context=loaded.max_context,
                    device=device,
                    threads=threads,
                )
            ),
            strategy=chosen,
            fingerprint=loaded.fingerprint,
            has_value=loaded.value is not None,
            answer=answer,
            calibration=judge.calibration if judge is not None else None,
            beta=loaded.beta,
            objection=refused,
        )

    def begin(
        self, observation: str, *, admissible: Sequence[str] | None = None, seed: int = 0
    ) -> History:
        """The history of an episode that begins.

        Args:
            observation: what the world says first; of a problem, the question.
            admissible: commands that the world would admit, if it tells.
            seed: of the random choices in this episode.
        """
        return History(
            segments=self.prompt.opening(observation),
            admissible=None if admissible is None else tuple(admissible),
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
            admissible: commands that the world would admit now, if it tells.

        Raises:
            SettingError: the prompt format has no words for the command.
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
            (self.prompt.answer(observation, ended=reply.ended),)
            if self.prompt.steps is None
            else ()
        )
        return replace(
            history,
            segments=(*history.segments, action, *heard),
            admissible=None if admissible is None else tuple(admissible),
        )

    def act(self, history: History, *, strategy: str | None = None, **settings: Any) -> Decision:
        """What to say now; see `act_batch`."""
        return self.act_batch([history], strategy=strategy, **settings)[0]

    def act_batch(
        self, histories: Sequence[History], *, strategy: str | None = None, **settings: Any
    ) -> list[Decision]:
        """One decision a history, in order: the same, under its seed, as alone.

        Args:
            histories: of any episodes, the same one twice among them.
            strategy: another one for this decision, by name.
            settings: of it; without ``strategy``, changes to the agent's own.

        Raises:
            OreoError: no such strategy or setting, or a history that leaves no room for a reply.
        """
        mind = self
        if strategy is not None:
            limit = self.prompt.max_reply_tokens
            mind = replace(self, strategy=build_strategy(strategy, settings, max_tokens=limit))
        elif settings:
            mind = replace(self, strategy=_changed(self.strategy, settings))
        return mind.decide(apart([history.request(self.prompt) for history in histories]))

    def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """One decision a request, in order; requests of one call have distinct sessions."""
        began = time.perf_counter()
        decisions = self.strategy(self.engine, Reading(self.prompt, self.answer), requests)
        implied: Sequence[Sequence[float | None]] = [[None] * len(d.candidates) for d in decisions]
        if self.beta is not None:
            replies = [[candidate.ids for candidate in d.candidates] for d in decisions]
            known = self.engine.logps(requests, replies, reference=True)
            implied = [
                [
                    self.beta * (one.logp - logp) if one.logps else None
                    for one, logp in zip(decision.candidates, line, strict=True)
                ]
                for decision, line in zip(decisions, known, strict=True)
            ]
        seconds = (time.perf_counter() - began) / max(len(decisions), 1)
        return [
            replace(
                decision,
                candidates=tuple(
                    self._judged(candidate, decision.value, request, implicit)
                    for candidate, implicit in zip(decision.candidates, line, strict=True)
                ),
                probability=self._chance(decision.value),
                seconds=seconds,
            )
            for decision, request, line in zip(decisions, requests, implied, strict=True)
        ]

    def appraise(self, request: Request, command: str) -> Candidate:
        """The reply that would give ``command``, with V at its end if the agent has a value.

        Raises:
            SettingError: the prompt format has no words for the command.
        """
        said, before = spoken(self.prompt, command), None
        if self.has_value:
            [[before, value]] = self.engine.values([request], [[(), said.ids]])
            said = replace(said, value=value)
        return self._judged(said, before, request, None)

    def close(self, session: str | History) -> None:
        """Forget an episode's caches."""
        self.engine.close(session.session if isinstance(session, History) else session)

    def _judged(
        self,
        candidate: Candidate,
        before: float | None,
        request: Request,
        implicit: float | None,
    ) -> Candidate:
        """A candidate with what is known of it beside V; ``before`` is V before the reply."""
        value, allowed = candidate.value, request.admissible
        return replace(
            candidate,
            probability=self._chance(value),
            advantage=value - before if value is not None and before is not None else None,
            implicit_advantage=implicit,
            admissible=candidate.command in allowed if allowed is not None else None,
        )

    def _chance(self, value: float | None) -> float | None:
        if value is None or self.calibration is None:
            return None
        return self.calibration.probability(value)


def build_strategy(name: str, settings: dict[str, Any], *, max_tokens: int) -> Strategy:
    """The strategy called ``name``.

    Args:
        name: in `STRATEGIES`, or ``module:Class``.
        settings: of it.
        max_tokens: the longest reply, unless the settings tell another.

    Raises:
        SettingError: no such strategy or setting.
    """
    kind: Any = STRATEGIES.load(name)
    known = setting_names(kind)
    limit = {"max_tokens": max_tokens} if "max_tokens" in known else {}
    if not known and not settings:
        return kind()
    return build(kind, limit | settings, at=f"strategy {name}")


def _changed(strategy: Any, settings: dict[str, Any]) -> Strategy:
    return build(type(strategy), settings_of(strategy) | settings, at="strategy")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """What an agent is put together from."""

    prompt: PromptFormat
    policy: Path
    value: Path | None = None
    reference: Path | None = None
    beta: float | None = None
    max_context: int | None = None
    fingerprint: str


def _bundle(folder: Path, value: Path | str | None, reference: Path | str | None) -> _Loaded:
    card = read_card(folder)
    judge = folder if value is None else Path(value)
    # transformers takes seconds to import, and who reads a card does not need it
    from oreo_agent.model.tokenizers import load_tokenizer  # noqa: PLC0415

    return _Loaded(
        prompt=load_prompt(card.prompt, load_tokenizer(folder / "tokenizer")),
        policy=folder / "policy",
        value=_value(judge, card) if value is not None or card.has_value else None,
        reference=None if reference is None else _reference(Path(reference), folder, card),
        beta=None if reference is None else card.settings["objective"]["beta"],
        max_context=card.max_context,
        fingerprint="+".join(dict.fromkeys((fingerprint(folder), fingerprint(judge)))),
    )


def _model(folder: Path | str, prompt: PromptFormat) -> _Loaded:
    return _Loaded(prompt=prompt, policy=Path(folder), fingerprint=fingerprint(folder))


def _value(folder: Path, policy: Card) -> Path:
    """The value network of ``folder``, which must read the policy's tokens."""
    card = read_card(folder)
    if not card.has_value:
        raise BundleError(
            f"{folder} has no value network (method {card.method!r}); name a bundle that was "
            "trained with a method that learns one, for instance oreo"
        )
    if card.tokenizer != policy.tokenizer:
        raise BundleError(
            f"the value of {folder} reads tokenizer {card.tokenizer!r} and the policy speaks "
            f"{policy.tokenizer!r}; take bundles of one family"
        )
    return folder / "value"


def _reference(folder: Path, learner: Path, card: Card) -> Path:
    """The policy of ``folder``, from which that of ``learner`` must have learned."""
    if "beta" not in card.settings.get("objective", {}):
        raise SettingError(
            f"{learner} learned by {card.method!r}, which has no reference and no beta; leave the "
            "reference out"
        )
    told = fingerprint(folder)
    if told not in card.base:
        raise BundleError(
            f"{learner} learned from {card.base}, and {folder} is {told}; name the folder that "
            "`train --model` was given"
        )
    return folder / "policy"
