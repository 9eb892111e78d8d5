"""What a run prints and keeps: means over steps, and held-out figures of the value."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from scipy.stats import rankdata

from oreo_agent.records.atomic import write_atomic

QUARTERS = (0.25, 0.5, 0.75)


def auc(scores: Sequence[float], won: Sequence[bool]) -> float:
    """Chance that a won episode scores above a lost one (ties count half); nan without both."""
    wins = sum(won)
    if wins in (0, len(won)):
        return math.nan
    ranks = rankdata(np.asarray(scores))
    total = float(ranks[np.asarray(won, dtype=bool)].sum())
    return (total - wins * (wins + 1) / 2) / (wins * (len(won) - wins))


def value_figures(
    values: Sequence[Sequence[float]],
    ends: Sequence[Sequence[float]],
    rewards: Sequence[float],
    discount: float = 1.0,
) -> dict[str, float]:
    """What V knows of episodes it was not trained on.

    Args:
        values: for each episode, V before each action token.
        ends: for each episode, V at the end of each reply.
        rewards: terminal rewards.
        discount: the value's, for each reply.
    """
    won = [reward > 0.5 for reward in rewards]
    figures: dict[str, float] = {"episodes": len(won), "won": sum(won) / max(1, len(won))}
    due = [r * discount ** len(replies) for r, replies in zip(rewards, ends, strict=True)]
    flat = [v - r for line, r in zip(values, due, strict=True) for v in line]
    figures["mse"] = float(np.mean(np.square(flat))) if flat else math.nan
    figures["spread"] = _mean([float(np.std(line)) for line in values if line])
    for quarter in QUARTERS:
        at = [line[int(quarter * (len(line) - 1))] for line in ends]
        figures[f"auc_{round(quarter * 100)}"] = auc(at, won)
    for name, keep in (("won", True), ("lost", False)):
        lines = [line for line, w in zip(values, won, strict=True) if w is keep]
        figures[f"first_{name}"] = _mean([line[0] for line in lines])
        figures[f"last_{name}"] = _mean([line[-1] for line in lines])
    return figures


def pair_figures(
    instances: Sequence[str],
    won: Sequence[bool],
    values: Sequence[float],
    logps: Sequence[float],
) -> dict[str, float]:
    """Whether V tells a won episode from a lost one of the *same* instance, once both are over.

    What V knows of which instances are hard is of no use here. A best-of-N by V lives on it.

    Args:
        instances: of each episode.
        won: how it ended.
        values: V at its end.
        logps: log-probability of all its replies, in nats: the control.

    Returns:
        Nothing if there is no such pair; else ``pairs``, their number, and the shares of them in
        which the won episode stands above: ``pairs_value`` and ``pairs_logp``.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for i, instance in enumerate(instances):
        groups[instance].append(i)
    pairs = 0
    right = {"value": 0.0, "logp": 0.0}
    for group in groups.values():
        ends = [won[i] for i in group]
        if count := sum(ends) * (len(ends) - sum(ends)):
            pairs += count
            for name, scores in (("value", values), ("logp", logps)):
                right[name] += count * auc([scores[i] for i in group], ends)
    if not pairs:
        return {}
    return {"pairs": pairs, **{f"pairs_{name}": share / pairs for name, share in right.items()}}


def _mean(numbers: Sequence[float]) -> float:
    return float(np.mean(numbers)) if numbers else math.nan


class Journal:
    """``metrics.jsonl``: one line a report; a resumed run drops the lines after its checkpoint."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        """What stands there."""

    def rewind(self, lines: int) -> None:
        """Forget all but the first so many lines."""
        text = self.path.read_text() if self.path.exists() else ""
        kept = text.splitlines()[:lines]
        if kept and not _whole(kept[-1]):
            kept.pop()  # the machine lost power before all of it was on disk
        if (left := "".join(line + "\n" for line in kept)) != text:
            write_atomic(self.path, left.encode())
        self.rows = [json.loads(line) for line in kept]

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a line; nan becomes null."""
        plain = _plain(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(plain) + "\n")
        self.rows.append(plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in cast(Mapping[str, Any], value).items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


class Means:
    """Running means of named figures, weighted, until they are taken."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}

    def add(self, name: str, value: float, weight: float = 1.0) -> None:
        """Count ``value`` with ``weight``."""
        pair = self._sums.setdefault(name, [0.0, 0.0])
        pair[0] += value * weight
        pair[1] += weight

    def take(self) -> dict[str, float]:
        """The means so far; starts anew."""
        means = {name: total / weight for name, (total, weight) in self._sums.items() if weight}
        self._sums.clear()
        return means

    def state(self) -> dict[str, list[float]]:
        """All that it knows, for JSON."""
        return {name: list(pair) for name, pair in self._sums.items()}

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Take over what `state` gave."""
        self._sums = {name: list(pair) for name, pair in state.items()}
