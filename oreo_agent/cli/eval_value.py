"""`oreo-agent eval-value`: what a bundle's value makes of stored episodes."""

from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli.output import say_json


def evaluate_value(
    agent: Annotated[Path, typer.Option(help="Folder of a bundle that has a value.")],
    data: Annotated[
        list[Path], typer.Option(metavar="STORE", help="Store to judge the value on (repeatable).")
    ],
    held_out: Annotated[
        bool,
        typer.Option("--held-out", help="Use only instances that the bundle's training held out."),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Save the calibration and the verdict in the bundle.")
    ] = False,
    weight: Annotated[
        float | None,
        typer.Option(
            help="Weight of a reply's log-probability, added to its value.  [default: for "
            "solutions the one fitted on these episodes, else 0]"
        ),
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of lines.")
    ] = False,
) -> None:
    """Judge the value of a bundle on stored episodes.

    Reports error, AUC, calibration, and a verdict on whether the value may choose among replies.
    Use instances that the bundle was not trained on.

    The verdict rests mostly on branches, from `oreo-agent rollout --branch`; for questions, on
    several solutions of each, from `oreo-agent rollout --repeats`.
    """
    import msgspec

    from oreo_agent.learn.judging import judge_bundle

    found, facts = judge_bundle(
        agent, data, only_held_out=held_out, write=write, threads=threads, weight=weight
    )
    if json:
        told = msgspec.to_builtins(
            {"figures": found.figures, "calibration": found.calibration, "trust": found.trust}
        )
        say_json({"agent": str(agent), "data": facts, **told, "written": write})
        return
    lines = {
        name: f"{figure:.3f}" if isinstance(figure, float) else str(figure)
        for name, figure in found.figures.items()
    }
    if found.trust is not None:
        lines |= {name: str(estimate) for name, estimate in found.trust.estimates.items()}
        lines["trusted"] = f"{found.trust.trusted}: {found.trust.sentence}"
    if found.calibration is not None:
        for at in found.calibration.auc_by_turn:
            lines[f"auc_turn_{at.turn}"] = f"{at.auc:.3f} ({at.won} won, {at.lost} lost)"
        lines["brier_raw"] = f"{found.calibration.brier_raw:.3f}"
        if found.calibration.brier is not None:
            lines["brier"] = f"{found.calibration.brier:.3f}"
        lines["calibration"] = found.calibration.sentence
    if write:
        lines["written"] = f"into {agent}/bundle.json and README.md"
    width = max(map(len, lines))
    for name, line in lines.items():
        typer.echo(f"{name:{width}}  {line}")
