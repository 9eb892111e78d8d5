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

HELP = """Import, export, inspect, merge and split stores of episodes.

With --json, every sub-command prints one JSON object as its last line.
"""

Stored = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of the store.")]
Stores = Annotated[list[Path], typer.Argument(metavar="STORE", help="Folders of the stores.")]
New = Annotated[Path, typer.Option("--out", help="Folder of the new store.")]
End = Annotated[
    list[str] | None,
    typer.Option(
        "--end",
        metavar="END",
        help="Only this outcome: won, lost, step_limit, token_limit or fault (repeatable).",
    ),
]
TaskName = Annotated[str | None, typer.Option("--task", help="Only episodes of this task.")]
TaskType = Annotated[
    str | None, typer.Option("--task-type", help="Only episodes of this task type.")
]
SplitName = Annotated[str | None, typer.Option("--split", help="Only episodes of this split.")]
Instance = Annotated[
    str | None, typer.Option("--instance", help="Only episodes of the instance with this id.")
]
Policy = Annotated[
    str | None,
    typer.Option(
        "--policy", help="Only episodes by this policy: its name or the first words of it."
    ),
]
LeastReward = Annotated[
    float | None, typer.Option("--least-reward", help="Only episodes with at least this reward.")
]
MostReward = Annotated[
    float | None, typer.Option("--most-reward", help="Only episodes with at most this reward.")
]
LeastSteps = Annotated[
    int | None, typer.Option("--least-steps", help="Only episodes with at least this many replies.")
]
MostSteps = Annotated[
    int | None, typer.Option("--most-steps", help="Only episodes with at most this many replies.")
]


def bring(
    sources: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Files or folders of logs.")
    ],
    format: Annotated[
        str,
        typer.Option(
            "--from",
            help="Format of the logs: react, sharegpt (also ETO's), oreo, trl, verifiers, atif, "
            "minari or records.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder of the store; episodes are added to an existing one.")
    ],
    task: Annotated[
        str, typer.Option(help="Task of the logs: a known task or any other name.")
    ] = "alfworld",
    split: Annotated[str, typer.Option(help="Split that the logs' instances belong to.")] = "train",
    prompt: Annotated[
        str, typer.Option(help="Prompt format: react, bare, compact, steps or words.")
    ] = "react",
    model: Annotated[
        str | None,
        typer.Option(
            help="Model folder with the tokenizer of react, bare and steps; without it the store "
            "holds text only."
        ),
    ] = None,
    reward: Annotated[
        float | None,
        typer.Option(help="Reward of rows without an outcome.  [default: leave them out]"),
    ] = None,
    aside: Annotated[
        Path | None, typer.Option(help="JSON Lines file for the rows left out, with reasons.")
    ] = None,
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Replay each log in its world and compare observations."),
    ] = False,
    data: options.DataFolder = None,
    live: Annotated[int, typer.Option(help="Logs replayed at once.")] = 32,
    json: options.AsJson = False,
) -> None:
    """Import logs of other tools into a store.

    Each log is tokenised once, at import, and its record says so. Importing the same log again adds
    nothing.
    """
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
        typer.Option(help="New file (.jsonl, also .gz, .xz or .zst; .json; .parquet) or folder."),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="Format: records (lossless), kto, dpo, messages, atif, sharegpt, oreo, react, "
            "verifiers or minari.",
        ),
    ] = "records",
    end: End = None,
    task: TaskName = None,
    task_type: TaskType = None,
    policy: Policy = None,
    json: options.AsJson = False,
) -> None:
    """Export episodes to a file, a `datasets` folder or Minari."""
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
    text: Annotated[
        str, typer.Option(help="Only episodes with this text in an observation or reply.")
    ] = "",
    json: options.AsJson = False,
) -> None:
    """Copy the episodes that meet all conditions to a new store."""
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
    out: Annotated[
        Path, typer.Option(help="Store to add the episodes to; made if it does not exist.")
    ],
    json: options.AsJson = False,
) -> None:
    """Merge stores by episode id.

    An id with two different contents is refused.
    """
    from dataclasses import asdict

    from oreo_agent.records.merge import merge

    merged = merge(out, stores)
    if json:
        say_json({"out": str(out), **asdict(merged)})
    else:
        typer.echo(f"{out}: {counted(merged.added, 'episode')} added, {merged.kept} already there")


def dedupe(store: Stored, out: New, json: options.AsJson = False) -> None:
    """Copy a store without its duplicate episodes.

    Duplicates share instance, replies and reward; the first by id is kept.
    """
    from dataclasses import asdict

    from oreo_agent.records.selecting import dedupe_store

    done = dedupe_store(store, out)
    if json:
        say_json(asdict(done))
        return
    typer.echo(f"{done.out}: {done.kept} of {counted(done.read, 'episode')}")
    if done.contradictions:
        typer.echo(f"{done.contradictions} kept with the replies of another but another outcome")


def split(
    store: Stored,
    out: New,
    held_out: Annotated[
        Path, typer.Option(help="Folder of the new store with the instances held out.")
    ],
    share: Annotated[
        float, typer.Option(help="Approximate share of the instances to hold out.")
    ] = 0.1,
    seed: options.Seed = 0,
    json: options.AsJson = False,
) -> None:
    """Split a store by instance into two new stores.

    The two stores have no instance in common.
    """
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
        str | None,
        typer.Option(
            help="Model folder with the tokenizer of chat formats (react, bare, steps, given)."
        ),
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Check that records are consistent and that ids match their text.

    The exit code is 2 if a record is faulty. Episodes that repeat the replies of an earlier one are
    counted but are not a fault.
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
