"""A game as a recording of a terminal, asciinema's format 2, at a pace of its own."""

import json
from collections.abc import Iterator, Sequence
from textwrap import wrap

from textual.color import Color

from oreo_agent.player.blocks import bar
from oreo_agent.player.harmless import harmless, shortened
from oreo_agent.player.review import grade, mark
from oreo_agent.player.snapshot import Move, Option, Snapshot
from oreo_agent.player.telling import ending_lines
from oreo_agent.player.themes import DARK, direction, level
from oreo_agent.player.widgets.figures import fitted, percent

WIDTH, HEIGHT = 80, 24
THINKS, ACTS = 1.2, 0.8
"""Seconds that the candidates of a turn are seen before the reply, and the reply before the next
turn."""
_BAR = 12


def cast(snapshots: Sequence[Snapshot]) -> str:
    """The recording: the same game gives the same bytes."""
    first = snapshots[0]
    head = {
        "version": 2,
        "width": WIDTH,
        "height": HEIGHT,
        "title": harmless(first.goal or first.instance),
        "env": {"TERM": "xterm-256color"},
    }
    rows = [json.dumps(head, ensure_ascii=False)]
    at = 0.0
    for seconds, lines in _scenes(snapshots):
        told = "".join(f"{line}\r\n" for line in lines)
        rows.append(json.dumps([round(at, 3), "o", told], ensure_ascii=False))
        at += seconds
    return "\n".join(rows) + "\n"


def _scenes(snapshots: Sequence[Snapshot]) -> Iterator[tuple[float, list[str]]]:
    """Seconds for which what is printed stands still, and the lines."""
    first = snapshots[0]
    opening = [_bold(line) for line in _wrapped(first.goal or first.instance)]
    opening += [_faint(f"{first.task_type or first.task} · {first.split} · {first.agent}"), ""]
    yield 2 * THINKS, [*opening, *_wrapped(shortened(first.opening))]
    for moves in zip(*(each.moves for each in snapshots), strict=True):
        thinks = ["", _bold(f"{first.unit} {moves[0].turn} of {first.step_limit}")]
        for move, snapshot in zip(moves, snapshots, strict=True):
            thinks += _considered(move, snapshot.judge if len(snapshots) > 1 else "")
        yield THINKS, thinks
        yield ACTS, _done(moves)
    said = [line for told in ending_lines(snapshots) for line in _wrapped(told) or [""]]
    yield THINKS, [_bold(line) if line else "" for line in said]


def _considered(move: Move, judge: str) -> Iterator[str]:
    """The candidates with bars, under the name of who judges them."""
    if move.chance is not None:
        name = fitted(judge or "success", 24)
        yield f"{_faint(name)}  {_bars(move.chance)} {percent(move.chance):>4}"
    elif judge:
        yield _faint(judge)
    for option in move.options:
        yield _row(option, chosen=option == move.option)


def _row(option: Option, *, chosen: bool) -> str:
    sign = _painted("▸ ", DARK.accent) if chosen else "  "
    label = fitted(harmless(option.label.strip()), 24)
    parts = [sign, _bold(label[:22].ljust(22)) if chosen else label[:22].ljust(22), "  "]
    if option.chance is not None:
        parts.append(f"{_bars(option.chance)} {percent(option.chance):>4} ")
        parts.append(_gain(option.gain))
    if option.share is not None:
        parts.append(_faint(f"  policy {percent(option.share):>4}"))
    return "".join(parts).rstrip()


def _done(moves: Sequence[Move]) -> list[str]:
    """What was said, its marks, what was answered."""
    move = moves[0]
    command = harmless(move.option.label.strip())
    lines = [f"> {line}" for line in wrap(command, WIDTH - 2)] or ["> "]
    lines = [_bold(line) for line in lines]
    for each in moves:
        if mark(each):
            change = f"{percent(each.chance)} -> {percent(each.option.chance)}"
            lines.append(_painted(f"{mark(each)} {grade(each)}, {change}", DARK.error))
    return lines + _wrapped(shortened(move.observation))


def _wrapped(said: str) -> list[str]:
    """Lines that fit."""
    return [part for line in harmless(said).splitlines() for part in wrap(line, WIDTH) or [""]]


def _bars(chance: float) -> str:
    drawn, track = bar(chance, _BAR)
    return _painted(drawn, _hue(level(chance))) + _painted(track, DARK.panel)


def _gain(gain: float | None) -> str:
    if gain is None:
        return " " * 7
    return _painted(f"{gain:+7.3f}", _hue(direction(gain)))


def _hue(name: str) -> str | None:
    """The dark theme's colour of a name as Textual's styles have it: ``$success``."""
    return getattr(DARK, name.removeprefix("$"))


def _painted(said: str, hue: str | None) -> str:
    if hue is None or not said:
        return said
    red, green, blue = Color.parse(hue).rgb
    return f"\x1b[38;2;{red};{green};{blue}m{harmless(said)}\x1b[0m"


def _faint(said: str) -> str:
    return _painted(said, DARK.secondary)


def _bold(said: str) -> str:
    return f"\x1b[1m{harmless(said)}\x1b[0m"
