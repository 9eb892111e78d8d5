"""`oreo-agent compare`: two or more reports of the same games."""

from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli.output import say_json
from oreo_agent.errors import SettingError


def compare(
    reports: Annotated[
        list[Path],
        typer.Argument(
            metavar="REPORT", help="Reports of `oreo-agent eval`; the first is the baseline."
        ),
    ],
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="REPORT[,REPORT...]",
            help="Report to pair with the baseline's in the same place, or all reports of a method "
            "joined by commas (repeatable).",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of tables.")
    ] = False,
) -> None:
    """Compare reports game by game with an exact McNemar test.

    Reports whose contracts differ are refused.

    Several seeds: `compare OLD-1 OLD-2 --with NEW-1 --with NEW-2` pairs each new report with the
    old one in the same place, then pools all pairs.

    Several methods: `compare OLD-1 OLD-2 --with NEW-1,NEW-2 --with OTHER-1,OTHER-2`.
    """
    from rich.console import Console

    from oreo_agent.rollouts.comparison import compare_all
    from oreo_agent.rollouts.report import Report
    from oreo_agent.rollouts.verdicts import (
        comparison_table,
        document,
        seed_differences_table,
        seeds_table,
        sentences,
    )

    if not with_ and len(reports) < 2:
        raise SettingError("a comparison takes two reports or more; name them one after another")
    named = _methods(with_ or [])
    loaded = [Report.load(path) for path in reports]
    if with_:
        from oreo_agent.rollouts.seeds import compare_methods

        methods = [list(map(Report.load, names)) for names in named]
        found = compare_methods(loaded, methods)
        tables = [seeds_table(found), seed_differences_table(found)]
    else:
        found = compare_all(loaded[0], loaded[1:])
        tables = [comparison_table(found)]
    if json:
        told = [document(one) for one in found]
        say_json(told[0] if with_ and len(told) == 1 else {"comparisons": told})
        return
    console = Console()
    for table in tables:
        console.print(table)
    for one in found:
        typer.echo("\n".join(["", *sentences(one)]))


def _methods(given: list[str]) -> list[list[str]]:
    """Reports of each method: those with commas between them, or else all that were given."""
    methods = [names.split(",") for names in given]
    for names, method in zip(given, methods, strict=True):
        if not all(name.strip() for name in method):
            raise SettingError(f"--with {names!r} names no report beside a comma; name one there")
    return methods if any(len(method) > 1 for method in methods) else [given]
