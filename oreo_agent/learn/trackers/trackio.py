"""Trackio: local, unless its own variables (TRACKIO_SPACE_ID, ...) say otherwise."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from oreo_agent.learn.trackers import PROJECT, Tracked, Tracker


class Trackio(Tracker):
    """A run that goes on after a kill goes on under its name."""

    package = "trackio"

    def __init__(self, run: Tracked) -> None:
        trackio: Any = import_module("trackio")
        self._run = trackio.init(
            project=PROJECT,
            name=f"{run.name}-{run.identity}",
            config=dict(run.settings),
            resume="allow",
        )

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """At our own step."""
        self._run.log(dict(figures), step=step)

    def close(self) -> None:
        """Wait until all was written."""
        self._run.finish()
