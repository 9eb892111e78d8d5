"""Environments that were written for other libraries, by the names that those give them.

``textarena:Sokoban-v0`` is found like any other environment. What follows the colon is the
library's own name; settings may follow it: ``textarena:TicTacToe-v0?opponent=random``.

These libraries pay at any step, less than nothing, or for half the way. Here an episode is won,
and worth 1.0, if what it was paid in the end reaches ``success`` (1.0, or the setting of that
name), and is else worth 0.0.

To add a library: write a file beside this one, then add its line to `SCHEMES`.
"""

import hashlib
import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

from oreo_envs.registration import REGISTRATIONS, Prompt, Registration, reading, register
from oreo_tasks.questions.problem import check_known

Settings = dict[str, Any]
Described = Callable[[str, Settings], dict[str, Any]]
"""From an environment's own name and its settings to what `register` is told of it."""

SCHEMES: Mapping[str, str] = {
    "gem": "oreo_envs.adapters.gem:described",
    "openenv": "oreo_envs.adapters.openenv:described",
    "textarena": "oreo_envs.adapters.textarena:described",
    "verifiers": "oreo_envs.adapters.verifiers:described",
}
"""What stands before the colon, and the `Described` of that library."""
WHOLE_REPLY = r"(?s)\A\s*(.*?)\s*\Z"
"""Parsing of a prompt in which all of a reply is the command, as these libraries have it."""


def adapted(name: str) -> Registration | None:
    """The environment of another library that ``name`` stands for, registered.

    Args:
        name: ``scheme:source`` or ``scheme:source?setting=value&setting=value``; a value is JSON,
            or else a text.

    Returns:
        None if ``name`` begins with none of `SCHEMES`.

    Raises:
        LookupError: the library is not installed or has no such environment, or a setting is
            missing or wrong.
    """
    scheme, colon, rest = name.partition(":")
    if not colon or scheme not in SCHEMES:
        return None
    id = _id(scheme, rest)
    if id not in REGISTRATIONS:
        source, _, query = rest.partition("?")
        settings = {key: _value(text) for key, text in parse_qsl(query, keep_blank_values=True)}
        success = settings.get("success", 1.0)
        if isinstance(success, bool) or not isinstance(success, int | float) or success != success:
            raise LookupError(
                f"{name}: success is {success!r}; it is the pay from which an episode is won, a "
                "number such as 1.0"
            )
        described: Described = pkgutil.resolve_name(SCHEMES[scheme])
        try:
            told = described(source, settings)
            with reading(scheme):
                register(id, **told)
        except TypeError as error:
            raise LookupError(f"{name} cannot be made: {error}; mend its settings") from error
    return REGISTRATIONS[id]


def library(module: str, extra: str) -> ModuleType:
    """A library's module, imported.

    Args:
        module: its dotted name.
        extra: of our package, which brings it.

    Raises:
        LookupError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise LookupError(
            f"environments of {extra} need the package that brings {error.name!r}, which is not "
            f"installed; pip install 'oreo-agent[{extra}]'"
        ) from error


def refuse_unknown(name: str, settings: Settings, known: Sequence[str]) -> None:
    """See that all settings of an environment are among those that there are.

    Raises:
        LookupError: one is not.
    """
    for setting in settings:
        check_known(setting, known, name, "setting")


def splits_of_rows(count: int) -> dict[str, range]:
    """The rows of a data set that brings no splits: eight tenths, one, and one; few are one split.

    Args:
        count: of the rows; they keep their order.
    """
    if count < 10:
        return {"train": range(count)}
    first, second = count * 8 // 10, count * 9 // 10
    return {
        "train": range(first),
        "valid": range(first, second),
        "test": range(second, count),
    }


def whole_reply(instructions: str, max_reply_tokens: int) -> Prompt:
    """A prompt in which all of a reply is the command."""
    return Prompt(
        instructions=instructions,
        action_format="{}",
        parsing=WHOLE_REPLY,
        max_reply_tokens=max_reply_tokens,
    )


def _id(scheme: str, rest: str) -> str:
    """The Gymnasium id: what cannot stand in one becomes a point.

    Settings that differ in nothing else are told apart by a checksum.
    """
    query = rest.partition("?")[2]
    name = re.sub(r"[^\w.-]+", ".", rest).strip(".")
    if re.search(r"[^\w.=&-]", query):
        name = f"{name}.{hashlib.sha256(rest.encode()).hexdigest()[:8]}"
    return f"{scheme}/{name}" if re.search(r"-v\d+$", name) else f"{scheme}/{name}-v0"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
