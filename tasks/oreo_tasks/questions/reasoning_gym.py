"""The generated problems of the package reasoning-gym, judged by its own scorers.

``data`` names one of its data sets and what to set in it: ``"countdown?size=200&min_numbers=4"``.
``size`` (500 unless told) is the number of problems of each split, ``seed`` (0) where the training
split begins; values are written as in JSON.
"""

import functools
import importlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from oreo_tasks.questions.problem import ListedQuestions, Problem, check_known

SIZE = 500
_SEEDS = {"train": 0, "valid": 1_000_000, "test": 2_000_000}
"""Problem i of a data set comes from its seed + i, so these splits are drawn apart."""


class ReasoningGym(ListedQuestions):
    """Problems with ids as ``train/00012``; the extra ``[gym]`` brings the package."""

    name = "reasoning-gym"
    environment = "oreo/Questions-v0"
    step_limit = 20
    verifier = "reasoning-gym"
    delimiters: tuple[str, ...] = ("\n",)

    def splits(self) -> tuple[str, ...]:
        """The names of the splits, training first."""
        return tuple(_SEEDS)

    def titled(self, split: str, data: str | None) -> str:
        """By the data set's name."""
        return f"{data}, split {split!r}"

    def problems(self, split: str, data: str | None) -> Mapping[str, Problem]:
        """A problem's answer is what `entry` finds the data set's own entry by."""
        check_known(split, self.splits(), "reasoning-gym", "split")
        if not data:
            raise LookupError("reasoning-gym: name a data set with --data, as in 'countdown'")
        name, settings = _read(data)
        settings = {"size": SIZE, **settings, "seed": settings.get("seed", 0) + _SEEDS[split]}
        return _problems(f"{name}?{_written(settings)}", split)


def entry(gold: str) -> tuple[Any, dict[str, Any]]:
    """The data set and the entry that an answer ``NAME?SETTINGS#NUMBER`` stands for.

    Raises:
        LookupError: there is no such data set, setting or entry.
        ValueError: the package is not installed.
    """
    source, _, number = gold.rpartition("#")
    made = _data_set(source)
    if not number.isdecimal() or int(number) >= len(made):
        raise LookupError(f"reasoning-gym has no entry {gold!r}")
    return made, made[int(number)]


@functools.lru_cache(maxsize=8)
def _problems(source: str, split: str) -> Mapping[str, Problem]:
    found: dict[str, Problem] = {}
    name = source.partition("?")[0]
    for number, held in enumerate(_data_set(source)):
        id = f"{split}/{number:05d}"
        known = isinstance(held["answer"], str)
        found[id] = Problem(
            id=id,
            question=held["question"].strip(),
            answer=f"{source}#{number}",
            solution=f"#### {held['answer']}" if known else "",
            task_type=name,
        )
    return found


@functools.lru_cache(maxsize=16)
def _data_set(source: str) -> Any:
    """The data set that ``NAME?SETTINGS`` describes."""
    try:
        package: Any = importlib.import_module("reasoning_gym")
        known: Any = importlib.import_module("reasoning_gym.factory")
    except ImportError as error:
        raise ValueError(
            f"{source}: the package reasoning-gym is needed: pip install 'oreo-agent[gym]'"
        ) from error
    name, settings = _read(source)
    check_known(name, sorted(known.DATASETS), "reasoning-gym", "data set")
    try:
        return package.create_dataset(name, **settings)
    except (TypeError, ValueError, AssertionError) as error:
        raise LookupError(f"reasoning-gym {source!r}: {error}") from error


def _read(data: str) -> tuple[str, dict[str, Any]]:
    name, _, rest = data.partition("?")
    pairs = (part.partition("=") for part in rest.split("&") if part)
    settings = {key: _value(unquote(value)) for key, _, value in pairs}
    for key in ("seed", "size"):
        if not isinstance(settings.get(key, 0), int):
            raise LookupError(f"reasoning-gym {data!r}: {key} must be a whole number")
    return name, settings


def _value(written: str) -> Any:
    try:
        return msgspec.json.decode(written)
    except msgspec.DecodeError:
        return written


def _written(settings: Mapping[str, Any]) -> str:
    """The inverse of `_read`, in a fixed order."""
    values = ((key, msgspec.json.encode(value).decode()) for key, value in sorted(settings.items()))
    return "&".join(f"{key}={quote(value)}" for key, value in values)
