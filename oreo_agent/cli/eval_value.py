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
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, no lines.")] = False,
) -> None:
    """Judge a value on stored episodes: its error, AUC, and ranking where episodes part.

    Fair on instances that the bundle has not been trained on. Branches come from
    `oreo-agent rollout --branch`.
    """
    from oreo_agent.learn.judging import judge_bundle

    figures, facts = judge_bundle(agent, data, threads=threads)
    if json:
        say_json({"agent": str(agent), "data": facts, "figures": figures})
        return
    width = max(map(len, figures))
    for name, figure in figures.items():
        typer.echo(
            f"{name:{width}}  {figure:.3f}"
            if isinstance(figure, float)
            else f"{name:{width}}  {figure}"
        )
