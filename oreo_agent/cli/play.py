"""`oreo-agent play`: watch an agent play, and take part."""

import os
import sys
from typing import Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.output import say_doubt, say_json


def play(
    agent: Annotated[
        str,
        typer.Option(help="Folder of a bundle or model, or expert, or random.", metavar="BUNDLE"),
    ] = "expert",
    task: options.Task = None,
    env: options.Env = None,
    split: Annotated[
        str | None,
        typer.Option(help="Split to play [default: the first that is not for training]."),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(help="Game to begin with: its id, or a part of it [default: the first]."),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="best-of-k, greedy or sample [default: best-of-k if the agent has a value]."
        ),
    ] = None,
    k: options.K = 5,
    temperature: Annotated[float, typer.Option(help="Of what is drawn.")] = 0.5,
    trust_value: options.TrustValue = False,
    only_admissible: options.OnlyAdmissible = False,
    data: options.DataFolder = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="react or bare (of environments FILE.toml too), for a model that is no bundle."
        ),
    ] = None,
    seed: options.Seed = 0,
    step_limit: Annotated[
        int | None, typer.Option(help="Turns a game [default: the task's].")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads of the engine.")] = 1,
    device: options.Device = "auto",
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines instead of a screen; so also without a terminal.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Play to the end; one JSON object instead of a screen.")
    ] = False,
) -> None:
    """Watch an agent play with the value of every move; take part where you like."""
    from oreo_agent.player.opening import PlaySettings, open_session
    from oreo_agent.player.plain import play_lines, summary
    from oreo_agent.rollouts.casting import Stage
    from oreo_agent.rollouts.stage import usual_split, usual_task

    task = options.named_task(task, env) or usual_task(agent)
    split = split or usual_split(task)
    if sys.stderr.isatty() and not json:
        typer.echo(f"{agent} gets ready for {task} {split} ...", err=True)
    settings = PlaySettings(
        agent=agent,
        strategy=strategy,
        k=k,
        temperature=temperature,
        stage=Stage(task=task, split=split, data=data, step_limit=step_limit, live=1),
        instance=instance,
        prompt=prompt,
        only_admissible=only_admissible,
        trust_value=trust_value,
        seed=seed,
        device=device,
        threads=threads,
    )
    say_doubt(settings.gated()[1])
    session = open_session(settings)
    try:
        if json:
            for _ in play_lines(session):
                pass
            say_json(summary(session.snapshot()))
        elif plain or not (sys.stdout.isatty() and sys.stdin.isatty()):
            for line in play_lines(session):
                print(line, flush=True)
        else:
            from oreo_agent.player.app import PlayerApp

            app = PlayerApp(session)
            app.run()
            if app.return_code:
                raise typer.Exit(app.return_code)
    except BrokenPipeError:
        # whoever read our lines has gone; Python would complain once more as it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        session.close()
