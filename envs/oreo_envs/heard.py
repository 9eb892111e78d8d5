"""What an environment tells, looked at before anybody relies on it."""

from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

import numpy as np

SHORT = 60
"""Letters of a value that is told."""


RESET = ("observation", "info")
STEP = ("observation", "reward", "terminated", "truncated", "info")
"""What Gymnasium's reset and step return."""


def begun(result: Any) -> tuple[str, dict[str, Any]]:
    """What a reset returned.

    Raises:
        TypeError: it is not what Gymnasium's returns, or not in words.
    """
    _refuse_unlike(result, "reset", RESET)
    return result


def stepped(result: Any) -> tuple[str, SupportsFloat, bool, bool, dict[str, Any]]:
    """What a step returned.

    Raises:
        TypeError: it is not what Gymnasium's returns, or not in words.
    """
    _refuse_unlike(result, "step", STEP)
    return result


def _refuse_unlike(result: Any, method: str, wanted: tuple[str, ...]) -> None:
    many = isinstance(result, tuple | list)
    if many and len(result) == len(wanted) and isinstance(result[0], str):
        if isinstance(result[-1], Mapping):
            return
        what = f"{short(result[-1])} for the info, which has to be a dict"
    elif many and len(result) == len(wanted):
        what = f"{short(result[0])} for the observation, which has to be a text"
    else:
        what = f"{len(result)} values in a {type(result).__name__}" if many else short(result)
    raise TypeError(
        f"the environment's {method} returned {what}; Gymnasium's {method} returns "
        f"({', '.join(wanted)})"
    )


def short(value: object) -> str:
    """A value in a line."""
    told = repr(value)
    return told if len(told) <= SHORT else f"{told[: SHORT - 3]}..."


def heard(observation: str, info: Mapping[str, Any]) -> dict[str, Any]:
    """The info of a reset or a step, with the admissible commands in a list or tuple.

    Raises:
        TypeError: ``won`` is neither true nor false, or the commands are no texts in a list.
        ValueError: a text holds half a character, which can neither be stored nor shown.
    """
    won = info.get("won", False)
    if not isinstance(won, bool | np.bool_):
        raise TypeError(f"info['won'] is {won!r}, and has to be True or False")
    commands = listed(info)
    for text in (observation, *commands):
        whole(text)
    if commands is info.get("admissible_commands") or "admissible_commands" not in info:
        return dict(info)
    return {**info, "admissible_commands": commands}


def listed(info: Mapping[str, Any]) -> Sequence[str]:
    """The admissible commands; none if the environment tells none.

    Raises:
        TypeError: they are one text, which would be taken for a list of letters, or no texts.
    """
    commands = info.get("admissible_commands")
    if commands is None:
        return ()
    if isinstance(commands, str):
        raise TypeError(
            f"info['admissible_commands'] is the text {commands!r}; put the commands into a list"
        )
    if not isinstance(commands, list | tuple):
        commands = commands.tolist() if isinstance(commands, np.ndarray) else list(commands)
    for command in commands:
        if not isinstance(command, str):
            raise TypeError(
                f"info['admissible_commands'] holds {command!r}; a command has to be a text"
            )
    return commands


def whole(text: str) -> str:
    """The same text.

    Raises:
        ValueError: it holds half a character.
    """
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the text {text[max(0, error.start - 20) : error.end + 20]!r} holds half a character "
            "(a lone surrogate); decode what it comes from with errors='replace'"
        ) from None
    return text
