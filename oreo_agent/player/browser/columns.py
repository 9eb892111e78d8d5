"""Which columns a list of episodes has in a width, and what stands in its rows; no colour yet."""

from dataclasses import dataclass

from rich.cells import set_cell_size

from oreo_agent.player.browser.query import OUTCOMES
from oreo_agent.player.harmless import one_line
from oreo_agent.records.listing import EpisodeRow, Order

MARKS = {"won": "✔", "lost": "✘", "fault": "!"}
"""Of an outcome, so that it reads without colour; the limits are ✘ too."""
DAMAGED = "! damaged"
_TITLES = {
    "outcome": "outcome",
    "task_type": "type",
    "instance": "instance",
    "split": "split",
    "policy": "policy",
    "steps": "steps",
    "tokens": "tokens",
    "reward": "reward",
}
_RIGHT = ("steps", "tokens", "reward")
_LEAST_INSTANCE = 20
"""Cells that other columns leave to it, if they are not among the first."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A column in its place."""

    name: str
    width: int
    """Cells, without the blank that parts it from the next."""


def laid_out(width: int, order: Order, varied: frozenset[str]) -> tuple[Laid, ...]:
    """Columns from left to right that fill ``width`` cells, blanks between them included.

    Args:
        width: cells that there are.
        order: its key has a column wherever there is room for one.
        varied: columns that are not the same for all episodes; others are not worth their room.
    """
    widths = {"outcome": 13 if width >= 50 else 1, "instance": 0}
    wanted = [
        ("steps", 6, width >= 30),
        (order.by, 7, order.by in ("tokens", "reward") and width >= 40),
        ("tokens", 7, width >= 50),
        ("task_type", 30 if width >= 120 else 14, "task_type" in varied and width >= 64),
        ("reward", 6, width >= 72),
        ("policy", 22 if width >= 110 else 14, "policy" in varied),
        ("split", 10, "split" in varied),
    ]
    for name, cells, asked in wanted:
        left = width - sum(widths.values()) - len(widths)
        if asked and name not in widths and left - cells - 1 >= _LEAST_INSTANCE:
            widths[name] = cells
    widths["instance"] = max(width - sum(widths.values()) - len(widths) + 1, 0)
    return tuple(Laid(name, widths[name]) for name in _TITLES if name in widths)


def head(columns: tuple[Laid, ...], order: Order) -> str:
    """The columns' titles; an arrow is at what the list is sorted by."""
    arrow = "▾" if order.descending else "▴"
    told = [
        _fitted(
            f"{_TITLES[column.name]}{arrow if column.name == order.by else ''}",
            column,
        )
        for column in columns
    ]
    return " ".join(told)


def cells(
    row: EpisodeRow | None, columns: tuple[Laid, ...], *, name: str, damaged: bool
) -> list[str]:
    """What stands in a row, a text of the column's width each.

    Args:
        row: None if its columns cannot be read.
        columns: see `laid_out`.
        name: id of the episode.
        damaged: whether its record is known to be damaged.
    """
    if row is None:
        texts = {"outcome": DAMAGED, "instance": name}
    else:
        tokens, reward = f"{row.tokens:,}", f"{row.reward:.3g}"
        texts = {
            "outcome": DAMAGED if damaged else marked(row.end),
            "task_type": row.task_type,
            "instance": row.instance,
            "split": row.split,
            "policy": _short(row.policy),
            "steps": f"{row.steps:,}",
            "tokens": tokens,
            "reward": reward,
        }
        if any(column.name == "task_type" for column in columns):
            texts["instance"] = row.instance.removeprefix(f"{row.task_type}-")
    return [_fitted(texts.get(column.name, ""), column) for column in columns]


def _short(policy: str) -> str:
    """A policy's name with as much of its fingerprint as tells it from others at a glance."""
    kind, *rest = policy.split(" ")
    return " ".join([rest[0][:6], *rest[1:]]) if kind == "model" and rest else policy


def marked(end: str) -> str:
    """An outcome with its mark."""
    return f"{MARKS.get(end, '✘')} {OUTCOMES.get(end, end)}"


def _fitted(text: str, column: Laid) -> str:
    """Exactly as wide as the column; what is cut ends in an ellipsis."""
    text = one_line(text)
    size = set_cell_size(text, column.width)
    if column.name in _RIGHT and size.startswith(text):
        return " " * (len(size) - len(text)) + text
    if size.rstrip() and not size.startswith(text) and column.width > 1:
        return set_cell_size(size, column.width - 1) + "…"
    return size
