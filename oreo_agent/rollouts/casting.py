"""Who plays: plain settings in, a player out.

The settings can be sent to another process; what is made of them cannot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import quote

from oreo_agent.agent.engines import ENGINES, USUAL_DTYPE, USUAL_ENGINE, check_dtype
from oreo_agent.agent.gate import by_policy, objection
from oreo_agent.agent.making import build_strategy, own_settings
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import STRATEGIES, settings_of
from oreo_agent.errors import SettingError, nearest
from oreo_agent.model.bundle import CARD, read_card
from oreo_agent.model.chat import ChatPrompt
from oreo_agent.model.prompt import PromptFormat
from oreo_agent.records.episode import PolicyRecord
from oreo_agent.rollouts.experts import chance, expert, world_words
from oreo_agent.rollouts.players import ModelPlayer, Player, TextPlayer
from oreo_agent.rollouts.stage import Stage, registration_of
from oreo_agent.rollouts.wording import WORDS, Questioning, task_prompt, world_prompt

TEXT_POLICIES = ("expert", "random")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who plays."""

    policy: str = "expert"
    """``expert``, ``random``, or the folder of a bundle or of a model in Hugging Face format."""
    strategy: str = "greedy"
    """How a bundle decides; a name in `oreo_agent.agent.strategies.STRATEGIES`, or of your own."""
    settings: tuple[tuple[str, Any], ...] = ()
    """Of the strategy, as pairs: ``("temperature", 0.7)``."""
    value: str | None = None
    """Another bundle, whose value judges the replies; None takes the player's own."""
    epsilon: float = 0.0
    """Share of an expert's turns that are played at random."""
    prompt: str | None = None
    """Prompt format; None is ``compact`` for expert and random, ``react`` for a model. A bundle has
    its own."""
    model: str | None = None
    """Model folder whose tokenizer writes the ids of chat formats; without one there are no ids."""
    engine: str = USUAL_ENGINE
    """What runs the policy; a name in `oreo_agent.agent.engines.ENGINES`."""
    device: str = "auto"
    dtype: str = USUAL_DTYPE
    """Of the weights in memory; one of `oreo_agent.agent.engines.DTYPES`."""
    threads: int = 1
    """CPU threads of the engine."""
    forbidden: str = ""
    """The score that the gate took from the strategy."""

    def __post_init__(self) -> None:
        STRATEGIES.check(self.strategy)
        ENGINES.check(self.engine)
        check_dtype(self.dtype)
        if self.engine != USUAL_ENGINE and not self.is_model:
            raise SettingError(f"{self.policy!r} needs no engine; leave --engine out")
        if self.dtype != USUAL_DTYPE and not self.is_model:
            raise SettingError(f"{self.policy!r} has no weights; leave --dtype out")
        if not 0 <= self.epsilon <= 1:
            raise SettingError(f"epsilon is a share between 0 and 1, got {self.epsilon}")
        if self.threads < 1:
            raise SettingError(f"the number of threads must be 1 or more, got {self.threads}")
        if self.is_model and self.epsilon:
            raise SettingError("epsilon is for the expert; a model is varied by its temperature")
        if self.policy == "random" and self.epsilon:
            raise SettingError("epsilon is for the expert; all turns of random are random")
        if self.value is not None and not self.is_model:
            raise SettingError(f"{self.policy!r} has no replies that a value could judge")

    @property
    def is_model(self) -> bool:
        """Whether a bundle plays."""
        return self.policy not in TEXT_POLICIES

    def gated(self, *, trust_value: bool = False) -> tuple["Cast", str]:
        """Who plays once the gate has been asked, and what is to be said of it.

        Where the value that is to choose is known to choose badly, log-probability (of majorities
        that V weighs, plain majority) chooses in its place.

        Args:
            trust_value: let V choose all the same.

        Raises:
            BundleError: its card cannot be read.
        """
        judge = Path(self.policy if self.value is None else self.value)
        if not self.is_model or not (judge / CARD).exists():
            return self, ""
        trust = read_card(judge).trust
        settings = dict(self.settings)
        asked: Any = build_strategy(self.strategy, settings, max_tokens=1, trust=trust)
        why = objection(asked, trust)
        if not why:
            return self, ""
        if trust_value:
            return self, f"{judge}: {why}; it chooses all the same"
        before, after = settings_of(asked), settings_of(by_policy(asked))
        other = {name: after[name] for name in after if after[name] != before[name]}
        said = f"{judge}: {why}; the policy chooses in its place, unless you say --trust-value"
        changed = tuple((settings | other).items())
        return replace(self, settings=changed, forbidden=asked.score), said

    def stranger(self, task: str) -> str:
        """What is to be said of a bundle that has learned other tasks than ``task``; else nothing.

        Raises:
            BundleError: its card cannot be read.
        """
        if not self.is_model or not (Path(self.policy) / CARD).exists():
            return ""
        card = read_card(self.policy)
        if card.has_learned(task):
            return ""
        return f"{self.policy} is an agent for {card.task}, and {task} is played"

    @property
    def strategy_name(self) -> str:
        """The strategy, a user's own with a checksum of its file: ``my.py:Mine@1f2e3d4c``."""
        return "@".join(filter(None, (self.strategy, STRATEGIES.checksum(self.strategy))))

    def player(self, stage: Stage) -> Player:
        """Load who plays on ``stage``.

        Raises:
            OreoError: a name, a bundle or a model is wrong.
        """
        asked = stage.questioning()
        if self.is_model:
            return self._agent(stage, asked)
        return self._text_policy(stage, asked)

    def _agent(self, stage: Stage, asked: Questioning | None) -> ModelPlayer:
        prompt = self._model_prompt(stage, asked)
        agent = Agent.load(
            self.policy,
            strategy=self.strategy,
            value=self.value,
            prompt=prompt,
            answer=None if asked is None else asked.answer,
            trust_value=True,  # the gate has been asked before
            engine=self.engine,
            device=self.device,
            dtype=self.dtype,
            threads=self.threads,
            **dict(self.settings),
        )
        # with their defaults: a policy is known by what it did, not by what was said of it
        settings = settings_of(agent.strategy)
        other = [] if self.engine == USUAL_ENGINE else [f"engine={self.engine}"]
        other += [] if self.dtype == USUAL_DTYPE else [f"dtype={self.dtype}"]
        policy = PolicyRecord(
            kind="model",
            fingerprint=agent.fingerprint,
            strategy=" ".join([self.strategy_name, *_details(settings), *other]),
            temperature=settings.get("temperature", 0.0),
        )
        return ModelPlayer(agent=agent, policy=policy)

    def _model_prompt(self, stage: Stage, asked: Questioning | None) -> PromptFormat | None:
        """The format of a model that is no bundle; None for a bundle, which brings its own."""
        folder = Path(self.policy)
        if not folder.exists():
            raise SettingError(
                f"{self.policy!r} is neither expert nor random nor a folder; "
                f"{nearest(self.policy, TEXT_POLICIES)}, or name a bundle that "
                "`oreo-agent train` wrote"
            )
        if is_plain_model(folder):
            if self.value is not None:
                raise SettingError("a value judges a bundle's replies; train a bundle first")
            prompt = self._prompt(stage, asked, self.policy)
            if not isinstance(prompt, ChatPrompt):
                raise SettingError(
                    f"the prompt format {prompt.name!r} has a vocabulary of its own, which "
                    f"{self.policy} does not speak; take react or bare"
                )
            return prompt
        # what is wrong with a bundle is told before anything heavy is imported
        read_card(folder)
        if self.prompt or self.model:
            raise SettingError("a bundle brings its own prompt format and tokenizer; name neither")
        return None

    def _text_policy(self, stage: Stage, asked: Questioning | None) -> TextPlayer:
        prompt = self._prompt(stage, asked, self.model)
        if self.policy == "random":
            return TextPlayer(chance(stage.task), PolicyRecord(kind="random"), prompt)
        policy = PolicyRecord(kind="expert", temperature=0.0, epsilon=self.epsilon)
        return TextPlayer(expert(stage.task, self.epsilon), policy, prompt)

    def shown_in(self, stage: Stage) -> PromptFormat:
        """The prompt format in which this cast would be told ``stage``, were it no bundle.

        Raises:
            OreoError: there is no such format, or no tokenizer.
        """
        return self._prompt(stage, stage.questioning(), self.model)

    def _prompt(self, stage: Stage, asked: Questioning | None, model: str | None) -> PromptFormat:
        """The prompt format that was asked for, or the usual one of the task and the model."""
        task = stage.task
        registration = registration_of(task)
        if registration is not None:
            words = partial(world_words, task, stage.data)
            return world_prompt(registration.prompt, words, self.prompt, model)
        if asked is None:
            usual = "react" if self.is_model else "compact"
        else:
            usual = "words" if model is None and task in WORDS.names() else "steps"
        return task_prompt(task, self.prompt or usual, model, asked=asked)


def _details(settings: Mapping[str, Any]) -> list[str]:
    """Settings that decide and have no field of their own in the record."""
    told = {"temperature", "max_tokens", "values"}
    if not settings.get("only_admissible"):
        told.add("only_admissible")
    return [f"{key}={value}" for key, value in sorted(settings.items()) if key not in told]


def is_plain_model(folder: Path | str) -> bool:
    """Whether a folder holds a model in Hugging Face format that is no bundle of ours."""
    path = Path(folder)
    return (path / "config.json").exists() and not (path / CARD).exists()


def deciding(
    policy: str,
    strategy: str,
    *,
    k: int,
    temperature: float | None,
    score: str,
    weight: float | None,
    only_admissible: bool = False,
) -> tuple[tuple[str, Any], ...]:
    """Those of the settings that ``strategy`` has; none of them for ``expert`` and ``random``.

    Raises:
        SettingError: the temperature is no number from 0 on or the weight none at all, greedy
            play is given a temperature, ``expert`` or ``random`` a strategy, or a search over
            solutions is to keep to admissible commands.
    """
    if temperature is not None and not 0 <= temperature < inf:
        raise SettingError(f"--temperature is a number from 0 on, got {temperature}")
    if weight is not None and not -inf < weight < inf:
        raise SettingError(f"--weight is a finite number, got {weight}")
    if policy in TEXT_POLICIES:
        if only_admissible:
            raise SettingError(f"{policy!r} chooses no replies; leave --only-admissible out")
        STRATEGIES.check(strategy)
        if strategy not in ("greedy", "sample"):
            raise SettingError(
                f"a strategy is for a trained agent and {policy!r} has none; leave --strategy out"
            )
        return ()
    given: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    if strategy == "greedy" and given:
        raise SettingError("greedy has no temperature; take --strategy sample, or leave it out")
    if only_admissible:
        if strategy in ("beam", "best-of-n"):
            raise SettingError(
                f"{strategy} searches solutions, of which nobody knows what is admissible; leave "
                "--only-admissible out"
            )
        given |= {"only_admissible": True}
    if strategy not in STRATEGIES.names():
        given |= {} if weight is None else {"weight": weight}
        return tuple(own_settings(strategy, given, {"k": k, "score": score}).items())
    if strategy == "best-of-k":
        given |= {"k": k, "score": score}
    elif strategy == "beam":
        given |= {"beams": k, "score": score}
    elif strategy == "best-of-n":
        given |= {"n": k, "by": score}
    if weight is not None and strategy in ("best-of-k", "beam", "best-of-n"):
        given |= {"weight": weight}
    return tuple(given.items())


def own_questions(
    task: str | None,
    data: str | None,
    question: str | None,
    answer: str | None,
    verifier: str | None,
    solution: str | None = None,
) -> tuple[str | None, str | None]:
    """Task and data that stand for a file of questions and the names of its fields.

    Args:
        task: the one that is named.
        data: the file.
        question: its field.
        answer: its field.
        verifier: what compares answers.
        solution: the field of worked solutions, which an expert tells; None if there are none.

    Raises:
        SettingError: some of them are named and others are not.
    """
    needed = {"question": question, "answer": answer, "verifier": verifier}
    told = needed | {"solution": solution}
    given = {name: word for name, word in told.items() if word is not None}
    if not given:
        return task, data
    missing = data is None or None in needed.values()
    if missing or task not in (None, "alfworld", "questions"):
        raise SettingError(
            "questions of your own take a file at --data, its fields at --question-field and "
            "--answer-field, and a --verifier; name all four, and no other --task"
        )
    fields = "&".join(f"{name}={quote(word)}" for name, word in given.items())
    return "questions", f"{data}?{fields}"
