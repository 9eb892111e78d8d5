"""`oreo-agent doctor`: what this machine has, what is missing, and what mends it."""

from typing import TYPE_CHECKING, Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.output import say_json

if TYPE_CHECKING:
    from oreo_agent.rollouts.doctor.gold import Verified
    from oreo_agent.rollouts.doctor.remark import Remark

_INDENT = 28
_SHOWN = 10
"""Failures that are told one by one."""


def doctor(
    task: Annotated[
        str | None,
        typer.Argument(metavar="TASK", help="Task whose known solutions are replayed."),
    ] = None,
    data: options.DataFolder = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split", help="Split to replay.  [default: those that agents are judged on]"
        ),
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Check packages, data and speed, or verify a task's evaluator.

    Without TASK it reports what is installed, which data are found and how fast environments run.
    With TASK it replays the known solutions, which the evaluator must score as won.

    The exit code is 1 if something is broken, 0 if only something optional is missing.
    """
    if task is None:
        _look_around(data, json)
    else:
        _verify(task, data, split, json)


def _look_around(data: str | None, json: bool) -> None:
    from dataclasses import asdict

    from oreo_agent import __version__
    from oreo_agent.rollouts.doctor import examined

    found: list[Remark] = []
    if not json:
        typer.echo(f"oreo-agent {__version__}")
    for remark in examined(data):
        if not json:
            if not found or found[-1].part != remark.part:
                typer.echo(f"\n{remark.part}")
            _tell(remark)
        found.append(remark)
    faults = [remark for remark in found if remark.state == "fault"]
    if json:
        say_json({"version": __version__, "well": not faults, "remarks": list(map(asdict, found))})
    elif faults:
        typer.echo(f"\n{len(faults)} to mend: " + ", ".join(remark.name for remark in faults))
    else:
        typer.echo("\nall is well")
    if faults:
        raise typer.Exit(1)


def _tell(remark: "Remark") -> None:
    import shutil
    import textwrap

    mark = {"ok": "ok", "missing": "-", "fault": "FAULT"}[remark.state]
    head = f"{mark:6}{remark.name:21} "
    width = max(shutil.get_terminal_size().columns, 60)
    indent = " " * _INDENT
    typer.echo(
        textwrap.fill(head + remark.told, width, subsequent_indent=indent, break_on_hyphens=False)
    )
    if remark.remedy:  # in one line, however long: it is there to be copied
        typer.echo(f"{indent}{remark.remedy}")


def _verify(task: str, data: str | None, split: str | None, json: bool) -> None:
    from dataclasses import asdict

    from oreo_agent.rollouts.doctor.gold import splits_to_verify, verify
    from oreo_agent.rollouts.stage import Stage

    told: list[Verified] = []
    for name in splits_to_verify(task, data) if split is None else [split]:
        told.append(verify(Stage(task=task, split=name, data=data)))
        if not json:
            _tell_split(told[-1])
    right, known = sum(one.right for one in told), sum(one.solutions for one in told)
    if json:
        splits = [{**asdict(one), "right": one.right} for one in told]
        say_json({"task": task, "right": right, "solutions": known, "splits": splits})
    else:
        typer.echo(f"evaluator verified: {right:,} / {known:,}")
    if right < known:
        raise typer.Exit(1)


def _tell_split(told: "Verified") -> None:
    without = f", {told.without:,} without a solution" if told.without else ""
    typer.echo(f"{told.split}: {told.right:,} of {told.solutions:,} known solutions win{without}")
    for instance, fault in list(told.failed.items())[:_SHOWN]:
        typer.echo(f"    {instance}: {fault}")
    if len(told.failed) > _SHOWN:
        typer.echo(f"    and {len(told.failed) - _SHOWN:,} more; --json names them all")
