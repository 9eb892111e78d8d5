"""How verbs tell what came out: a table for people, or one JSON object as the last line."""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from oreo_agent.player.harmless import harmless, one_line

CAUSES = 3
"""So many causes of faults are told."""


def say_json(result: Mapping[str, Any]) -> None:
    """One object on one line."""
    typer.echo(json.dumps(result, ensure_ascii=False, default=str))


def say(line: str) -> None:
    """A line for people; whoever's words are in it, they do nothing to the terminal."""
    typer.echo(harmless(line))


def say_doubt(doubt: str) -> None:
    """A line of warning beside the results, if there is one."""
    if doubt:
        typer.echo(f"warning: {doubt}", err=True)


def say_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A line and a table below it; the first column is to the left, the others to the right.

    Where a terminal is too narrow the first column takes more lines, and no figure is cut.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    say(title)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for index, name in enumerate(head):
        if index == 0:
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(one_line(str(cell)) for cell in row))
    Console(markup=False, emoji=False).print(table)


def say_faults(reasons: Mapping[str, int], more: str) -> None:
    """Why episodes broke, the commonest causes first, and where ``more`` of it is told."""
    if not reasons:
        return
    told = Counter(reasons)
    broke = told.total()
    say(f"{broke} {'episode' if broke == 1 else 'episodes'} broke:")
    for reason, count in told.most_common(CAUSES):
        say(f"  {count} x {one_line(reason)[:300]}")
    if len(reasons) > CAUSES:
        others = len(reasons) - CAUSES
        say(f"  and {others} other {'cause' if others == 1 else 'causes'}")
    say(more)


def share(part: int, whole: int) -> str:
    """``part / whole`` in percent; a dash where there is nothing to divide by."""
    return f"{part / whole:.1%}" if whole else "-"


def on_terminal() -> bool:
    """Whether a screen can be shown: keys come from a terminal, and Textual draws on stderr."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
