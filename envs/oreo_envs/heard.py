"""What an environment tells, looked at before anybody relies on it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


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
    if commands is info.get("admissible_commands") or not commands:
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
