"""`oreo-agent rollout`: collect episodes into a store."""

from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.output import say_doubt, say_faults, say_json, say_table, share
from oreo_agent.errors import SettingError


def rollout(
    out: Annotated[Path, typer.Option(help="Folder of the store; an existing one is continued.")],
    policy: Annotated[
        str, typer.Option(help="expert, random, or the folder of a bundle or model.")
    ],
    task: options.Task = None,
    env: options.Env = None,
    split: options.Split = "train",
    episodes: Annotated[
        int | None,
        typer.Option(help="Number of episodes.  [default: --repeats of every instance]"),
    ] = None,
    repeats: Annotated[int, typer.Option(help="Episodes per instance.")] = 1,
    branch: Annotated[
        Path | None,
        typer.Option(
            help="Store to branch from: try several replies in states of its episodes.",
            metavar="STORE",
        ),
    ] = None,
    states: Annotated[
        int | None, typer.Option(help="With --branch: states to branch from.  [default: 1000]")
    ] = None,
    actions: Annotated[
        int | None, typer.Option(help="With --branch: different replies per state.  [default: 4]")
    ] = None,
    continuations: Annotated[
        int | None, typer.Option(help="With --branch: episodes per reply.  [default: 2]")
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(help="sample, greedy, best-of-k, beam, best-of-n, or your own file.py:Class."),
    ] = "sample",
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Sampling temperature; 0 takes the likeliest token.  [default: 1; .5 for "
            "best-of-k]"
        ),
    ] = None,
    k: options.K = 5,
    score: options.Score = "value",
    weight: options.Weight = None,
    value: options.Judge = None,
    trust_value: options.TrustValue = False,
    only_admissible: options.OnlyAdmissible = False,
    epsilon: Annotated[
        float, typer.Option(help="Share of the expert's turns that are random.")
    ] = 0.0,
    data: options.DataFolder = None,
    question_field: options.QuestionField = None,
    answer_field: options.AnswerField = None,
    solution_field: options.SolutionField = None,
    verifier: options.Verifier = None,
    seed: options.Seed = 0,
    workers: options.Workers = 1,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="Prompt format: compact, react, bare, steps, words, text, given or FILE.toml.  "
            "[default: the bundle's own, else the usual one of task and policy]"
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model folder with the tokenizer of chat formats (react, bare, steps, given), for "
            "expert and random."
        ),
    ] = None,
    step_limit: options.StepLimit = None,
    live: options.Live = 32,
    threads: options.Threads = 1,
    engine: options.EngineName = "transformers",
    device: options.Device = "auto",
    dtype: options.Precision = "auto",
    json: options.AsJson = False,
) -> None:
    """Play episodes and keep them in a store.

    The same command resumes a run that was stopped at any moment.
    """
    from oreo_agent.rollouts.branches import Branching
    from oreo_agent.rollouts.casting import Cast, deciding, own_questions
    from oreo_agent.rollouts.collect import CollectSettings, collect
    from oreo_agent.rollouts.stage import Stage, usual_task

    asked = {"states": states, "actions": actions, "continuations": continuations}
    widths = {name: count for name, count in asked.items() if count is not None}
    if widths and branch is None:
        raise SettingError(f"--{next(iter(widths))} goes with --branch STORE; name the store too")
    if strategy == "sample" and temperature == 0:
        strategy, temperature = "greedy", None
    settings = deciding(
        policy,
        strategy,
        k=k,
        temperature=temperature,
        score=score,
        weight=weight,
        only_admissible=only_admissible,
    )
    task = options.named_task(task, env)
    task, data = own_questions(task, data, question_field, answer_field, verifier, solution_field)
    stage = Stage(
        task=task or usual_task(policy), split=split, data=data, step_limit=step_limit, live=live
    )
    cast = Cast(
        policy=policy,
        strategy=strategy,
        settings=settings,
        value=value,
        epsilon=epsilon,
        prompt=prompt,
        model=model,
        engine=engine,
        device=device,
        dtype=dtype,
        threads=threads,
    )
    say_doubt(cast.stranger(stage.task))
    cast, doubt = cast.gated(trust_value=trust_value)
    say_doubt(doubt)
    summary = collect(
        CollectSettings(
            out=out,
            stage=stage,
            cast=cast,
            episodes=episodes,
            repeats=repeats,
            branching=Branching(source=branch, **widths) if branch is not None else None,
            seed=seed,
            workers=workers,
        )
    )
    if policy == "expert" and not epsilon and summary.won == 0 < summary.played - summary.faults:
        say_doubt(
            f"the expert won none; see what it did with `oreo-agent data show {out}`. A worked "
            'solution has to mark its answer ("#### 7", "\\boxed{7}", "the answer is 7"), and a '
            "world has to say that it is won"
        )
    if json:
        say_json(summary.plain())
        return
    say_table(
        f"{summary.out}: {summary.already} of {summary.planned} episodes were there, "
        f"{summary.played} played in {summary.seconds:.0f} s; the store holds",
        ("task type", "episodes", "won", "won %", "faults", "steps"),
        [
            (
                row.task_type or stage.task,
                row.episodes,
                row.won,
                share(row.won, row.episodes - row.faults),
                row.faults,
                f"{row.steps / row.episodes:.1f}",
            )
            for row in summary.by_type
        ],
    )
    say_faults(summary.reasons, f"see them by `oreo-agent data show {summary.out} --end fault`")
