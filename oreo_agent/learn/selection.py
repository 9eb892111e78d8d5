"""Which weights of a run are stored: held-out figures, the best of them, and when to give up."""

import math
from collections.abc import Mapping
from typing import Any

from oreo_agent.learn.settings import TrainSettings


class Selection:
    """What held-out figures have said so far."""

    def __init__(self, settings: TrainSettings, *, by: str, warm: int, steps: int) -> None:
        """Nothing so far.

        Args:
            settings: how often figures are taken, and what follows from them.
            by: the figure that counts; lower is better.
            warm: steps before the policy learns, whose figures do not count.
            steps: of the run; where ``warm`` is all of them, all count.
        """
        self.settings = settings
        self.by = by
        self.steps = steps
        self.begin = warm if steps > warm else 0
        self.judged = -1
        self.figures: Mapping[str, Any] = {}
        self.best: int | None = None
        self.best_figures: Mapping[str, Any] = {}
        self.waited = 0

    def due(self, step: int) -> bool:
        """Whether figures are to be taken after ``step``, and have not been."""
        every = self.settings.judge_every
        now = step == self.steps or (every > 0 and step > 0 and step % every == 0)
        return now and step != self.judged

    @property
    def over(self) -> bool:
        """Whether there was nothing better for too long."""
        return 0 < self.settings.patience <= self.waited

    def add(self, step: int, figures: Mapping[str, Any]) -> bool:
        """Take note of the figures after ``step``; whether its weights are to be kept."""
        self.judged, self.figures = step, figures
        if step <= self.begin:
            return False
        found = float(figures.get(self.by, math.nan))
        if found < float(self.best_figures.get(self.by, math.inf)):
            self.best, self.best_figures, self.waited = step, figures, 0
            return self.settings.best
        self.waited += 1
        return False

    @property
    def kept(self) -> int | None:
        """The step whose weights are stored instead of the last ones, as far as is known."""
        return self.best if self.settings.best else None

    def told(self, step: int) -> dict[str, Any]:
        """The figures of the weights that a run stores which ended after ``step``."""
        found = dict(self.figures if self.kept is None else self.best_figures)
        if self.kept is not None:
            found |= {"best_step": self.kept, "best_by": self.by}
        return found | ({"stopped_early": step} if step < self.steps else {})

    def state(self) -> dict[str, Any]:
        """All that it knows, for JSON."""
        names = ("judged", "figures", "best", "best_figures", "waited")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        for name, value in state.items():
            setattr(self, name, value)
