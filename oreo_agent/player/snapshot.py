"""What a screen shows of a game at one moment: frozen, so that it can be drawn at leisure."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from oreo_agent.agent.strategies import Candidate, Decision
from oreo_agent.records.episode import End

By = Literal["agent", "you"]

_GOAL = re.compile(r"^\s*your task is to:?\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_THOUGHT = re.compile(r"\s*(?:thought:)?\s*(.+?)\s*^\s*action:", re.I | re.M | re.S)
_BANNER = re.compile(r"^-= .* =-$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A reply that can be taken now."""

    command: str
    """What the world would be sent; ``""`` if the reply holds no command."""
    text: str
    """The whole reply."""
    value: float | None = None
    """V at the end of the reply, in reward units; None if nobody knows."""
    probability: float | None = None
    """Chance of success there by the agent's calibration; None if it has none."""
    gain: float | None = None
    """V at the end of the reply minus V of the state before it."""
    logp: float | None = None
    """Of the whole reply at temperature 1, in nats; None where no model plays."""
    share: float | None = None
    """The policy's probability of the reply among the candidates; they sum to 1."""
    admissible: bool | None = None
    """Whether the world would admit the command; None if it does not tell."""

    @property
    def chance(self) -> float | None:
        """What a bar shows: the chance of success, or V itself, within [0, 1], without one."""
        return standing(self.value, self.probability)

    @property
    def label(self) -> str:
        """The command in one line, or what was said in its place."""
        return " ".join((self.command or self.text).split()) or "(nothing)"

    @property
    def thought(self) -> str:
        """What a reply says before its command; ``""`` in formats without thoughts."""
        found = _THOUGHT.match(self.text)
        return " ".join(found[1].split()) if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A turn that was played."""

    turn: int
    """1 for the first."""
    option: Option
    """What was taken."""
    by: By
    observation: str
    """The answer; ``""`` if the world gave none."""
    value: float | None
    """V of the state before the reply."""
    probability: float | None = None
    """Chance of success there by the agent's calibration."""
    valid: bool | None
    """Whether the world admitted the command; None if it does not tell."""
    options: tuple[Option, ...]
    """Everything there was to take, the option that was taken included."""

    @property
    def chance(self) -> float | None:
        """As `Option.chance`, of the state before the reply."""
        return standing(self.value, self.probability)

    @property
    def loss(self) -> float | None:
        """What the reply cost of the chance of success, before the world answered."""
        before, after = self.chance, self.option.chance
        return None if before is None or after is None else before - after


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A game as it stands."""

    agent: str
    """Who plays, in words."""
    judge: str = ""
    """Whose value this is, in words; ``""`` where it is that of who plays."""
    task: str
    split: str
    instance: str
    task_type: str
    game: int
    """Place among the split's games, from 1."""
    games: int
    goal: str
    """``""`` if the world states none in a form that is known here."""
    opening: str
    """The first observation without its goal."""
    moves: tuple[Move, ...]
    options: tuple[Option, ...]
    """What can be taken now; empty when the game is over."""
    chosen: int
    """Index of the agent's choice among the options."""
    value: float | None
    """V of the state now."""
    values: tuple[float, ...]
    """V of each state so far; after the last turn, V at the end of the last reply."""
    probability: float | None = None
    """Chance of success now, by the agent's calibration."""
    chances: tuple[float, ...] = ()
    """As ``values``, of what the bars show (`Option.chance`)."""
    calibrated: bool = False
    """Whether ``chances`` are probabilities; else they are V itself, within [0, 1]."""
    solution: bool = False
    """Whether the moves are steps of one solution, which nothing answers."""
    verdict: str = ""
    """What a verifier says of a solution that is over: right, wrong or undecided."""
    admissible: tuple[str, ...]
    """Commands that the world would admit now; empty if it does not tell."""
    step_limit: int
    end: End | None
    """How the game ended; None while it goes on."""
    trouble: str = ""
    """What broke, for games that ended in a fault."""
    tokens: int
    seconds: float

    @property
    def chance(self) -> float | None:
        """As `Option.chance`, of the state now; after the end, of the end of the last reply."""
        if self.end is not None:
            return self.chances[-1] if self.chances else None
        return standing(self.value, self.probability)

    @property
    def turn(self) -> int:
        """The turn that is to be played, from 1; after the end, the last one that was."""
        return max(len(self.moves) + (self.end is None), 1)

    @property
    def unit(self) -> str:
        """What a move is called: a turn in a world, a step of a solution."""
        return "step" if self.solution else "turn"

    @property
    def outcome(self) -> str:
        """The end in words; ``""`` while the game goes on."""
        turns = f"{len(self.moves)} {self.unit}{'' if len(self.moves) == 1 else 's'}"
        won, lost = (self.verdict, self.verdict) if self.verdict else ("won", "lost")
        return {
            None: "",
            "won": f"{won} in {turns}",
            "lost": f"{lost} after {turns}",
            "step_limit": f"not won: the limit of {self.step_limit} {self.unit}s is reached",
            "token_limit": f"not won: out of tokens after {turns}",
            "fault": f"the world broke: {self.trouble}",
        }[self.end]


def standing(value: float | None, probability: float | None) -> float | None:
    """A probability if there is one, else V within [0, 1]; None if there is neither."""
    if probability is not None or value is None:
        return probability
    return min(max(value, 0.0), 1.0)


def told_apart(observation: str) -> tuple[str, str]:
    """A first observation as (goal, everything else)."""
    found = _GOAL.search(observation)
    goal = found[1].rstrip(".") if found else ""
    rest = _BANNER.sub("", _GOAL.sub("", observation))
    return goal, re.sub(r"\n{3,}", "\n\n", rest).strip()


def option(candidate: Candidate, *, share: float | None, info: Mapping[str, Any]) -> Option:
    """A candidate as the screen shows it.

    Args:
        candidate: the reply.
        share: see `Option.share`.
        info: what the world told beside its last observation.
    """
    allowed = info.get("admissible_commands") or None
    return Option(
        command=candidate.command,
        text=candidate.text,
        value=candidate.value,
        probability=candidate.probability,
        gain=candidate.advantage,
        logp=candidate.logp if candidate.logps else None,
        share=share,
        admissible=candidate.command in allowed if allowed is not None else None,
    )


def options(decision: Decision, info: Mapping[str, Any]) -> tuple[Option, ...]:
    """A decision's candidates as the screen shows them."""
    shares = policy_shares(decision.candidates)
    return tuple(
        option(candidate, share=share, info=info)
        for candidate, share in zip(decision.candidates, shares, strict=True)
    )


def policy_shares(candidates: Sequence[Candidate]) -> list[float | None]:
    """Each candidate's probability under the policy, over the sum of all that have one."""
    logps = [candidate.logp if candidate.logps else None for candidate in candidates]
    most = max((logp for logp in logps if logp is not None), default=0.0)
    weights = [math.exp(logp - most) if logp is not None else None for logp in logps]
    total = sum(weight for weight in weights if weight is not None)
    return [weight / total if weight is not None else None for weight in weights]
