"""`oreo-agent serve`: decisions and values over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.output import say_doubt, say_json


def serve(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Folder of the bundle.", show_default=False)
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that other machines reach needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="OREO_AGENT_TOKEN",
            help="Token that clients must send; the variable hides it from other users.",
        ),
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(
            help="best-of-k, beam, best-of-n, greedy or sample.  [default: best-of-k; for "
            "solutions best-of-n]"
        ),
    ] = "",
    k: Annotated[
        int | None,
        typer.Option(help="Candidates per decision.  [default: the strategy's]"),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="Sampling temperature.  [default: the strategy's]"),
    ] = None,
    value: options.Judge = None,
    trust_value: options.TrustValue = False,
    together: Annotated[int, typer.Option(help="Requests decided in one call of the engine.")] = 16,
    waiting: Annotated[
        int, typer.Option(help="Requests that may wait; others are answered 503.")
    ] = 1024,
    sessions: Annotated[
        int, typer.Option(help="Histories that the engine keeps in its cache.")
    ] = 64,
    timeout: Annotated[
        float, typer.Option(help="Seconds per request, after which it is answered 504.")
    ] = 60.0,
    device: options.Device = "auto",
    dtype: options.Precision = "auto",
    threads: options.Threads = 1,
    json: options.AsJson = False,
) -> None:
    """Serve decisions, values and chat completions over HTTP.

    Chat completions follow OpenAI's API. A request may name its own strategy and settings; the
    options set what it leaves open.
    """
    from oreo_agent.config import build
    from oreo_agent.errors import SettingError

    try:
        from oreo_agent.serving import run, served
    except ModuleNotFoundError as error:
        raise SettingError(
            f"serving needs {error.name}, which is not installed; pip install 'oreo-agent[serve]'"
        ) from error

    given = {"waiting": waiting, "together": together, "sessions": sessions, "seconds": timeout}
    limits = build(run.Limits, given, at="serve")

    def loaded() -> served.Served:
        return served.open_served(
            bundle,
            strategy=strategy,
            k=k,
            temperature=temperature,
            value=None if value is None else Path(value),
            trust_value=trust_value,
            device=device,
            dtype=dtype,
            threads=threads,
        )

    def listening(url: str, agent: served.Served) -> None:
        say_doubt(agent.objection)
        if json:
            say_json({"url": url, "model": agent.name, "strategy": agent.usual})
        else:
            typer.echo(f"{agent.name} answers at {url} by {agent.usual}; Ctrl-C ends it")

    run.serve(loaded, run.Address(host=host, port=port, token=token), limits, listening)
