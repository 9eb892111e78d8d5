"""How verbs tell what came out: a table for people, or one JSON object as the last line."""

import json
import math
import os
import sys
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import typer

from oreo_agent.errors import OreoError
from oreo_agent.player.harmless import harmless, one_line

CAUSES = 3
"""So many causes of faults are told."""


@contextmanager
def written() -> Generator[None]:
    """Whoever cannot or will not take our output ends the verb, and no traceback is shown.

    Raises:
        OreoError: standard output cannot be written.
        typer.Exit: who read it has gone, as `head` does: with code 0.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        of_a_file = error.filename is not None
        if not isinstance(error, BrokenPipeError) and (of_a_file or not _refuses(sys.stdout)):
            raise
        # Python would complain once more as it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise typer.Exit from None
        raise OreoError(
            f"standard output cannot be written ({error.strerror}); send it elsewhere"
        ) from error


def _refuses(stream: TextIO) -> bool:
    """Whether a stream takes not even the line break that goes before a traceback."""
    try:
        stream.write("\n")
        stream.flush()
    except OSError:
        return True
    return False


def say_json(result: Mapping[str, Any]) -> None:
    """One object on one line; what is no finite number is null, as JSON wants it.

    Names of files that are no text stand there in escapes, from which Python reads them again.
    """
    import msgspec

    plain = _finite(msgspec.to_builtins(result, str_keys=True, enc_hook=str))
    escaped = not (sys.stdout.encoding or "").lower().startswith("utf")
    told = json.dumps(plain, ensure_ascii=escaped, allow_nan=False)
    try:
        told.encode()
    except UnicodeEncodeError:
        told = json.dumps(plain, allow_nan=False)
    typer.echo(told)


def _finite(value: Any) -> Any:
    """Plain data with None for numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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


def counted(count: int, what: str) -> str:
    """So many of ``what``, which takes an "s" unless it is one."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def share(part: int, whole: int) -> str:
    """``part / whole`` in percent; a dash where there is nothing to divide by."""
    return f"{part / whole:.1%}" if whole else "-"


def on_terminal() -> bool:
    """Whether a screen can be shown: keys come from a terminal, and Textual draws on stderr."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
