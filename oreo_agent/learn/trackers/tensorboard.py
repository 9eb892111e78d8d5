"""TensorBoard: event files beside the bundle; `tensorboard --logdir` on their parent shows all."""

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from oreo_agent.learn.trackers import Tracked, Tracker


class TensorBoard(Tracker):
    """Writes to ``OUT.tensorboard``."""

    package = "tensorboard"

    def __init__(self, run: Tracked) -> None:
        self._run = run
        self._open: Any = import_module("torch.utils.tensorboard").SummaryWriter
        self._writer: Any = None

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Scalars; the first step of a resumed run hides what was told after it before."""
        if self._writer is None:
            folder = self._run.folder / f"{self._run.name}.tensorboard"
            self._writer = self._open(str(folder), purge_step=step)
            self._writer.add_text("settings", json.dumps(self._run.settings), step)
        for name, figure in figures.items():
            self._writer.add_scalar(name, figure, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
