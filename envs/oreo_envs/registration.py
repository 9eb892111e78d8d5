"""What is known of an environment before it is made: one table for our own and everybody's.

`register` puts a `Registration` into `REGISTRATIONS` and the environment itself into Gymnasium's
registry. Nothing of the environment is imported by that.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gymnasium

ID = re.compile(r"(?:(?P<namespace>[\w-]+)/)?(?P<name>[\w.-]+)-v(?P<version>\d+)")
"""An environment's id, ``namespace/Name-v0``; the namespace may be left out."""
REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
"""``module:function``, as an entry point or an expert is named."""
SPLITS: Mapping[str, range] = {
    "train": range(1000),
    "valid": range(1000, 1200),
    "test": range(1200, 1400),
}
"""Seeds of an environment that names no splits of its own."""
STEP_LIMIT = 50

Instances = Sequence[int] | Sequence[str] | Callable[[], Sequence[int] | Sequence[str]]
"""Seeds, or names that ``reset(options={"instance": name})`` knows; or what gives them if asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """How a language model is told a world, as data."""

    instructions: str = (
        "You act in a text world. Each message tells what you see; reply with one command."
    )
    example: str = ""
    """A worked example; it follows the instructions."""
    action_format: str = "Action: {}"
    """How a command alone becomes a reply; ``{}`` stands for it, once."""
    parsing: str = r"(?im)^[ \t]*action[ \t]*:[ \t]*(.*?)[ \t]*$"
    """A regular expression; the first group of its last match in a reply is the command."""
    words: tuple[str, ...] = ()
    """Words of the tiny model's vocabulary; without any they are collected from the first games."""
    max_reply_tokens: int = 64
    """A longer reply of a pretrained model is cut, and ends the episode."""

    def __post_init__(self) -> None:
        if self.action_format.count("{}") != 1:
            raise ValueError(f"action_format needs {{}} once, got {self.action_format!r}")
        try:
            groups = re.compile(self.parsing).groups
        except re.error as error:
            raise ValueError(f"parsing is no regular expression: {error}") from error
        if groups < 1:
            raise ValueError(f"parsing needs a group for the command, got {self.parsing!r}")
        if self.max_reply_tokens < 1:
            raise ValueError(f"max_reply_tokens must be 1 or more, got {self.max_reply_tokens}")
        reply = self.action_format.format("look")
        read = [found.group(1) or "" for found in re.finditer(self.parsing, reply)]
        if not read or read[-1].strip() != "look":
            raise ValueError(
                f"parsing {self.parsing!r} does not find the command in a reply as action_format "
                f"has it, {reply!r}; change the two together"
            )

    def told(self) -> str:
        """The instructions, and the worked example below them."""
        return "\n\n".join(part for part in (self.instructions, self.example) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """An environment and all that makes rollout, training, evaluation and play of it."""

    id: str
    entry_point: str | Callable[..., Any]
    prompt: Prompt = field(default_factory=Prompt)
    step_limit: int = STEP_LIMIT
    """Turns after which an unfinished episode ends with reward 0."""
    task_type: str | Callable[[str], str] = ""
    """The family of an instance, for tables by type; or what tells it from the instance's id."""
    splits: Mapping[str, Instances] = field(default_factory=lambda: dict(SPLITS))
    """The instances of each split, training first."""
    expert: str | Callable[[], Any] | None = None
    """Makes a player that knows the way (`oreo_envs.players.Player`); or ``"module:Class"``."""
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of the environment."""
    task: str = ""
    """A task of `oreo_tasks` whose instances it presents; our own environments have one."""
    source: str = ""
    """The plug-in that registered it; empty for our own and for what a program registers."""

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id):
            raise ValueError(
                f"{self.id!r} is no id of an environment; name it namespace/Name-v0, the version "
                "at its end"
            )
        if self.step_limit < 1:
            raise ValueError(f"{self.id}: step_limit must be 1 or more, got {self.step_limit}")
        if not self.splits:
            raise ValueError(f"{self.id}: name a split at least, for instance 'train'")
        if isinstance(self.task_type, str) and REFERENCE.fullmatch(self.task_type):
            raise ValueError(
                f"{self.id}: task_type {self.task_type!r} would be the name of a family, not a "
                "function's; give the function itself"
            )

    def instances(self, split: str) -> Sequence[int] | Sequence[str]:
        """Seeds or names of the split, in the order of their registration.

        Raises:
            LookupError: there is no such split.
        """
        if split not in self.splits:
            raise LookupError(f"{self.id} has no split {split!r}; it has {', '.join(self.splits)}")
        named = self.splits[split]
        return named() if callable(named) else named


REGISTRATIONS: dict[str, Registration] = {}
"""By id; `oreo_envs.finding` adds those of plug-ins when they are asked for."""
_reading = [""]
"""The plug-in whose registrations are being read, last."""
_files: list[tuple[str, str]] = []
"""Files that are being read, each with its own name and its module's."""


def register(
    id: str,
    entry_point: str | Callable[..., Any],
    *,
    prompt: Prompt | Mapping[str, Any] | None = None,
    vector_entry_point: str | None = None,
    **told: Any,
) -> Registration:
    """Make an environment known, over `gymnasium.register`.

    Args:
        id: ``namespace/Name-v0``.
        entry_point: ``"module:Class"``, or the class itself. In a file that is named by its path
            the file's own name is a module's, too.
        prompt: how a language model is told it; a `Prompt`, or its fields.
        vector_entry_point: of `gymnasium.make_vec`; rollouts use that of our own tasks alone.
        told: the other fields of `Registration`: ``step_limit``, ``task_type``, ``splits``,
            ``expert``, ``kwargs``.

    Raises:
        ValueError: the id is taken by another environment, or something that is told is wrong.
    """
    if not isinstance(prompt, Prompt):
        prompt = Prompt(**(prompt or {}))
    entry_point = _resolvable(entry_point)
    if "expert" in told:
        told["expert"] = _resolvable(told["expert"])
    made = Registration(id=id, entry_point=entry_point, prompt=prompt, source=_reading[-1], **told)
    if (known := gymnasium.registry.get(id)) is not None:
        there = _place(known.entry_point or known.vector_entry_point)
        if there != _place(entry_point):
            raise ValueError(f"{id} is registered already, for {there}; take another id")
        del gymnasium.registry[id]  # the same environment once more, perhaps with other settings
    gymnasium.register(
        id,
        entry_point=entry_point,
        kwargs=dict(made.kwargs),
        disable_env_checker=True,
        vector_entry_point=vector_entry_point,
    )
    REGISTRATIONS[id] = made
    return made


@contextmanager
def reading(plug_in: str) -> Generator[None]:
    """What is registered meanwhile comes from that plug-in."""
    _reading.append(plug_in)
    try:
        yield
    finally:
        _reading.pop()


@contextmanager
def reading_file(stem: str, module: str) -> Generator[None]:
    """A file is read meanwhile: what it calls ``"stem:Class"`` is its own, whose module is made."""
    _files.append((stem, module))
    try:
        yield
    finally:
        _files.pop()


def _resolvable(entry_point: Any) -> Any:
    """An entry point in a form that can be imported while and after a file is read."""
    if isinstance(entry_point, str) and _files:
        (stem, module), (place, colon, name) = _files[-1], entry_point.partition(":")
        if place == stem:
            return f"{module}{colon}{name}"
    return entry_point


def _place(entry_point: Any) -> str:
    """Equal for what is the same environment; of something odd (a partial) its repr."""
    if isinstance(entry_point, str) or not hasattr(entry_point, "__qualname__"):
        return str(entry_point)
    return f"{entry_point.__module__}:{entry_point.__qualname__}"
