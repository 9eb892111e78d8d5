"""`oreo-agent eval`: score an agent on a split."""

from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli.output import say_json


def evaluate(
    agent: Annotated[str, typer.Option(help="Folder of a bundle; or expert, or random.")],
    split: Annotated[str, typer.Option(help="Split to play.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the report (JSON).")] = None,
    task: Annotated[str, typer.Option(help="Family of problems.")] = "alfworld",
    strategy: Annotated[str, typer.Option(help="greedy, sample or best-of-k.")] = "greedy",
    k: Annotated[int, typer.Option(help="Candidates of best-of-k.")] = 5,
    temperature: Annotated[
        float | None, typer.Option(help="Of the candidates [default: the strategy's].")
    ] = None,
    score: Annotated[
        str,
        typer.Option(help="What best-of-k goes by: value; controls: logp, chance, constant."),
    ] = "value",
    weight: Annotated[
        float, typer.Option(help="Times the log-probability, added to the value.")
    ] = 0.0,
    value: Annotated[
        str | None, typer.Option(help="A bundle whose value goes by [default: the agent's own].")
    ] = None,
    episodes: Annotated[
        int | None, typer.Option(help="Games, spread over the split [default: all].")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="A store that keeps the episodes, and goes on.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Folder of the task's data, or generated[:TIER].")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="react or bare, for a model that is no bundle.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes that play.")] = 1,
    step_limit: Annotated[
        int | None, typer.Option(help="Turns an episode [default: the task's].")
    ] = None,
    live: Annotated[int, typer.Option(help="Episodes played at a time, in each process.")] = 32,
    threads: Annotated[int, typer.Option(help="CPU threads of each engine.")] = 1,
    device: Annotated[str, typer.Option(help="Where a bundle's networks run.")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace another report at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, no table.")] = False,
) -> None:
    """Play the same games every time and report success with its interval."""
    from rich.console import Console

    from oreo_agent.rollouts.casting import TEXT_POLICIES, Cast, Stage, deciding
    from oreo_agent.rollouts.comparison import report_table
    from oreo_agent.rollouts.evaluate import EvaluateSettings
    from oreo_agent.rollouts.evaluate import evaluate as score_agent

    chosen = (
        ()
        if agent in TEXT_POLICIES
        else deciding(strategy, k=k, temperature=temperature, score=score, weight=weight)
    )
    report = score_agent(
        EvaluateSettings(
            stage=Stage(task=task, split=split, data=data, step_limit=step_limit, live=live),
            cast=Cast(
                policy=agent,
                strategy=strategy,
                settings=chosen,
                value=value,
                prompt=prompt,
                device=device,
                threads=threads,
            ),
            episodes=episodes,
            record=record,
            out=out,
            overwrite=overwrite,
            seed=seed,
            workers=workers,
        )
    )
    if json:
        told = report.document()
        # the games and the format's own settings are in the file; a line stays a line
        del told["games"], told["contract"]["prompt_settings"]
        say_json(told)
    else:
        Console().print(report_table(report))
