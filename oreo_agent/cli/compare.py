"""`oreo-agent compare`: two or more reports of the same games."""

from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli.output import say_json


def compare(
    reports: Annotated[
        list[Path], typer.Argument(help="Reports of `oreo-agent eval`; the first is the baseline.")
    ],
    json: Annotated[bool, typer.Option("--json", help="One JSON object, no table.")] = False,
) -> None:
    """Compare agents game by game (exact McNemar); unlike contracts are refused."""
    import msgspec
    from rich.console import Console

    from oreo_agent.errors import SettingError
    from oreo_agent.rollouts.comparison import compare_all, comparison_table, verdict
    from oreo_agent.rollouts.report import Report

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
