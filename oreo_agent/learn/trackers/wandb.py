"""Weights & Biases; its own variables (WANDB_MODE, WANDB_PROJECT, ...) say how and where to."""

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from oreo_agent.learn.trackers import PROJECT, Tracked, Tracker


class Wandb(Tracker):
    """The pieces of a run that went on after a kill are runs of one group."""

    package = "wandb"

    def __init__(self, run: Tracked) -> None:
        wandb: Any = import_module("wandb")
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=run.name,
            group=run.identity,
            config=dict(run.settings),
        )

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """At our own step."""
        self._run.log(dict(figures), step=step)

    def close(self) -> None:
        """Wait until all was sent."""
        self._run.finish()
