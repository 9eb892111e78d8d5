"""Options that several verbs have, so that they are spelt and told alike."""

from collections.abc import Collection
from typing import Annotated

import typer

Task = Annotated[
    str | None,
    typer.Option("--task", help="Family of problems [default: what a bundle learned; alfworld]."),
]
Env = Annotated[
    str | None,
    typer.Option(
        "--env",
        help="An environment in its place: ID, module:ID, module:Class or file.py:Class; or "
        "textarena:, gem:, verifiers:, openenv: and its name there.",
    ),
]
Split = Annotated[str, typer.Option("--split", help="Split to play.")]
DataFolder = Annotated[
    str | None,
    typer.Option("--data", help="Folder of the task's data, or generated[:TIER]."),
]
QuestionField = Annotated[
    str | None,
    typer.Option("--question-field", help="Of your own file at --data: where the question is."),
]
AnswerField = Annotated[
    str | None, typer.Option("--answer-field", help="And where the right answer is.")
]
SolutionField = Annotated[
    str | None,
    typer.Option("--solution-field", help="And where a worked solution is, for --policy expert."),
]
Verifier = Annotated[
    str | None,
    typer.Option("--verifier", help="What compares answers: number, math, choice, yes-no, text."),
]
StepLimit = Annotated[
    int | None, typer.Option("--step-limit", help="Turns an episode [default: the task's].")
]
K = Annotated[
    int, typer.Option("--k", help="Candidates of best-of-k, solutions of best-of-n, beams of beam.")
]
Score = Annotated[
    str,
    typer.Option(
        "--score",
        help="What a choice goes by: value; controls: logp, chance, constant (of best-of-n: "
        "weighted-majority; majority, logp, chance).",
    ),
]
Weight = Annotated[
    float | None,
    typer.Option(
        "--weight",
        help="Times the log-probability, added to the value [default: of beam and best-of-n the "
        "one found where the value was judged, else .03, the paper's beta; of best-of-k 0].",
    ),
]
OnlyAdmissible = Annotated[
    bool,
    typer.Option(
        "--only-admissible",
        help="Choose among commands that the world would admit; part of a report's contract.",
    ),
]
TrustValue = Annotated[
    bool,
    typer.Option(
        "--trust-value", help="Let the value choose although its own evidence speaks against it."
    ),
]
Judge = Annotated[
    str | None,
    typer.Option("--value", help="A bundle whose value goes by [default: the agent's own]."),
]
Seed = Annotated[int, typer.Option("--seed", help="Of every random choice.")]
Workers = Annotated[int, typer.Option("--workers", help="Processes that play.")]
Live = Annotated[int, typer.Option("--live", help="Episodes played at a time, in each process.")]
Threads = Annotated[int, typer.Option("--threads", help="CPU threads of each engine.")]
EngineName = Annotated[
    str, typer.Option("--engine", help="Library that runs the policy: transformers or vllm.")
]
Device = Annotated[str, typer.Option("--device", help="Where a bundle's networks run.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, no table.")]


def named_task(task: str | None, env: str | None) -> str | None:
    """The task or the environment that was named; None if neither was.

    Raises:
        SettingError: both were, or there is no such environment.
    """
    from oreo_agent.errors import SettingError
    from oreo_agent.rollouts.stage import find_environment

    if task is not None and env is not None:
        raise SettingError("--task and --env name the same thing twice; leave one of them out")
    return task if env is None else find_environment(env).name


def refuse_beside(context: typer.Context, option: str, known: Collection[str]) -> None:
    """What means nothing beside ``option`` is refused, not ignored.

    Raises:
        typer.BadParameter: a parameter was given that is not among those ``known``.
    """
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name not in known and source is not None and source.name == "COMMANDLINE":
            given = parameter.opts[0]
            raise typer.BadParameter(f"{given} means nothing beside {option}; leave it out")
