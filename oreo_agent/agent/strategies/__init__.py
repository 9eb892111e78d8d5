"""Strategies: how a decision is taken.

A strategy sees a batch of histories and answers each with a `Decision` that keeps every candidate
and why it was or was not chosen, so that the player can draw it, the store keep it and a test
dispute it. To add one: write a file beside this one, then add its line to `STRATEGIES`.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf
from typing import Any, Protocol

from oreo_agent.agent.engines import Engine, Request
from oreo_agent.errors import SettingError
from oreo_agent.model.prompt import PromptFormat
from oreo_agent.registry import Registry

TOLD = 3
"""Commands of those that cannot be said are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A reply that was considered."""

    ids: tuple[int, ...]
    logps: tuple[float, ...] = ()
    """Log-probability of each id under the policy at temperature 1, in nats; an agent adds those of
    a reply that the policy did not draw."""
    text: str
    command: str
    """What the environment would be sent; ``""`` if the reply holds no command."""
    ended: bool
    """Whether it closed itself; False if the token limit cut it."""
    value: float | None = None
    """V at the end of the reply; None if no value was asked."""
    probability: float | None = None
    """Chance of success there, by the agent's calibration; None if it has none."""
    advantage: float | None = None
    """V at the end of the reply less V before it (arXiv:2412.16145, fig. 1)."""
    implicit_advantage: float | None = None
    """beta * log(pi / pi_ref) of the reply, which at the optimum is its advantage
    (arXiv:2412.16145, fig. 1); None where the reference is not loaded."""
    admissible: bool | None = None
    """Whether the world would admit the command; None if it does not tell."""

    @property
    def logp(self) -> float:
        """Log-probability of the whole reply at temperature 1, in nats."""
        return sum(self.logps)

    @property
    def tokens(self) -> int:
        """Length of the reply."""
        return len(self.ids)


def spoken(prompt: PromptFormat, command: str) -> Candidate:
    """The reply in which ``prompt`` gives a command that no policy proposed.

    Raises:
        SettingError: the format has no words for it.
    """
    ids = prompt.reply(command)
    text, heard = prompt.read(ids) if ids else (command, command)
    if not heard:
        raise SettingError(
            f"the prompt format {prompt.name!r} cannot say {command!r}; name things and places "
            "with the words and numbers in which the world names them"
        )
    return Candidate(ids=ids, text=text, command=heard, ended=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was chosen, and everything it was chosen from."""

    strategy: str
    chosen: int
    candidates: tuple[Candidate, ...]
    value: float | None = None
    """V of the state before the reply; None if no value was asked."""
    policy_tokens: int = 0
    """Tokens that were drawn for it, those of rejected candidates included; 0 if not counted."""
    value_tokens: int = 0
    """Tokens of replies that the value read for it, of a search also those of the problem; 0 if it
    was not asked, or they were not counted."""
    probability: float | None = None
    """Chance of success before the reply, by the agent's calibration; None if it has none."""
    objection: str = ""
    """Why the policy chose here although V was asked to; empty if what was asked for chose."""
    seconds: float = 0.0
    """That it took: its share of the batch that it was decided in."""

    @property
    def choice(self) -> Candidate:
        """The chosen candidate."""
        return self.candidates[self.chosen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """What an agent makes of replies that were named to it."""

    candidates: tuple[Candidate, ...]
    """The replies, with all that is told of candidates."""
    value: float | None
    """V of the state before them; None without a value."""
    probability: float | None
    """Chance of success there, by the agent's calibration; None if it has none."""
    seconds: float
    """Its share of the batch that it was reckoned in."""


Answer = Callable[[str], str | None]
"""A solution's text to the final answer that it gives; None while it gives none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a strategy can know of a reply without asking the world."""

    prompt: PromptFormat
    answer: Answer | None = None

    def __call__(self, ids: tuple[int, ...]) -> tuple[str, str]:
        """Text and command: the prompt format's `read`."""
        return self.prompt.read(ids)

    def ends(self, ids: tuple[int, ...]) -> bool:
        """Whether a solution is over: its author ended it, or it gives an answer."""
        if ids[-1:] and ids[-1] in self.prompt.stop_ids:
            return True
        return self.answer is not None and self.answer(self(ids)[0]) is not None


def eligible(
    candidates: Sequence[Candidate], request: Request, *, only_admissible: bool = False
) -> list[int]:
    """Indices of the candidates that may be chosen, in their order; never none of several.

    Replies without a command are chosen only if none has one; with ``only_admissible`` commands
    that the world would refuse only if it would admit none, or does not tell.
    """
    allowed = request.admissible if only_admissible else None
    every = range(len(candidates))
    admitted = [i for i in every if allowed is None or candidates[i].command in allowed]
    spoken_out = [i for i in admitted or every if candidates[i].command]
    return spoken_out or list(admitted or every)


def in_place_of(
    candidates: Sequence[Candidate], request: Request, prompt: PromptFormat
) -> Candidate | None:
    """What is said where the world would admit none of ``candidates``.

    The admissible command whose letters are nearest to the likeliest candidate's, of those that the
    prompt format can say.

    Returns:
        None if one of them is admissible, or the world does not tell, or admits nothing.

    Raises:
        SettingError: the prompt format can say none of the admissible commands.
    """
    allowed = request.admissible
    if not allowed or any(candidate.command in allowed for candidate in candidates):
        return None
    likeliest = max(candidates, key=lambda candidate: candidate.logp)
    wanted = likeliest.command or likeliest.text
    for command in get_close_matches(wanted, allowed, n=len(allowed), cutoff=0.0):
        with suppress(SettingError):
            return spoken(prompt, command)
    some = ", ".join(map(repr, allowed[:TOLD])) + ", ..." * (len(allowed) > TOLD)
    raise SettingError(
        f"the prompt format {prompt.name!r} can say none of the admissible commands ({some}); name "
        "things with its words, make the format with theirs, or leave only_admissible out"
    )


def check_temperature(temperature: float) -> None:
    """Refuse what no logits can be divided by; 0 stands for the likeliest token.

    Raises:
        ValueError: it is negative, infinite or no number.
    """
    if not 0 <= temperature < inf:
        raise ValueError(f"temperature must be a number from 0 on, got {temperature}")


class Strategy(Protocol):
    """Decides for a batch of histories.

    A user's own is a class that is named ``module:Class`` or ``file.py:Class``. The fields of a
    dataclass are its settings; it is given ``max_tokens``, the longest reply, if it has that field.
    """

    def __call__(
        self, engine: Engine, read: Reading, requests: Sequence[Request]
    ) -> list[Decision]:
        """One decision a request, in order."""
        ...


def setting_names(kind: object) -> tuple[str, ...]:
    """Names of the settings of a strategy or of its class; none of what is no dataclass."""
    return tuple(getattr(kind, "__dataclass_fields__", ()))


def settings_of(strategy: Strategy) -> dict[str, Any]:
    """The settings of a strategy with their values."""
    return {name: getattr(strategy, name) for name in setting_names(strategy)}


STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategy",
    {
        "greedy": "oreo_agent.agent.strategies.single:Greedy",
        "sample": "oreo_agent.agent.strategies.single:Sample",
        "best-of-k": "oreo_agent.agent.strategies.best_of_k:BestOfK",
        "beam": "oreo_agent.agent.strategies.beam:Beam",
        "best-of-n": "oreo_agent.agent.strategies.best_of_n:BestOfN",
    },
    own=True,
)
