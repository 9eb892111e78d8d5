"""A game as one picture: outcome, chart, and the moves in a line each."""

from collections.abc import Iterator, Sequence

from oreo_agent.player.export.chart import Field, chart_width, described, drawing, has_chart
from oreo_agent.player.export.paint import CHART, variables
from oreo_agent.player.export.turns import signed, words
from oreo_agent.player.harmless import shortened
from oreo_agent.player.review import grade, mark
from oreo_agent.player.snapshot import Move, Snapshot
from oreo_agent.player.widgets.figures import percent

_MARGIN, _LINE = 40, 26
_STYLE = """
text { fill: var(--foreground); font: 14px sans-serif; white-space: pre; }
.ground { fill: var(--background); }
.title { font: 600 22px sans-serif; }
.faint { fill: var(--secondary); }
.won, .up { fill: var(--success); }
.not-won, .down { fill: var(--error); }
.outcome, .did { font-weight: 600; }
.figure { text-anchor: end; }
.rule { stroke: var(--panel); }
.key.judge-1 { fill: var(--primary); }
.key.judge-2 { fill: var(--accent); }
"""


def picture(snapshots: Sequence[Snapshot]) -> str:
    """The picture, SVG 1.1; light or dark as the reader prefers."""
    first = snapshots[0]
    width = chart_width(snapshots, 720) + 2 * _MARGIN
    parts: list[str] = []
    y = 58
    parts.append(_text(_MARGIN, y, _cut(first.goal or first.instance, width, 11.5), "title"))
    y += 28
    kind = f"{first.task_type or first.task} · {first.split} · {first.agent}"
    parts.append(_text(_MARGIN, y, _cut(kind, width, 7.2), "faint"))
    y += 28
    parts += _ending(snapshots, y)
    y += 24
    if has_chart(snapshots):
        field = Field(width=width - 2 * _MARGIN, turns=len(first.moves))
        parts += [f'<g transform="translate({_MARGIN} {y})">', drawing(snapshots, field), "</g>"]
        y += field.height + 24
    if len(snapshots) > 1:
        parts += _names(snapshots, y, width)
        y += _LINE
    for moves in zip(*(each.moves for each in snapshots), strict=True):
        parts += _row(moves, y, width)
        y += _LINE
    height = y + 16
    told = words(described(snapshots) if has_chart(snapshots) else first.outcome)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-label="{told}">',
            f"<style>\n{variables()}{_STYLE}{CHART}</style>",
            f'<rect class="ground" width="{width}" height="{height}"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _ending(snapshots: Sequence[Snapshot], y: int) -> Iterator[str]:
    first = snapshots[0]
    if first.end is None:
        yield _text(_MARGIN, y, f"goes on after {len(first.moves)} turns", "outcome")
        return
    sign, style = ("✔", "won") if first.end == "won" else ("✘", "not-won")
    told = f"{sign} {shortened(first.outcome, 90)}"
    yield _text(_MARGIN, y, told, f"outcome {style}")


def _names(snapshots: Sequence[Snapshot], y: int, width: int) -> Iterator[str]:
    """Whose figures stand in which column."""
    for number, snapshot in enumerate(snapshots):
        at = _column(number, len(snapshots), width)
        name = shortened(snapshot.judge, 14)
        yield _text(at, y, name, f"figure key judge-{number + 1}")


def _row(moves: Sequence[Move], y: int, width: int) -> Iterator[str]:
    first = moves[0]
    yield (
        f'<line class="rule" x1="{_MARGIN}" x2="{width - _MARGIN}" y1="{y - 18}" y2="{y - 18}"/>'
    )
    yield _text(_MARGIN + 20, y, str(first.turn), "faint figure")
    room = _column(0, len(moves), width) - _MARGIN - 130
    label = _cut(first.option.label.strip(), room + 2 * _MARGIN, 8.2)
    yield _text(_MARGIN + 36, y, label, "did")
    for number, move in enumerate(moves):
        before, after = move.chance, move.option.chance
        if before is None or after is None:
            continue
        at, change = _column(number, len(moves), width), after - before
        style = "faint" if not round(100 * change) else "up" if change > 0 else "down"
        yield _text(at - 92, y, mark(move), f"mark {grade(move) or ''} figure")
        yield _text(at - 44, y, percent(after), "faint figure")
        yield _text(at, y, signed(change), f"{style} figure")


def _column(number: int, count: int, width: int) -> int:
    """The right edge of a judge's figures."""
    return width - _MARGIN - (count - 1 - number) * 150


def _cut(said: str, width: int, letter: float) -> str:
    """On one line, cut where it would leave the picture."""
    said = " ".join(said.split())
    most = max(int((width - 2 * _MARGIN) / letter), 8)
    return said if len(said) <= most else f"{said[: most - 1]}…"


def _text(x: float, y: float, said: str, style: str) -> str:
    return f'<text class="{style.strip()}" x="{x}" y="{y}">{words(said)}</text>' if said else ""
