"""What the examples that run the program share: a command shown and run, and a heading."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from oreo_agent.rollouts.report import Report

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.executable).with_name("oreo-agent")
CONSOLE = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
CORES = 2


def run(arguments: Sequence[str], *, quiet: bool = False) -> None:
    """One command of the program; the example ends where a command fails."""
    shown = shlex.join(["oreo-agent", *arguments])
    CONSOLE.print(f"[bold]$ {shown}[/bold]", soft_wrap=True)
    threads = {"OMP_NUM_THREADS": "1"}
    out = subprocess.DEVNULL if quiet else None
    done = subprocess.run(
        [str(PROGRAM), *arguments], env=os.environ | threads, stdout=out, stderr=out, check=False
    )
    if done.returncode:
        if quiet:  # say again what went wrong, where it can be read
            subprocess.run([str(PROGRAM), *arguments], env=os.environ | threads, check=False)
        raise SystemExit(done.returncode)


def said(text: str) -> None:
    """A heading."""
    CONSOLE.print(f"\n[cyan]{text}[/cyan]")


def scored(folder: Path, ways: Mapping[str, Sequence[str]]) -> dict[str, Report]:
    """The report of `eval` with each of these arguments, by name; a few at a time.

    Reports are kept in ``folder``, which is made, and the games beside them: what was played before
    a run was stopped is not played again.
    """
    folder.mkdir(exist_ok=True, parents=True)
    files = {name: folder / (name.replace(" ", "-").replace(",", "") + ".json") for name in ways}

    def score(name: str) -> None:
        kept = ("--record", str(folder / "games" / files[name].stem))
        run(("eval", *ways[name], *kept, "--out", str(files[name]), "--overwrite"), quiet=True)

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(score, ways))
    return {name: Report.load(file) for name, file in files.items()}
