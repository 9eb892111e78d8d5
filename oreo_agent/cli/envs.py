"""`oreo-agent envs`: which environments there are, how they are told, whether they hold."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oreo_agent.cli import options
from oreo_agent.cli.output import say_json
from oreo_agent.errors import SettingError

if TYPE_CHECKING:
    from oreo_agent.rollouts.catalogue import Shown
    from oreo_envs.checking import Finding

HELP = """List, show, check and create environments."""

Name = Annotated[
    str,
    typer.Argument(
        metavar="ENV", help="ID, module:ID, module:Class, file.py:Class or library:NAME."
    ),
]


def list_(json: options.AsJson = False) -> None:
    """List the registered environments and those of plug-ins.

    Plug-ins that cannot be imported are named on standard error.
    """
    from dataclasses import asdict

    from oreo_agent.rollouts.catalogue import SCHEMES, listed

    entries, broken = listed()
    if json:
        faults = [asdict(plug_in) for plug_in in broken]
        say_json({"environments": [asdict(entry) for entry in entries], "broken": faults})
        return
    told = [
        (e.id, e.source, e.task or "-", str(e.step_limit), "yes" if e.expert else "none")
        for e in entries
    ]
    head = ("id", "from", "task", "turns", "expert")
    widths = [max(map(len, column)) for column in zip(head, *told, strict=True)]
    for row in (head, *told):
        typer.echo("  ".join(map(str.ljust, row, widths)).rstrip())
    schemes = ", ".join(f"{scheme}:NAME" for scheme in SCHEMES)
    typer.echo(f"\nand environments of other libraries by their names: {schemes}")
    for plug_in in broken:
        typer.echo(
            f"warning: plug-in {plug_in.name!r} ({plug_in.module}) cannot be imported: "
            f"{plug_in.fault}",
            err=True,
        )


def show(
    name: Name,
    prompt: Annotated[
        str | None,
        typer.Option(help="Prompt format, or FILE.toml with a prompt.  [default: the usual one]"),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model folder, to show what that model reads.")
    ] = None,
    data: options.DataFolder = None,
    json: options.AsJson = False,
) -> None:
    """Show an environment as a model sees it: instances, prompt, opening."""
    from dataclasses import asdict

    from oreo_agent.rollouts.catalogue import shown

    found = shown(name, prompt=prompt, model=model, data=data)
    if json:
        say_json(asdict(found))
    else:
        _show(found)


def _show(found: "Shown") -> None:
    entry = found.entry
    instances = ", ".join(f"{split} {n:,}" for split, n in found.instances.items())
    lines = [
        f"{entry.id}, from {entry.source}",
        f"instances   {instances or 'none found'}",
        f"turns       {entry.step_limit} at most",
        f"expert      {'yes' if entry.expert else 'none'}",
    ]
    lines += [f"vocabulary  {found.vocabulary:,} tokens (tiny model)"] if found.vocabulary else []
    if told := found.prompt:
        example = ["", told["example"]] if told["example"] else []
        lines += ["", "A pretrained model is told", "", told["instructions"], *example, ""]
        lines += [f"action format  {told['action_format']}", f"parsing        {told['parsing']}"]
    lines += [
        "",
        f"Instance {found.instance} begins, in the prompt format {found.format!r}, as",
        "",
    ]
    lines += [found.read, "", f"({found.tokens} tokens)" if found.tokens else "(no tokenizer)"]
    lines += ["admissible: " + ", ".join(found.commands)] if found.commands else []
    typer.echo("\n".join(lines))


def check(
    name: Name,
    data: options.DataFolder = None,
    seed: options.Seed = 0,
    json: options.AsJson = False,
) -> None:
    """Check an environment against Gymnasium's rules and this package's.

    The exit code is 1 if it breaks a rule.
    """
    from dataclasses import asdict

    from oreo_agent.rollouts.stage import named_faults
    from oreo_envs.checking import Finding
    from oreo_envs.checking import check as tried

    found: list[Finding] = []
    with named_faults(f"environment {name}", own=True):
        for each in tried(name, data=data, seed=seed):
            found.append(each)
            if not json:
                _tell(each)
    broken = [each.rule for each in found if each.passed is False]
    left_out = [each.rule for each in found if each.passed is None]
    if json:
        say_json({"environment": name, "passed": not broken, "rules": list(map(asdict, found))})
    else:
        kept = sum(each.passed is True for each in found)
        missing = f", {len(left_out)} not tried" if left_out else ""
        typer.echo(f"{name}: {kept} of {len(found)} rules kept{missing}")
    if broken:
        raise typer.Exit(1)


def _tell(found: "Finding") -> None:
    if found.passed:
        typer.echo(f"ok      {found.rule:14} {found.promise}")
    elif found.passed is None:
        typer.echo(f"-       {found.rule:14} not tried: {found.fault}")
    else:
        typer.echo(f"FAILED  {found.rule:14} {found.fault}")
        typer.echo(f"{'':23}{found.remedy}")


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the Python package.")],
    out: Annotated[Path | None, typer.Option(help="Folder to create.  [default: NAME]")] = None,
    json: options.AsJson = False,
) -> None:
    """Create a small package with an environment, a test and a README.

    The environment passes `oreo-agent envs check` and can be trained on.
    """
    from oreo_envs.scaffold import new as written

    try:
        folder = written(name, out)
    except ValueError as error:
        raise SettingError(str(error)) from error
    if json:
        say_json({"out": str(folder)})
        return
    typer.echo(f"{folder} is a package with an environment, a test and a README. Next:")
    typer.echo(f"    pip install -e {folder}\n    oreo-agent envs check {name}/Keys-v0")


ENVS_VERBS: dict[str, Callable[..., None]] = {
    "list": list_,
    "show": show,
    "check": check,
    "new": new,
}
