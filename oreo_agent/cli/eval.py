"""`oreo-agent eval`: score an agent on a split."""

from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.output import say_doubt, say_json


def evaluate(
    agent: Annotated[str, typer.Option(help="Folder of a bundle; or expert, or random.")],
    split: options.Split,
    out: Annotated[Path | None, typer.Option(help="Where to write the report (JSON).")] = None,
    task: options.Task = "alfworld",
    strategy: Annotated[str, typer.Option(help="greedy, sample or best-of-k.")] = "greedy",
    k: options.K = 5,
    temperature: Annotated[
        float | None, typer.Option(help="Of the candidates [default: the strategy's].")
    ] = None,
    score: options.Score = "value",
    weight: options.Weight = 0.0,
    value: options.Judge = None,
    episodes: Annotated[
        int | None, typer.Option(help="Games, spread over the split [default: all].")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="A store that keeps the episodes, and goes on.")
    ] = None,
    data: options.DataFolder = None,
    prompt: Annotated[
        str | None, typer.Option(help="react or bare, for a model that is no bundle.")
    ] = None,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
    step_limit: options.StepLimit = None,
    live: options.Live = 32,
    threads: options.Threads = 1,
    device: options.Device = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace another report at --out.")] = False,
    json: options.AsJson = False,
) -> None:
    """Play the same games every time and report success with its interval."""
    from rich.console import Console

    from oreo_agent.rollouts.casting import Cast, Stage, deciding
    from oreo_agent.rollouts.comparison import report_table
    from oreo_agent.rollouts.evaluate import EvaluateSettings
    from oreo_agent.rollouts.evaluate import evaluate as score_agent

    chosen = deciding(agent, strategy, k=k, temperature=temperature, score=score, weight=weight)
    cast = Cast(
        policy=agent,
        strategy=strategy,
        settings=chosen,
        value=value,
        prompt=prompt,
        device=device,
        threads=threads,
    )
    say_doubt(cast.doubt())
    report = score_agent(
        EvaluateSettings(
            stage=Stage(task=task, split=split, data=data, step_limit=step_limit, live=live),
            cast=cast,
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
