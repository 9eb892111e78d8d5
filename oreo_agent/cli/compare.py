"""`oreo-agent compare`: two or more reports of the same games."""

from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli.output import say_json


def compare(
    reports: Annotated[
        list[Path], typer.Argument(help="Reports of `oreo-agent eval`; the first is the baseline.")
    ],
    with_: Annotated[
        list[Path] | None,
        typer.Option("--with", help="For seeds: a report to set against each of those; repeat."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, no table.")] = False,
) -> None:
    """Compare agents game by game (exact McNemar); unlike contracts are refused.

    Several seeds: `compare OLD-1 OLD-2 --with NEW-1 --with NEW-2` sets each new report against the
    old one in its place, then all of them together.
    """
    import msgspec
    from rich.console import Console

    from oreo_agent.errors import SettingError
    from oreo_agent.rollouts.comparison import (
        compare_all,
        compare_seeds,
        comparison_table,
        seeds_verdict,
        verdict,
    )
    from oreo_agent.rollouts.report import Report

    if with_:
        told = compare_seeds(*([Report.load(path) for path in side] for side in (reports, with_)))
        if json:
            say_json(msgspec.to_builtins(told))
        else:
            typer.echo("\n".join(seeds_verdict(told)))
        return
    if len(reports) < 2:
        raise SettingError("a comparison takes two reports or more; name them one after another")
    baseline, *others = [Report.load(path) for path in reports]
    found = compare_all(baseline, others)
    if json:
        told = [msgspec.to_builtins(one) | {"verdict": verdict(one)} for one in found]
        say_json({"comparisons": told})
        return
    Console().print(comparison_table(found))
    for one in found:
        typer.echo(verdict(one))
