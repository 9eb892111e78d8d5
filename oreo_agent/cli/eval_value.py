"""`oreo-agent eval-value`: what a bundle's value makes of stored episodes."""

from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli.output import say_json


def evaluate_value(
    agent: Annotated[Path, typer.Option(help="Folder of a bundle with a value.")],
    data: Annotated[
        list[Path], typer.Option(help="A store to judge it on; give it again for more.")
    ],
    held_out: Annotated[
        bool,
        typer.Option("--held-out", help="Only instances that the bundle's own training held out."),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Keep calibration and trust in the bundle.")
    ] = False,
    weight: Annotated[
        float | None,
        typer.Option(
            help="Compare replies by V plus so much times their log-probability "
            "[default: of solutions what chooses best here, each judged by the others'; else 0]."
        ),
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, no lines.")] = False,
) -> None:
    """Judge a value on stored episodes: its error, AUC, calibration, and whether it may choose.

    Fair on instances that the bundle has not been trained on. Most is told by branches, which come
    from `oreo-agent rollout --branch`; of problems, by several solutions of each (`--repeats`).
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
