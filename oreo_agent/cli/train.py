"""`oreo-agent train`: from stores of episodes to a bundle."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from oreo_agent.cli.output import say_json, say_table
from oreo_agent.errors import SettingError

if TYPE_CHECKING:
    from oreo_agent.learn.plan import Plan


def train(
    data: Annotated[
        list[Path], typer.Option(metavar="STORE", help="Store to learn from (repeatable).")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the bundle to write.")],
    method: Annotated[
        str | None,
        typer.Option(
            help="Objective: sft, rejection, dpo, kto, dqo or oreo.  [default: the recipe's]"
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="tiny, a bundle or a model folder.  [default: the recipe's, else tiny]"),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="Width x layers of tiny.  [default: the recipe's, else 128x4]"),
    ] = None,
    reward: Annotated[
        str | None,
        typer.Option(
            help="Worth of a success: won (1) or discounted (.95 per turn, as "
            "train.discount=.95).  [default: the recipe's, else won]"
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Recipe: a TOML file, or a name such as demo-oreo.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Setting, such as train.epochs=3 or objective.beta=0.1 (repeatable).",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of all random choices.  [default: the recipe's, else 0]"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option(help="Replace a bundle at --out, checkpoints included.")
    ] = False,
    tracker: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TRACKER", help="Also report to tensorboard, wandb or trackio (repeatable)."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check everything and print the plan; write nothing."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Train a policy, or a policy and a value, on stored episodes.

    The same command resumes a run that was stopped at any moment.
    """
    from oreo_agent.config import build, find_recipe, override, read_toml

    told: dict[str, Any] = {"method": method, "model": model, "size": size}
    given = override(read_toml(find_recipe(config)) if config else {}, set_ or [])
    given |= {key: value for key, value in told.items() if value is not None}
    given |= {"data": data, "out": out, "overwrite": overwrite}
    if tracker:
        given["tracker"] = tracker

    from oreo_agent.learn.settings import REWARDS, TINY, TrainRun

    if size is not None and model not in (None, TINY):
        raise SettingError(f"--size goes with --model tiny, and --model is {model}")
    if reward not in (None, *REWARDS):
        raise SettingError(f"--reward is {' or '.join(REWARDS)}, got {reward!r}")
    chosen = {"seed": seed, "discount": None if reward is None else REWARDS[reward]}
    given["train"] = given.get("train", {}) | {k: v for k, v in chosen.items() if v is not None}
    run = build(TrainRun, given)
    # what is wrong with the settings is told before torch is imported, which takes seconds
    if dry_run:
        from oreo_agent.learn.plan import plan

        _say_plan(out, run.method, plan(run), json=json)
        return
    from oreo_agent.learn.train import train as train_bundle

    card = train_bundle(run, lambda line: typer.echo(_line(line), err=True))

    from oreo_agent.learn.processes import accelerator

    if not accelerator().is_main_process:
        return
    if json:
        told = {"out": str(out), "method": card.method, "metrics": card.metrics}
        say_json(told | ({"trusted": card.trust.trusted} if card.trust else {}))
        return
    typer.echo(f"{out}: {card.method} on {card.data['episodes']} episodes")
    if card.trust:
        typer.echo(card.trust.sentence)


def _line(metrics: Mapping[str, Any]) -> str:
    """Figures in one line: numbers short, those that belong together in brackets."""
    if "warning" in metrics:
        return f"warning: {metrics['warning']}"
    words: list[str] = []
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            words.append(f"{name} [{_line(cast(Mapping[str, Any], value))}]")
        else:
            words.append(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
    return "  ".join(words)


def _say_plan(out: Path, method: str, found: "Plan | None", *, json: bool) -> None:
    if json:
        told = {} if found is None else asdict(found) | {"total_memory": found.memory.total}
        say_json({"out": str(out), "method": method, "finished": found is None, **told})
        return
    if found is None:
        typer.echo(f"{out} is there already, made by this very command: nothing would run")
        return
    lost, memory = found.episodes - found.won, found.memory
    left_out = ", ".join(f"{n} ({why})" for why, n in found.left_out.items()) or "none"
    typer.echo(f"{out} would be made by {method}; nothing was written")
    typer.echo(f"episodes   {found.episodes:,}: {found.won:,} won, {lost:,} lost")
    typer.echo(f"left out   {left_out}")
    typer.echo(f"held out   {found.held_out:,}")
    typer.echo(f"an epoch   {found.units:,} units, {found.tokens_per_epoch:,} tokens")
    typer.echo(f"steps      {found.warm_steps:,} of the value alone, then {found.steps:,}")
    if found.done:
        typer.echo(f"goes on    after step {found.done:,}, from a checkpoint")
    rows = [
        (name, f"{net.parameters:,}", f"{net.trained:,}", net.dtype)
        for name, net in found.networks.items()
    ]
    say_table("", ("network", "parameters", "trained", "weights"), rows)
    say_table(
        f"memory of each process, on {found.device}; activations are a rough estimate",
        ("", "MiB"),
        [(n, f"{b / 2**20:,.1f}") for n, b in (*asdict(memory).items(), ("total", memory.total))],
    )
