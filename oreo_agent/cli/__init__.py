"""The command line: one thin file a verb, and the one place where an error becomes an exit code.

Nothing heavy is imported here or at the head of a verb's file: `--help` has to be quick. To add a
verb, write a file beside this one, then add it to `VERBS`; one that has sub-commands goes to
`GROUPS`.
"""

import errno
import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import typer

from oreo_agent import __version__
from oreo_agent.cli.compare import compare
from oreo_agent.cli.data import DATA_VERBS
from oreo_agent.cli.data import HELP as DATA_HELP
from oreo_agent.cli.doctor import doctor
from oreo_agent.cli.envs import ENVS_VERBS
from oreo_agent.cli.envs import HELP as ENVS_HELP
from oreo_agent.cli.eval import evaluate
from oreo_agent.cli.eval_value import evaluate_value
from oreo_agent.cli.output import written
from oreo_agent.cli.play import play
from oreo_agent.cli.rollout import rollout
from oreo_agent.cli.serve import serve
from oreo_agent.cli.train import train
from oreo_agent.errors import OreoError, SettingError, Stopped
from oreo_agent.player.harmless import harmless

VERBS: dict[str, Callable[..., None]] = {
    "rollout": rollout,
    "train": train,
    "eval": evaluate,
    "eval-value": evaluate_value,
    "compare": compare,
    "play": play,
    "serve": serve,
    "doctor": doctor,
}
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "data": (DATA_HELP, DATA_VERBS),
    "envs": (ENVS_HELP, ENVS_VERBS),
}
"""What a verb with sub-commands is for, and its sub-commands."""
INTERRUPTED = 130
GOES_ON = frozenset({"rollout", "train", "import", "merge"})
"""Verbs that keep what they have done, and skip it when they are run again."""
ANEW = frozenset({"eval", "export", "filter", "dedupe", "split"})
"""Verbs that leave nothing unless they come to their end."""


def _stoppable(name: str, verb: Callable[..., None]) -> Callable[..., None]:
    """The verb of that name; it answers Ctrl-C, or output nobody takes, without a traceback."""

    @functools.wraps(verb)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            with written():
                verb(*args, **kwargs)
        except Stopped as stopped:
            typer.echo(str(stopped), err=True)
            raise typer.Exit(stopped.exit_code) from None
        except KeyboardInterrupt:
            typer.echo(_stopped(name, recorded=kwargs.get("record") is not None), err=True)
            raise typer.Exit(INTERRUPTED) from None

    return run


def _stopped(verb: str, *, recorded: bool) -> str:
    """What becomes of a verb that Ctrl-C ended, if it is run again."""
    if verb in GOES_ON or (verb == "eval" and recorded):
        return "stopped; run the same command again and it goes on from here"
    if verb == "eval":
        return "stopped; no game is kept, the same command begins anew (--record FOLDER keeps them)"
    return "stopped; the same command begins anew" if verb in ANEW else "stopped"


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"oreo-agent {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Improve a language-model agent from episodes that ended well or badly."""


def make_app() -> typer.Typer:
    """The application with all its verbs."""
    app = _app("oreo-agent", VERBS)
    app.callback()(_root)
    for name, (told, verbs) in GROUPS.items():
        app.add_typer(_app(name, verbs), name=name, help=told)
    return app


def _app(name: str, verbs: Mapping[str, Callable[..., None]]) -> typer.Typer:
    app = typer.Typer(
        name=name,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for verb, does in verbs.items():
        app.command(verb)(_stoppable(verb, does))
    return app


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say; returns the exit code.

    0 is success, 2 an error that the user can mend (told on standard error in one line), 130 a
    run that was stopped with Ctrl-C, 143 one that has saved its state on SIGTERM.
    """
    try:
        _refuse_empty(arguments)
        given = [_at_home(argument) for argument in arguments]
        with written():  # help and its kind, which are no verb's
            code = make_app()(given, prog_name="oreo-agent", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except SystemExit as left:
        # what typer makes of a reader of its help that has gone, as `head` does: no fault
        if isinstance(left.__context__, BrokenPipeError):
            return 0
        raise
    except OreoError as error:
        typer.echo(f"error: {harmless(str(error))}", err=True)
        return error.exit_code
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        typer.echo(f"error: no file can be named {error.filename}; take a shorter name", err=True)
        return 2
    except Exception as error:
        # A fault in the arguments: the class is click's or typer's own copy of it, by version.
        told = getattr(error, "format_message", None)
        if told is None:
            raise
        typer.echo(f"error: {harmless(told())}" if told() else "", err=True)
        return 2


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Nothing is called "": as a path it would be the current folder."""
    for before, argument in zip(("", *arguments), arguments, strict=False):
        name, equals, value = argument.partition("=")
        if not argument and before.startswith("-"):
            raise SettingError(f"{before} is empty; say what is meant, or leave it out")
        if not argument:
            raise SettingError(f"what follows {before or 'oreo-agent'!r} is empty; name something")
        if name.startswith("--") and equals and not value:
            raise SettingError(f"{name} is empty; say what is meant, or leave it out")


def _at_home(argument: str) -> str:
    """``--out=~/store``, in which shells leave ``~`` as it is, with the home folder's path."""
    name, _, value = argument.partition("=")
    return f"{name}={Path(value).expanduser()}" if value.startswith("~/") else argument


def main() -> None:
    """Entry point of `oreo-agent`."""
    # bars of the libraries below would run through our own lines and screens
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal of few letters shows "?" for others
    sys.exit(run(sys.argv[1:]))
