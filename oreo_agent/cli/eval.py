"""`oreo-agent eval`: score an agent on a split."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.output import say_doubt, say_faults, say_json


def evaluate(
    agent: Annotated[
        str | None, typer.Option(help="expert, random, or the folder of a bundle or model.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split to play.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write the report to (JSON).")] = None,
    task: options.Task = None,
    env: options.Env = None,
    strategy: Annotated[
        str,
        typer.Option(help="greedy, sample, best-of-k, beam, best-of-n, or your own file.py:Class."),
    ] = "greedy",
    k: options.K = 5,
    temperature: Annotated[
        float | None, typer.Option(help="Sampling temperature.  [default: the strategy's]")
    ] = None,
    score: options.Score = "value",
    weight: options.Weight = None,
    value: options.Judge = None,
    trust_value: options.TrustValue = False,
    only_admissible: Annotated[
        bool,
        typer.Option(
            "--only-admissible",
            help="Choose only among admissible commands (part of the report's contract).",
        ),
    ] = False,
    episodes: Annotated[
        int | None, typer.Option(help="Games, spread evenly over the split.  [default: all]")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            help="Store to keep the episodes in; an interrupted run resumes from it.",
            metavar="STORE",
        ),
    ] = None,
    data: options.DataFolder = None,
    question_field: options.QuestionField = None,
    answer_field: options.AnswerField = None,
    verifier: options.Verifier = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="Prompt format of a model that is not a bundle: react, bare, steps, given or "
            "FILE.toml.  [default: the task's]"
        ),
    ] = None,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
    step_limit: options.StepLimit = None,
    live: options.Live = 32,
    threads: options.Threads = 1,
    engine: options.EngineName = "transformers",
    device: options.Device = "auto",
    dtype: options.Precision = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace a different report at --out.")] = False,
    power: Annotated[
        float | None,
        typer.Option(
            help="Play nothing; print the games needed to show this difference in points."
        ),
    ] = None,
    success: Annotated[
        float | None,
        typer.Option(
            help="With --power: success rate of the agent, 0 to 1.  [default: the worst case]"
        ),
    ] = None,
    split_share: Annotated[
        float | None,
        typer.Option(
            help="With --power: share of games that only one of two agents wins, 0 to 1.  "
            "[default: a typical share and the worst case]"
        ),
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Score an agent on a fixed set of games, with an interval.

    The report holds every game and the success rate with its interval. The same split and
    --episodes give the same games.

    `oreo-agent eval --power 5` prints how many games show a difference of 5 points.
    """
    from rich.console import Console

    from oreo_agent.errors import SettingError

    if power is not None:
        if out is not None or record is not None:
            raise SettingError("--power plays nothing to keep; leave --out and --record out")
        _tell_power(power, success, split_share, json=json)
        return
    if agent is None or split is None:
        raise SettingError("name who plays what: --agent and --split (or --power, to play nothing)")
    if success is not None or split_share is not None:
        raise SettingError("--success and --split-share go with --power, which plays nothing")

    from oreo_agent.rollouts.casting import Cast, deciding, own_questions
    from oreo_agent.rollouts.evaluate import EvaluateSettings
    from oreo_agent.rollouts.evaluate import evaluate as score_agent
    from oreo_agent.rollouts.stage import Stage, usual_task
    from oreo_agent.rollouts.verdicts import report_table

    chosen = deciding(
        agent,
        strategy,
        k=k,
        temperature=temperature,
        score=score,
        weight=weight,
        only_admissible=only_admissible,
    )
    task = options.named_task(task, env)
    task, data = own_questions(task, data, question_field, answer_field, verifier)
    stage = Stage(
        task=task or usual_task(agent), split=split, data=data, step_limit=step_limit, live=live
    )
    cast = Cast(
        policy=agent,
        strategy=strategy,
        settings=chosen,
        value=value,
        prompt=prompt,
        engine=engine,
        device=device,
        dtype=dtype,
        threads=threads,
    )
    say_doubt(cast.stranger(stage.task))
    cast, doubt = cast.gated(trust_value=trust_value)
    say_doubt(doubt)
    report = score_agent(
        EvaluateSettings(
            stage=stage,
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
        broken = Counter(game.fault for game in report.games if game.end == "fault")
        again = "with --record FOLDER the episodes are kept, for `oreo-agent data show`"
        say_faults(
            broken,
            again if record is None else f"see them by `oreo-agent data show {record} --end fault`",
        )


def _tell_power(
    points: float, success: float | None, split_share: float | None, *, json: bool
) -> None:
    """How many games show a difference; no agent is loaded."""
    import msgspec
    from rich.console import Console

    from oreo_agent.rollouts.power import plan_games
    from oreo_agent.rollouts.verdicts import power_in_plain_words, power_table

    plan = plan_games(points, success=success, split_share=split_share)
    if json:
        say_json(msgspec.to_builtins(plan) | {"plainly": power_in_plain_words(plan)})
    else:
        Console().print(power_table(plan))
        typer.echo(power_in_plain_words(plan))
