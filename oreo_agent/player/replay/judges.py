"""Who says what a stored episode was worth, turn by turn: its own record, or a bundle."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self

from oreo_agent.agent.engines import Request
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import Candidate
from oreo_agent.errors import BundleError, SettingError
from oreo_agent.model.bundle import read_card
from oreo_agent.model.prompt import PromptFormat, ids_of
from oreo_agent.player.replay.turns import Reply, Turn, opening
from oreo_agent.player.snapshot import Option, option, policy_shares
from oreo_agent.records.episode import Episode


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What is said of a turn."""

    value: float | None = None
    """V before the reply."""
    probability: float | None = None
    """Chance of success there, where V is calibrated."""
    options: tuple[Option, ...]
    """The turn's replies, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is said of an episode."""

    opinions: tuple[Opinion, ...]
    """One for each turn."""
    trouble: str = ""
    """Why it ends before the episode does; empty if it does not."""


class Judge(Protocol):
    """Says what an episode was worth."""

    @property
    def name(self) -> str:
        """In few words; ``""`` for the record itself."""
        ...

    def __call__(self, episode: Episode, turns: Sequence[Turn]) -> Account:
        """An opinion on each turn; without figures where nothing is known."""
        ...

    def reads(self, episode: Episode) -> PromptFormat | None:
        """The format that the judge has in common with the episode; None if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """The values that were recorded while the episode was played."""

    name: str = ""

    def __call__(self, episode: Episode, turns: Sequence[Turn]) -> Account:
        """As recorded; the policy is the one that played."""
        return Account(opinions=tuple(map(_recorded, turns)))

    def reads(self, episode: Episode) -> PromptFormat | None:
        """A record has no format of its own."""
        return None


def _recorded(turn: Turn) -> Opinion:
    return _opinion(
        turn,
        turn.value,
        None,
        [
            replace(
                _unknown(reply),
                logps=() if reply.logp is None else (reply.logp,),
                value=reply.value,
                advantage=None
                if reply.value is None or turn.value is None
                else reply.value - turn.value,
            )
            for reply in turn.replies
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleJudge:
    """A bundle's value, calibrated, and its policy."""

    name: str
    agent: Agent
    task: str = ""
    """Tasks that it is an agent for; empty if nobody says."""
    _session: str = field(default="replay", init=False)

    @classmethod
    def load(cls, folder: str, *, device: str = "auto", threads: int = 1) -> Self:
        """The bundle in ``folder``.

        Raises:
            BundleError: there is none, or it cannot be read.
        """
        card = read_card(folder)
        agent = Agent.load(
            folder, strategy="greedy", trust_value=True, device=device, threads=threads
        )
        return cls(name=Path(folder).resolve().name, agent=agent, task=card.task)

    def reads(self, episode: Episode) -> PromptFormat | None:
        """The bundle's format if the episode's ids are its own."""
        prompt = self.agent.prompt
        mine = (prompt.name, prompt.tokenizer_fingerprint)
        return prompt if mine == (episode.prompt, episode.tokenizer) else None

    def __call__(self, episode: Episode, turns: Sequence[Turn]) -> Account:
        """V before each reply and at the end of all that were considered; each token read once.

        An episode of another format is told again in the bundle's own, as far as it can say it.

        Raises:
            BundleError: the bundle is for other tasks.
        """
        if self.task and episode.task not in self.task.split(", "):
            raise BundleError(
                f"{self.name} is an agent for {self.task} and episode {episode.id} is of "
                f"{episode.task}; name a bundle for that task"
            )
        native = self.reads(episode) is not None
        told = _as_it_is(episode, turns) if native else _retold(self.agent.prompt, episode, turns)
        opinions: list[Opinion] = []
        trouble = ""
        try:
            for turn, (history, replies) in zip(turns, told, strict=False):
                opinions.append(self._judged(turn, history, replies))
        except SettingError as error:
            at = len(opinions) + 1
            trouble = f"{self.name} stops before turn {at}: {error}"
            opinions += map(_silent, turns[len(opinions) :])
        finally:
            self.agent.close(self._session)
        return Account(opinions=tuple(opinions), trouble=trouble)

    def _judged(
        self, turn: Turn, history: tuple[int, ...], replies: Sequence[tuple[int, ...] | None]
    ) -> Opinion:
        """What the networks make of a turn; ``replies`` that the format cannot say are None."""
        sayable = [reply for reply in replies if reply]
        longest = len(history) + max(map(len, sayable), default=0)
        most = getattr(self.agent.engine, "max_context", None)
        if most is not None and longest > most:
            raise SettingError(f"{longest} tokens are more than its context of {most}")
        request = Request(session=self._session, ids=history)
        known = zip(turn.replies, replies, strict=True)
        asked = [replace(_unknown(reply), ids=ids) for reply, ids in known if ids]
        [told] = self.agent.weigh([request], [asked])
        weighed = iter(told.candidates)
        return _opinion(
            turn,
            told.value,
            told.probability,
            [
                next(weighed) if ids else _unknown(reply)
                for reply, ids in zip(turn.replies, replies, strict=True)
            ],
        )


def _opinion(
    turn: Turn, value: float | None, probability: float | None, candidates: Sequence[Candidate]
) -> Opinion:
    """An opinion from the turn's replies; the world told only of the one that was given."""
    shares = policy_shares(candidates)
    told = [
        option(one, share=share, info={}) for one, share in zip(candidates, shares, strict=True)
    ]
    told[turn.chosen] = replace(told[turn.chosen], admissible=turn.valid)
    return Opinion(value=value, probability=probability, options=tuple(told))


def _silent(turn: Turn) -> Opinion:
    """No figures."""
    return _opinion(turn, None, None, list(map(_unknown, turn.replies)))


def _unknown(reply: Reply) -> Candidate:
    """A reply of which nothing is known but what it says."""
    return Candidate(ids=(), text=reply.text, command=reply.command, ended=True)


Telling = Iterator[tuple[tuple[int, ...], list[tuple[int, ...] | None]]]
"""For each turn the history before it and the replies, those that cannot be said as None."""


def _as_it_is(episode: Episode, turns: Sequence[Turn]) -> Telling:
    for turn in turns:
        history = ids_of(episode.segments[: turn.at])
        yield history, [reply.ids or None for reply in turn.replies]


def _retold(prompt: PromptFormat, episode: Episode, turns: Sequence[Turn]) -> Telling:
    """The episode in the words of another format.

    Raises:
        SettingError: the format cannot say a reply that was given.
    """
    history = ids_of(prompt.opening(opening(episode)))
    for turn in turns:
        said = _said(prompt, turn.said)
        if said is None:
            told = turn.said.command or turn.said.text
            raise SettingError(f"its prompt format {prompt.name!r} cannot say {told!r}")
        yield history, [_said(prompt, reply) for reply in turn.replies]
        history += said
        if prompt.steps is None:
            history += prompt.answer(turn.observation, ended=True).ids


def _said(prompt: PromptFormat, reply: Reply) -> tuple[int, ...] | None:
    try:
        return prompt.quote(reply.text, reply.command) or None
    except SettingError:
        return None
