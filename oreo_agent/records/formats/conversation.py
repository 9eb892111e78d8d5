"""Who said what, and how it ended: what all foreign formats have in common."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, SupportsFloat

from oreo_agent.records.episode import End


class Unreadable(ValueError):
    """A row that holds no episode; the message is the reason, for people and for counting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A turn: what the world said, and the reply."""

    seen: str
    reply: str
    """All that the policy wrote, thoughts included."""
    command: str | None = None
    """As the world got it, where the log says so; None leaves it to be read from the reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One episode as a log tells it."""

    turns: tuple[Exchange, ...]
    reward: float
    """Terminal, in [0, 1]."""
    end: End
    instruction: str = ""
    """What stands before the first observation: a system message, or what was told and answered
    with "OK"."""
    last: str = ""
    """What the world said after the last reply; nobody replied to it."""
    instance: str = ""
    """The problem's name; ``""`` if the log has none."""
    task_type: str = ""
    player: str = ""
    """Who played, as the log says."""

    def __post_init__(self) -> None:
        if not self.turns:
            raise Unreadable("there is no reply in it")
        if not 0.0 <= self.reward <= 1.0:
            raise Unreadable(f"the reward {self.reward!r} is outside [0, 1]")
        for text in self.texts():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise Unreadable("a text holds half a character (a lone surrogate)") from None

    def texts(self) -> Iterable[str]:
        """Every text in it."""
        yield from (self.instruction, self.last, self.instance, self.task_type, self.player)
        for turn in self.turns:
            yield from (turn.seen, turn.reply, turn.command or "")

    def digest(self) -> str:
        """A name that follows from what was said and how it ended, 16 hex digits."""
        said = [(turn.seen, turn.reply) for turn in self.turns]
        told = [self.instance, self.instruction, said, self.reward, self.end]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def opening(self) -> str:
        """A name for the problem where the log has none: 16 hex digits of how it began."""
        told = json.dumps([self.instruction, self.turns[0].seen])
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def as_reward(told: Any) -> float:
    """An outcome as a reward: true, false, or a number in [0, 1].

    Raises:
        Unreadable: it is none of these.
    """
    try:
        reward = float(told) if isinstance(told, SupportsFloat) else None
    except (TypeError, ValueError, OverflowError):
        reward = None
    if reward is None or not 0 <= reward <= 1:
        raise Unreadable(
            f"its outcome is {_short(told)}, and an outcome is true, false, or in [0, 1]"
        )
    return reward


def end_of(reward: float, told: Any = None, *, limit: bool = False) -> End:
    """How an episode ended that pays ``reward``.

    Args:
        reward: in [0, 1]; 1 is won.
        told: what the row says of its end, in our own words; anything else is passed over.
        limit: whether its turns had run out.
    """
    if reward == 1:
        return "won"
    if told in ("step_limit", "token_limit"):
        return told
    return "step_limit" if limit else "lost"


def pick(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    """What stands under the first of ``names`` that is there and not null; None if none is."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def overlaid(*rows: Mapping[str, Any]) -> dict[str, Any]:
    """All that stands in any of the rows, of two values the later; null is as good as absent."""
    return {name: told for row in rows for name, told in row.items() if told is not None}


def outcome(row: Mapping[str, Any], names: Iterable[str], unsaid: float | None) -> float:
    """The reward that stands under the first of ``names``, else ``unsaid``.

    Raises:
        Unreadable: there is none.
    """
    told = pick(row, names)
    if told is not None:
        return as_reward(told)
    if unsaid is None:
        raise Unreadable(f"it has no outcome (looked for {', '.join(names)})")
    return unsaid


def mapping(row: Any) -> Mapping[str, Any]:
    """``row`` itself, which has to be an object.

    Raises:
        Unreadable: it is none.
    """
    if not isinstance(row, Mapping):
        raise Unreadable(f"a row is an object, and this is {_short(row)}")
    return row  # pyright: ignore[reportUnknownVariableType]


def text_of(told: Any, what: str) -> str:
    """``told`` itself, which has to be text; ``what`` names it.

    Raises:
        Unreadable: it is none.
    """
    if not isinstance(told, str):
        raise Unreadable(f"its {what} is {_short(told)}, not text")
    return told


def name_of(told: Any) -> str:
    """An id as text; ids are numbers in some files."""
    return str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""


def _short(told: Any) -> str:
    text = repr(told)
    return text if len(text) <= 40 else f"{text[:40]}..."
