"""An environment as a task: its instances are what its registration names."""

import hashlib
from contextlib import closing
from typing import Any

import gymnasium

from oreo_envs.faults import Refusal
from oreo_envs.finding import Found
from oreo_envs.presented import instance_of, present
from oreo_envs.registration import Registration
from oreo_tasks.task import Instance

SAMPLED = 50
"""Instances of a split whose first observation is part of its fingerprint."""


class EnvironmentTask:
    """What `oreo_tasks.task.Task` asks for, of any registered environment."""

    def __init__(self, found: Found) -> None:
        """Nothing of the environment is imported yet."""
        self.registration: Registration = found.registration
        self.name = found.name
        self.environment = found.registration.id
        self.step_limit = found.registration.step_limit

    def splits(self) -> list[str]:
        """The names of the splits, training first."""
        return list(self.registration.splits)

    def instances(self, split: str, data: str | None = None) -> list[Instance]:
        """All instances of ``split``, sorted by id.

        Raises:
            LookupError: there is no such split.
            ValueError: ``data`` is given, or an id stands there twice.
        """
        if data is not None:
            raise Refusal("it brings its own instances; leave --data out")
        told = self.registration.instances(split)
        names = sorted(each if isinstance(each, str) else instance_of(each) for each in told)
        if len({*names}) < len(names):
            raise Refusal(f"{self.name} names an instance of {split!r} twice")
        kind = self.registration.task_type
        return [
            Instance(
                id=name,
                task=self.name,
                split=split,
                task_type=kind(name) if callable(kind) else kind,
            )
            for name in names
        ]

    def fingerprint(self, split: str, data: str | None = None) -> str:
        """A checksum of the ids, and of what the world says first in `SAMPLED` of them."""
        names = [instance.id for instance in self.instances(split, data)]
        digest = hashlib.sha256("\0".join([self.environment, *names]).encode())
        with closing(self.make()) as env:
            for name in names[:: max(1, len(names) // SAMPLED)]:
                digest.update(env.reset(options={"instance": name})[0].encode())
        return digest.hexdigest()[:16]

    def make(self, **kwargs: Any) -> "gymnasium.Env[str, str]":
        """The environment, presented.

        Raises:
            ValueError: what it says or takes is no text.
        """
        return present(self.registration, **kwargs)
