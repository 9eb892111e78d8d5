"""Options that several verbs have, so that they are spelt and told alike."""

from collections.abc import Collection
from typing import Annotated

import typer

Task = Annotated[
    str | None,
    typer.Option("--task", help="Task to play.  [default: the bundle's own, else alfworld]"),
]
Env = Annotated[
    str | None,
    typer.Option(
        "--env",
        help="Environment to play instead of a task: ID, module:ID, module:Class, file.py:Class "
        "or LIBRARY:NAME (textarena, gem, verifiers, openenv).",
    ),
]
Split = Annotated[str, typer.Option("--split", help="Split to play.")]
DataFolder = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="Task data: a folder or file, such as mine-{split}.jsonl; hub; generated[:TIER]; or a "
        "tier or level, such as puzzle or 105.",
    ),
]
QuestionField = Annotated[
    str | None,
    typer.Option("--question-field", help="Field with the question, in your own file at --data."),
]
AnswerField = Annotated[
    str | None,
    typer.Option("--answer-field", help="Field with the right answer, in the same file."),
]
SolutionField = Annotated[
    str | None,
    typer.Option("--solution-field", help="Field with a worked solution, for --policy expert."),
]
Verifier = Annotated[
    str | None,
    typer.Option(
        "--verifier", help="How answers are compared: number, math, choice, yes-no or text."
    ),
]
StepLimit = Annotated[
    int | None, typer.Option("--step-limit", help="Turn limit per episode.  [default: the task's]")
]
K = Annotated[
    int, typer.Option("--k", help="Candidates of best-of-k, solutions of best-of-n, or beams.")
]
Score = Annotated[
    str,
    typer.Option(
        "--score",
        help="What chooses: value, or the controls logp, chance and constant; for best-of-n also "
        "weighted-majority and majority, but not constant.",
    ),
]
Weight = Annotated[
    float | None,
    typer.Option(
        "--weight",
        help="Weight of the log-probability, added to the value.  [default: 0 for best-of-k; for "
        "beam and best-of-n the one found when the value was judged, else .03]",
    ),
]
OnlyAdmissible = Annotated[
    bool,
    typer.Option(
        "--only-admissible",
        help="Choose only among commands that the environment admits.",
    ),
]
TrustValue = Annotated[
    bool,
    typer.Option("--trust-value", help="Let the value choose even if its held-out verdict is no."),
]
Judge = Annotated[
    str | None,
    typer.Option(
        "--value",
        metavar="BUNDLE",
        help="Bundle whose value judges the replies.  [default: the agent's own]",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of all random choices.")]
Workers = Annotated[int, typer.Option("--workers", help="Number of processes that play.")]
Live = Annotated[int, typer.Option("--live", help="Episodes played at once in each process.")]
Threads = Annotated[int, typer.Option("--threads", help="CPU threads per engine.")]
EngineName = Annotated[
    str, typer.Option("--engine", help="Library that runs the policy: transformers or vllm.")
]
Device = Annotated[
    str, typer.Option("--device", help="Device of the networks: auto, cpu, cuda or cuda:N.")
]
Precision = Annotated[
    str,
    typer.Option(
        "--dtype",
        help="Weights in memory: auto, float32, bfloat16 or float16; auto is float32 on a CPU, and "
        "as they are stored on a GPU.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


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
