"""The course of a run: it resumes, steps, judges, saves and stops, whatever it is that learns."""

import math
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, Protocol, cast

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn

from oreo_agent.errors import RecordError, Stopped, TrainingError
from oreo_agent.learn.checkpoint import Checkpoints, writing
from oreo_agent.learn.forward import trained_weights
from oreo_agent.learn.interrupt import heeded
from oreo_agent.learn.metrics import Journal, Means
from oreo_agent.learn.optimisers import Mover
from oreo_agent.learn.selection import Selection
from oreo_agent.learn.settings import TrainSettings
from oreo_agent.learn.sharding import whole
from oreo_agent.learn.warnings import trouble

Report = Callable[[dict[str, Any]], None]


class Learner(Protocol):
    """What takes the steps."""

    settings: TrainSettings
    accelerator: Accelerator
    trained: dict[str, nn.Module]
    movers: dict[str, Mover]
    means: Means
    selection: Selection
    steps: int

    def gradients(self, step: int) -> tuple[int, float]:
        """Put the gradients of ``step`` in place; its tokens, and this process's share of loss."""
        ...

    def due(self, step: int) -> Mapping[str, int]:
        """The networks that ``step`` moves, each with the number of that step in its schedule."""
        ...

    def judge(self) -> dict[str, Any]:
        """Held-out figures; none without held-out episodes."""
        ...

    def doubts(self) -> dict[str, str]:
        """What is to be said of the data beside the first figures, by kind."""
        ...


class Course:
    """One run of a learner, in a folder that belongs to it."""

    def __init__(self, learner: Learner, folder: Path, report: Report) -> None:
        self.learner = learner
        self.folder = folder
        self.report = report
        self.journal = Journal(folder / "metrics.jsonl")
        self.checkpoints = Checkpoints(folder, learner.settings.keep)

    def run(self) -> dict[str, Any]:
        """Go on from the last checkpoint to the end; the held-out figures of what is kept.

        Raises:
            Stopped: Ctrl-C or SIGTERM; a checkpoint of the last step is there then.
            TrainingError: a loss, a gradient or a weight is no number; no weight is moved by it.
            RecordError: no checkpoint can be read, or written.
        """
        learner, settings, selection = self.learner, self.learner.settings, self.learner.selection
        step = start = self._resume()
        seconds, tokens = 0.0, 0
        with heeded() as noted:
            while True:
                self._leave_if_asked(noted(), step)
                best = selection.due(step) and self._judge(step)
                over = step == learner.steps or selection.over
                every = settings.checkpoint_every
                if best or (every and step > start and (over or step % every == 0)):
                    self._save(step)
                if over:
                    self._leave_if_asked(noted(), step)
                    break
                began = time.monotonic()
                tokens += self._step(step)
                seconds += time.monotonic() - began
                step += 1
                if step % settings.report_every == 0 or step == learner.steps:
                    speed = {"tokens_per_second": tokens / max(1e-9, seconds)}
                    self._tell(step, speed | learner.means.take())
                    seconds, tokens = 0.0, 0
        if (best := selection.kept) not in (None, step):
            self.checkpoints.weights(best, learner.trained)
        return selection.told(step)

    def _resume(self) -> int:
        """The step to go on after, in the state that it left."""
        found = self.checkpoints.load(self.learner.trained, self.learner.movers)
        step, told, faults = found or (0, {"lines": 0}, [])
        if found:
            self.learner.selection.restore(told["selection"])
            self.learner.means.restore(told["means"])
        if len(set(self._from_all(step))) > 1:
            raise RecordError(
                f"the processes found different checkpoints in {self.folder}; it has to be one "
                "folder that all of them share"
            )
        if self.learner.accelerator.is_main_process:
            with self._writing():
                self.journal.rewind(told["lines"])
            for fault in faults:
                self.report({"step": step, "steps": self.learner.steps, "left_aside": fault})
        return step

    def _step(self, step: int) -> int:
        """Move the weights, if the loss and all gradients are numbers; the step's tokens."""
        learner = self.learner
        tokens, loss = learner.gradients(step)
        due = learner.due(step)
        norms = {name: learner.movers[name].clip() for name in due}
        bad = [f"gradient of the {name}" for name, norm in norms.items() if not math.isfinite(norm)]
        if bad or not math.isfinite(sum(self._from_all(loss))):
            self._give_up(f"step {step + 1}: the {' and the '.join(bad) or 'loss'} is no number")
        for name, index in due.items():
            learner.movers[name].step(index)
            learner.means.add(f"{name}_gradient", norms[name])
        return tokens

    def _judge(self, step: int) -> bool:
        """Take the held-out figures; whether the weights are to be kept as the best."""
        if not (figures := self.learner.judge()):
            return False
        shared = [figures]
        broadcast_object_list(shared)  # figures that differ in a bit must not part the processes
        best = self.learner.selection.add(step, shared[0])
        self._tell(step, {"held_out": shared[0]})
        return best

    def _leave_if_asked(self, noted: int, step: int) -> None:
        """All processes together, when one of them was asked to."""
        if asked := int(max(self._from_all(noted))):
            self._save(step)
            raise Stopped(
                f"stopped by {signal.Signals(asked).name} after step {step} of "
                f"{self.learner.steps}, saved in {self.folder}; run the same command again and it "
                "goes on from here",
                asked,
            )

    def _save(self, step: int) -> None:
        learner = self.learner
        moved = {name: mover.tensors() for name, mover in learner.movers.items()}
        with whole(learner.trained.values()):
            for name, network in learner.trained.items():
                weights = trained_weights(network).values()
                if not all(bool(weight.isfinite().all()) for weight in weights):
                    self._give_up(f"after step {step} weights of the {name} are no numbers")
            learner.accelerator.wait_for_everyone()
            if learner.accelerator.is_main_process:
                told = {
                    "selection": learner.selection.state(),
                    "means": learner.means.state(),
                    "lines": len(self.journal.rows),
                }
                best = learner.selection.kept
                self.checkpoints.save(step, learner.trained, moved, told, best=best)
            learner.accelerator.wait_for_everyone()

    def _give_up(self, fault: str) -> NoReturn:
        steps = self.checkpoints.steps()
        good = f"; the last good checkpoint is {self.checkpoints.at(steps[-1])}" if steps else ""
        rates = " or ".join(f"train.{name}.lr" for name in self.learner.movers)
        raise TrainingError(
            f"{fault}; nothing was moved or saved after it{good}. Start anew with a lower {rates}, "
            "by another --out or with --overwrite"
        )

    def _from_all(self, number: float) -> list[float]:
        """The number that each process has."""
        accelerator = self.learner.accelerator
        if accelerator.num_processes == 1:
            return [number]
        own = torch.tensor([number], device=accelerator.device)
        return cast(Tensor, accelerator.gather(own)).tolist()

    def _tell(self, step: int, figures: dict[str, Any]) -> None:
        if self.learner.accelerator.is_main_process:
            at = {"step": step, "steps": self.learner.steps}
            first = not self.journal.rows
            self._say(at | figures)
            found = trouble(self.journal.rows)
            doubts = self.learner.doubts() if first else {}
            for kind, text in (found | doubts).items():
                self._say(at | {"warning": text, "kind": kind})

    def _say(self, row: dict[str, Any]) -> None:
        with self._writing():
            self.journal.write(row)
        self.report(row)

    def _writing(self) -> Any:
        return writing(self.journal.path, "make room there, and run the same command again")
