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

NAME = 8
"""Letters of a table's names that a line shows at least."""
HEAD = 4
"""Letters of a column's head that a line shows at least."""
GAP = 2
"""Letters between columns."""
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

    Where a terminal is too narrow names and heads take more lines; where that is not enough the
    lines are longer than it. No figure is cut.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    say(title)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    told = [[one_line(str(cell)) for cell in row] for row in rows]
    console = Console(markup=False, emoji=False)
    widths = _widths(head, told, console.width)
    console.width = max(console.width, sum(widths) + GAP * len(widths))
    for index, (name, width) in enumerate(zip(head, widths, strict=True)):
        justify = "left" if index == 0 else "right"
        table.add_column(name, overflow="fold", justify=justify, width=width)
    for row in told:
        table.add_row(*row)
    console.print(table)


def _widths(head: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> list[int]:
    """How wide columns are so that lines have ``most`` letters, or as few as can be.

    Names give way first, then heads; figures never do.
    """
    from rich.cells import cell_len

    figures = [max((cell_len(row[i]) for row in rows), default=1) for i in range(len(head))]
    heads = [cell_len(name) for name in head]
    whole = [max(pair) for pair in zip(figures, heads, strict=True)]
    folded = [max(f, min(h, HEAD)) for f, h in zip(figures, heads, strict=True)]
    for others in (whole[1:], folded[1:]):
        left = most - sum(others) - GAP * len(whole)
        if left >= min(NAME, whole[0]):
            return [min(whole[0], left), *others]
    return [min(NAME, whole[0]), *folded[1:]]


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
