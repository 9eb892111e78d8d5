"""The chance of success over turns as a drawing: a line a judge, graded moves with their marks.

A turn has two points: the state before the reply, and the end of the reply, half a turn on, before
the world answered. What a reply cost is the step between them, and there its mark stands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oreo_agent.player.export.turns import words
from oreo_agent.player.review import grade, lost_at, mark
from oreo_agent.player.snapshot import Move, Snapshot
from oreo_agent.player.widgets.figures import percent

HEIGHT = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 26, 30
_TURN = 16
"""Least width of a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Where a turn and a chance are drawn."""

    width: int
    turns: int
    height: int = HEIGHT

    def x(self, turns: float) -> float:
        """After so many turns."""
        return _LEFT + turns * (self.width - _LEFT - _RIGHT) / max(self.turns, 1)

    def y(self, chance: float) -> float:
        """Of a chance within [0, 1]."""
        return _TOP + (1 - chance) * (self.height - _TOP - _BOTTOM)


def has_chart(snapshots: Sequence[Snapshot]) -> bool:
    """Whether there is anything to draw."""
    return any(each.chances for each in snapshots)


def chart_width(snapshots: Sequence[Snapshot], least: int = 680) -> int:
    """So wide that each turn has its place."""
    return max(least, _LEFT + _RIGHT + _TURN * len(snapshots[0].moves))


def described(snapshots: Sequence[Snapshot]) -> str:
    """The drawing in a sentence, for those who do not see it."""
    told: list[str] = []
    for each in snapshots:
        if not each.chances:
            continue
        name = f"{each.judge}: " if each.judge else ""
        marks = [f"{grade(move)} at turn {move.turn}" for move in each.moves if grade(move)]
        went = f"from {percent(each.chances[0])} to {percent(each.chances[-1])}"
        told.append(f"{name}{went}{'; ' if marks else ''}{', '.join(marks)}")
    return "Over the turns, " + ". ".join(told) + "."


def drawing(snapshots: Sequence[Snapshot], field: Field, *, linked: bool = False) -> str:
    """SVG elements in the coordinates of ``field``; colours are those of the classes around them.

    Args:
        snapshots: what each judge sees.
        field: of the drawing.
        linked: whether marks lead to ``#turn-N``.
    """
    parts = [*_grid(field), *_lost(snapshots, field)]
    for number, snapshot in enumerate(snapshots):
        parts += _line(snapshot, number, field)
    for number, snapshot in enumerate(snapshots):
        parts += _marks(snapshot, number, field, linked=linked)
    return "\n".join(parts)


def _grid(field: Field) -> Iterator[str]:
    for chance in (0.0, 0.5, 1.0):
        y = field.y(chance)
        yield (
            f'<line class="grid" x1="{_LEFT}" x2="{field.width - _RIGHT}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        yield (
            f'<text class="axis" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{chance:.0%}'
            "</text>"
        )
    room = (field.width - _LEFT - _RIGHT) / max(field.turns, 1)
    every = next(step for step in (1, 2, 5, 10, 20, 50, 10**9) if room * step >= 32)
    for turn in range(1, field.turns + 1):
        if turn == 1 or turn % every == 0:
            yield (
                f'<text class="axis" x="{field.x(turn - 0.5):.1f}" y="{field.height - 8}" '
                f'text-anchor="middle">{turn}</text>'
            )


def _lost(snapshots: Sequence[Snapshot], field: Field) -> Iterator[str]:
    """A band over the turn that lost the game, by the first judge who knows one."""
    lost = next(iter(lost_at(snapshots)), None)
    if lost is None:
        return
    left, right = field.x(lost - 1), field.x(lost)
    top, bottom = field.y(1), field.y(0)
    yield (
        f'<rect class="lost" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
        f'height="{bottom - top:.1f}"/>'
    )
    middle = min(max((left + right) / 2, _LEFT + 60), field.width - _RIGHT - 60)
    yield (
        f'<text class="lost-name" x="{middle:.1f}" y="{top - 10:.1f}" text-anchor="middle">'
        f"turn {lost} lost it</text>"
    )


def _line(snapshot: Snapshot, number: int, field: Field) -> Iterator[str]:
    """The points that are known, joined where they follow one another."""
    for run in _runs(snapshot):
        places = [(field.x(at), field.y(chance)) for at, chance in run]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        if len(places) > 1:
            yield f'<polyline class="line judge-{number + 1}" points="{path}"/>'
        for (at, _), (x, y) in zip(run, places, strict=True):
            if at == int(at) or len(places) == 1:
                yield f'<circle class="dot judge-{number + 1}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'


def _runs(snapshot: Snapshot) -> list[list[tuple[float, float]]]:
    states: list[tuple[float, float | None]] = []
    for at, move in enumerate(snapshot.moves):
        last = at == len(snapshot.moves) - 1 and snapshot.end is not None
        states += [(at, move.chance), (at + (1 if last else 0.5), move.option.chance)]
    if snapshot.end is None:
        states.append((len(snapshot.moves), snapshot.chance))
    runs: list[list[tuple[float, float]]] = [[]]
    for at, chance in states:
        if chance is None:
            runs.append([])
        else:
            runs[-1].append((at, chance))
    return [run for run in runs if run]


def _marks(snapshot: Snapshot, number: int, field: Field, *, linked: bool) -> Iterator[str]:
    for move in snapshot.moves:
        chance = move.option.chance
        if not grade(move) or chance is None:
            continue
        last = move.turn == len(snapshot.moves) and snapshot.end is not None
        x, y = field.x(move.turn if last else move.turn - 0.5), field.y(chance)
        below = number > 0  # so that the marks of two judges keep apart
        drawn = (
            f"<title>{words(_named(move, snapshot))}</title>"
            f'<circle class="mark-dot judge-{number + 1}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
            f'<text class="mark {grade(move)}" x="{x:.1f}" y="{y + 20 if below else y - 11:.1f}" '
            f'text-anchor="middle">{mark(move)}</text>'
        )
        yield f'<a href="#turn-{move.turn}">{drawn}</a>' if linked else f"<g>{drawn}</g>"


def _named(move: Move, snapshot: Snapshot) -> str:
    by = f"{snapshot.judge}: " if snapshot.judge else ""
    label = move.option.label.strip()[:200]
    went = f"{percent(move.chance)} → {percent(move.option.chance)}"
    return f"{by}turn {move.turn}, {label}: {grade(move)}, {went}"
