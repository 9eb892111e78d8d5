"""Bars, sparklines and charts made of characters; text only, no colour.

V has no bounds, but what it estimates lies in [0, 1]: all drawings span that range, and what lies
outside is drawn at its edge. The number beside a drawing tells what it was.
"""

from collections.abc import Sequence

_UP = " ▁▂▃▄▅▆▇█"


def bar(value: float, width: int) -> tuple[str, str]:
    """A bar of ``width`` cells, in halves of a cell: the drawn part, and the track that is left."""
    halves = round(_clipped(value) * width * 2)
    drawn = "━" * (halves // 2) + "╸" * (halves % 2)
    return drawn, "┄" * (width - len(drawn))


def span(low: float, middle: float, high: float, width: int) -> tuple[str, str, str]:
    """An interval within [0, 1] in ``width`` cells: what is left of it, itself, what is right.

    ``low <= middle <= high``; the middle is always drawn.
    """
    begin, at, end = (min(int(_clipped(x) * width), width - 1) for x in (low, middle, high))
    drawn = "".join("●" if cell == at else "─" for cell in range(begin, end + 1))
    return "┄" * begin, drawn, "┄" * (width - 1 - end)


def sparkline(values: Sequence[float], width: int) -> str:
    """The last ``width`` values, a cell each; the lowest mark stands for 0, so that it is seen."""
    shown = values[-width:] if width > 0 else ()
    return "".join(_UP[1 + round(_clipped(value) * 7)] for value in shown)


def columns(
    values: Sequence[float], width: int, height: int, *, least: int = 12
) -> list[list[str]]:
    """A chart of ``height`` rows, top first, a cell group a value; blanks part them if they fit.

    Args:
        values: a column each; the last ones if not all of them fit.
        width: cells across, at most; a row is shorter if the values are few.
        height: cells up.
        least: values that the width is shared by, if there are fewer.
    """
    shown = list(values[-width:]) if width > 0 else []
    across = max(1, min(3, width // max(len(shown), least)))
    thick, gap = max(across - 1, 1), 1 if across > 1 else 0
    return [
        [_UP[_filled(value, row, height)] * thick + " " * gap for value in shown]
        for row in reversed(range(height))
    ]


def _filled(value: float, row: int, height: int) -> int:
    """Eighths of a cell that a column fills in a row; row 0, the lowest, is never quite empty."""
    eighths = round(_clipped(value) * height * 8) - row * 8
    return max(1 if row == 0 else 0, min(8, eighths))


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0) if value == value else 0.0
