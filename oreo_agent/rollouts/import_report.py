"""What an import did, and what came of holding its logs against the world."""

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from oreo_agent.rollouts.reenacting import DIFFERS, IMPOSSIBLE, MATCHED, Replay

SHOWN = 10
"""Differences between logs and world that a summary holds."""


@dataclass(slots=True, kw_only=True)
class Replays:
    """What came of holding logs against the world."""

    matched: int = 0
    differing: int = 0
    impossible: int = 0
    observations: int = 0
    """That were equal."""
    outcomes_equal: int = 0
    outcomes_differing: int = 0
    differences: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The first few."""

    def add(self, replay: Replay, place: str) -> None:
        """Count one log."""
        self.matched += replay.verdict == MATCHED
        self.differing += replay.verdict == DIFFERS
        self.impossible += replay.verdict == IMPOSSIBLE
        self.observations += replay.equal
        self.outcomes_equal += replay.same_outcome is True
        self.outcomes_differing += replay.same_outcome is False
        odd = replay.verdict != MATCHED or replay.same_outcome is False
        if odd and len(self.differences) < SHOWN:
            told = {"turn": replay.turn, "log": replay.logged, "world": replay.said}
            self.differences.append({"place": place, "verdict": replay.verdict, **told})


@dataclass(slots=True, kw_only=True)
class Imported:
    """What an import did."""

    out: str
    rows: int = 0
    imported: int = 0
    already: int = 0
    """Episodes that the store held, from an earlier import or an earlier row."""
    won: int = 0
    """Of those imported."""
    steps: int = 0
    tokens: int = 0
    repeated: int = 0
    """Rows that a later row holds again (TRL's of one reply each)."""
    overlong: int = 0
    """Replies longer than the prompt format lets a policy write."""
    aside: Counter[str] = field(default_factory=Counter[str])
    """What could not be read, by reason."""
    replays: Replays | None = None

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        replays = None if self.replays is None else asdict(self.replays)
        return {**told, "aside": dict(self.aside.most_common()), "replays": replays}
