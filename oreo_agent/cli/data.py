"""`oreo-agent data`: logs in and out of stores, and what stores hold.

Each sub-command is a thin function; to add one, write it here or beside, then add it to
`DATA_VERBS`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.data_output import (
    told_check,
    told_export,
    told_import,
    told_stats,
)
from oreo_agent.cli.data_show import show
from oreo_agent.cli.output import counted, say_json

HELP = """Bring logs into stores and take them out; look at, join and part stores.

Every sub-command takes --json: one JSON object as the last line.
"""

Stored = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of the store.")]
Stores = Annotated[list[Path], typer.Argument(metavar="STORE...", help="Folders of the stores.")]
New = Annotated[Path, typer.Option("--out", help="Folder of the new store.")]
End = Annotated[
    list[str] | None,
    typer.Option("--end", help="won, lost, step_limit, token_limit or fault; repeat for several."),
]
TaskName = Annotated[str | None, typer.Option("--task", help="Of this task.")]
TaskType = Annotated[str | None, typer.Option("--task-type", help="Of this type.")]
SplitName = Annotated[str | None, typer.Option("--split", help="Of this split.")]
Instance = Annotated[str | None, typer.Option("--instance", help="Of this instance.")]
Policy = Annotated[str | None, typer.Option("--policy", help="Who played: expert, import, ...")]
LeastReward = Annotated[float | None, typer.Option("--least-reward", help="So much or more.")]
MostReward = Annotated[float | None, typer.Option("--most-reward", help="So much or less.")]
LeastSteps = Annotated[int | None, typer.Option("--least-steps", help="So many replies or more.")]
MostSteps = Annotated[int | None, typer.Option("--most-steps", help="So many replies or fewer.")]


def bring(
    sources: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files or folders.")],
    format: Annotated[
        str,
        typer.Option(
            "--from",
            help="react, sharegpt (ETO's too), oreo, trl, verifiers, atif, minari, or records.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the store; one that is there goes on.")],
    task: Annotated[str, typer.Option(help="One of ours, or any name.")] = "alfworld",
    split: Annotated[str, typer.Option(help="Split of the instances.")] = "train",
    prompt: Annotated[
        str, typer.Option(help="Told as: react, bare, compact, steps or words.")
    ] = "react",
    model: Annotated[
        str | None,
        typer.Option(help="Model folder whose tokenizer writes the ids; without one, no ids."),
    ] = None,
    reward: Annotated[
        float | None, typer.Option(help="Of rows without an outcome [default: keep them aside].")
    ] = None,
    aside: Annotated[
        Path | None, typer.Option(help="File for what cannot be read: JSON Lines, with reasons.")
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Play each log again and compare every observation.")
    ] = False,
    data: options.DataFolder = None,
    live: Annotated[int, typer.Option(help="Logs replayed at a time.")] = 32,
    json: options.AsJson = False,
) -> None:
    """Import logs; tokenised once, which the records say. Doing it again adds nothing."""
    from oreo_agent.rollouts.importing import ImportSettings, import_logs

    done = import_logs(
        ImportSettings(
            sources=tuple(sources),
            out=out,
            format=format,
            task=task,
            split=split,
            prompt=prompt,
            model=model,
            reward=reward,
            aside=aside,
            replay=replay,
            data=data,
            live=live,
        )
    )
    told_import(done.plain(), json)


def export(
    store: Stored,
    out: Annotated[
        Path,
        typer.Option(help="New .jsonl (also .gz, .xz, .zst), .json, .parquet; or a folder."),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="records (nothing is lost), kto, dpo, messages, atif, sharegpt, oreo, react, "
            "verifiers or minari.",
        ),
    ] = "records",
    end: End = None,
    task: TaskName = None,
    task_type: TaskType = None,
    policy: Policy = None,
    json: options.AsJson = False,
) -> None:
    """Write episodes to a file, to a folder of `datasets`, or to a Minari data set."""
    from oreo_agent.records.listing import Filter
    from oreo_agent.rollouts.exporting import export

    where = Filter(task=task, task_type=task_type, policy=policy, ends=_ends(end))
    told_export(export(store, out, to, where).plain(), json)


def stats(
    stores: Stores,
    end: End = None,
    task: TaskName = None,
    split: SplitName = None,
    policy: Policy = None,
    json: options.AsJson = False,
) -> None:
    """Count episodes, wins and lengths by task, type, split and policy."""
    from oreo_agent.records.listing import Filter
    from oreo_agent.records.stats import stats

    where = Filter(task=task, split=split, policy=policy, ends=_ends(end))
    told_stats(stats(stores, where), json)


def filter_(
    store: Stored,
    out: New,
    end: End = None,
    task: TaskName = None,
    task_type: TaskType = None,
    split: SplitName = None,
    instance: Instance = None,
    policy: Policy = None,
    least_reward: LeastReward = None,
    most_reward: MostReward = None,
    least_steps: LeastSteps = None,
    most_steps: MostSteps = None,
    text: Annotated[str, typer.Option(help="Stands in an observation or a reply.")] = "",
    json: options.AsJson = False,
) -> None:
    """Put the episodes that meet every condition into a new store."""
    from dataclasses import asdict

    from oreo_agent.records.listing import Filter
    from oreo_agent.records.selecting import filter_store

    where = Filter(
        task=task,
        task_type=task_type,
        split=split,
        instance=instance,
        policy=policy,
        ends=_ends(end),
        least_reward=least_reward,
        most_reward=most_reward,
        least_steps=least_steps,
        most_steps=most_steps,
    )
    part = filter_store(store, out, where, text)
    if json:
        say_json(asdict(part))
    else:
        typer.echo(f"{part.out}: {part.kept} of {counted(part.read, 'episode')}")


def merge(
    stores: Stores,
    out: Annotated[Path, typer.Option(help="Store that gets what it lacks; made if need be.")],
    json: options.AsJson = False,
) -> None:
    """Join stores by id; one id with two contents is refused."""
    from dataclasses import asdict

    from oreo_agent.records.merge import merge

    merged = merge(out, stores)
    if json:
        say_json({"out": str(out), **asdict(merged)})
    else:
        typer.echo(f"{out}: {counted(merged.added, 'episode')} added, {merged.kept} were met again")


def dedupe(store: Stored, out: New, json: options.AsJson = False) -> None:
    """Keep one of those with the same instance, the same replies and the same outcome."""
    from dataclasses import asdict

    from oreo_agent.records.selecting import dedupe_store

    done = dedupe_store(store, out)
    if json:
        say_json(asdict(done))
        return
    typer.echo(f"{done.out}: {done.kept} of {counted(done.read, 'episode')}")
    if done.contradictions:
        typer.echo(f"{done.contradictions} have the replies of another, and another outcome: kept")


def split(
    store: Stored,
    out: New,
    held_out: Annotated[Path, typer.Option(help="New store of the instances held out.")],
    share: Annotated[float, typer.Option(help="Of the instances, about, to hold out.")] = 0.1,
    seed: options.Seed = 0,
    json: options.AsJson = False,
) -> None:
    """Part a store by instance: the two parts have none in common."""
    from dataclasses import asdict

    from oreo_agent.records.selecting import split_store

    done = split_store(store, out, held_out, share=share, seed=seed)
    if json:
        say_json(asdict(done))
        return
    for part, episodes, instances in (
        (done.out, done.episodes, done.instances),
        (done.held_out, done.held_out_episodes, done.held_out_instances),
    ):
        typer.echo(f"{part}: {counted(episodes, 'episode')} of {counted(instances, 'instance')}")


def check(
    stores: Stores,
    model: Annotated[
        str | None, typer.Option(help="Model folder: hold chat formats' ids against their text.")
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Look whether every record holds together and its ids still say its text; exit code 2 if not.

    Episodes with the replies of an earlier one are counted, and are no fault.
    """
    from oreo_agent.rollouts.checking import check_store

    found = [check_store(store, model) for store in stores]
    told_check([one.plain() for one in found], json)
    if any(one.faulty for one in found):
        raise typer.Exit(2)


def _ends(given: list[str] | None) -> tuple[str, ...] | None:
    if not given:
        return None
    from oreo_agent.errors import SettingError, nearest
    from oreo_agent.records.episode import ENDS

    for end in given:
        if end not in ENDS:
            raise SettingError(f"no episode ends in {end!r}; {nearest(end, ENDS)}")
    return tuple(given)


DATA_VERBS: dict[str, Callable[..., None]] = {
    "import": bring,
    "export": export,
    "show": show,
    "stats": stats,
    "filter": filter_,
    "merge": merge,
    "dedupe": dedupe,
    "split": split,
    "check": check,
}
