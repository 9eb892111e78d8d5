"""A training run's states on disk: enough to go on bit for bit, in safetensors and JSON.

Each state is a folder ``checkpoint-STEP``. It is written under another name, synced and renamed,
and renamed away before it is removed, so that a folder of that name is whole.
"""

import json
import os
import re
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from oreo_agent.errors import RecordError
from oreo_agent.learn.forward import trained_weights
from oreo_agent.learn.optimisers import Mover
from oreo_agent.learn.sharding import like
from oreo_agent.records.atomic import sync_folder, write_atomic

_NAME = re.compile(r"checkpoint-(\d+)")
_FAULTS = (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError)


@contextmanager
def writing(what: Path, remedy: str) -> Generator[None]:
    """Tell what could not be written, and what to do about it.

    Raises:
        RecordError: the disk is full, or does not take it for another reason.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise RecordError(f"{what} cannot be written: {error}; {remedy}") from error


class Checkpoints:
    """The states in a folder: the last few, and those that hold the best weights so far."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep
        self._damaged: set[int] = set()

    def steps(self) -> list[int]:
        """Of all states, in order."""
        names = [path.name for path in self.folder.iterdir()] if self.folder.exists() else []
        return sorted(int(found[1]) for name in names if (found := _NAME.fullmatch(name)))

    def at(self, step: int) -> Path:
        """Where the state after ``step`` is."""
        return self.folder / f"checkpoint-{step}"

    def save(
        self,
        step: int,
        networks: Mapping[str, nn.Module],
        moved: Mapping[str, Mapping[str, Tensor]],
        told: Mapping[str, Any],
        *,
        best: int | None = None,
    ) -> None:
        """Write the state after ``step``; a kill at any moment leaves those before it whole.

        Args:
            step: how many were taken.
            networks: whose weights are kept.
            moved: the state of each one's `Mover`.
            told: anything else that JSON can hold.
            best: the step whose weights are the best so far; its state is not removed.

        Raises:
            RecordError: the disk does not take it. What was there is there still.
        """
        there = [s for s in self.steps() if s not in self._damaged]
        goes_on = f"goes on from step {there[-1]}" if there else "starts anew"
        path, making = self.at(step), self.folder / "making"
        state = json.dumps({"step": step, "best": best, "told": told}).encode()
        try:
            with writing(path, f"make room there; the same command {goes_on}"):
                if step in there:
                    write_atomic(path / "state.json", state)  # of one step all else is the same
                else:
                    self._write(making, networks, moved, state)
                    self._remove(path)
                    making.rename(path)
                    sync_folder(self.folder)
                self._damaged.discard(step)
                self._prune()
        except RecordError:
            shutil.rmtree(making, ignore_errors=True)
            raise

    def load(
        self, networks: Mapping[str, nn.Module], movers: Mapping[str, Mover]
    ) -> tuple[int, Mapping[str, Any], list[str]] | None:
        """Take over the last state that can be read.

        Returns:
            Its step, what was ``told`` of it, and why later ones could not be read; None if there
            is no state.

        Raises:
            RecordError: all of them are damaged, or of other networks.
        """
        faults: list[str] = []
        for step in reversed(self.steps()):
            try:
                told = self._read(step, networks, movers)
            except _FAULTS as error:
                self._damaged.add(step)
                faults.append(f"{self.at(step)} cannot be read: {error}")
            else:
                return step, told, faults
        if faults:
            raise RecordError(f"the checkpoint {faults[0]}; remove it to start anew")
        return None

    def weights(self, step: int, networks: Mapping[str, nn.Module]) -> None:
        """Take over the weights alone of the state after ``step``.

        Raises:
            RecordError: they cannot be read.
        """
        try:
            self._weights(self.at(step), networks)
        except _FAULTS as error:
            raise RecordError(
                f"the checkpoint {self.at(step)} cannot be read: {error}; it holds the best "
                "weights: train anew with --overwrite"
            ) from error

    def _write(
        self,
        folder: Path,
        networks: Mapping[str, nn.Module],
        moved: Mapping[str, Mapping[str, Tensor]],
        state: bytes,
    ) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, network in networks.items():
            save_file(_own(network), folder / f"{name}.safetensors")
        for name, tensors in moved.items():
            save_file(dict(tensors), folder / f"{name}.optimiser.safetensors")
        save_file({"torch": torch.get_rng_state()}, folder / "random.safetensors")
        (folder / "state.json").write_bytes(state)
        for path in folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(folder)

    def _read(
        self, step: int, networks: Mapping[str, nn.Module], movers: Mapping[str, Mover]
    ) -> Mapping[str, Any]:
        folder = self.at(step)
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        if state["best"] is not None and not self.at(state["best"]).exists():
            raise ValueError(f"the best weights, {self.at(state['best']).name}, are gone")
        self._weights(folder, networks)
        for name, mover in movers.items():
            mover.restore(load_file(folder / f"{name}.optimiser.safetensors"))
        torch.set_rng_state(load_file(folder / "random.safetensors")["torch"])
        return state["told"]

    def _weights(self, folder: Path, networks: Mapping[str, nn.Module]) -> None:
        for name, network in networks.items():
            weights = load_file(folder / f"{name}.safetensors")
            if weights.keys() != _own(network).keys():
                raise ValueError(f"its {name} has other weights than this run's")
            own = trained_weights(network)
            with torch.no_grad():
                for path, weight in weights.items():
                    if weight.shape != own[path].shape:
                        raise ValueError(f"its {name} has weights of other shapes than this run's")
                    own[path].copy_(like(weight, own[path]))

    def _prune(self) -> None:
        """Remove all but the last few and the best of each of those."""
        kept = set([s for s in self.steps() if s not in self._damaged][-self.keep :])
        for each in tuple(kept):
            best = json.loads((self.at(each) / "state.json").read_bytes())["best"]
            kept |= {best} if best is not None else set()
        for each in self.steps():
            if each not in kept:
                self._remove(self.at(each))

    def _remove(self, path: Path) -> None:
        going = self.folder / "going"
        shutil.rmtree(going, ignore_errors=True)
        if path.exists():
            path.rename(going)
            shutil.rmtree(going, ignore_errors=True)


def _own(network: nn.Module) -> dict[str, Tensor]:
    """The weights that are trained; all others are where they were at the start."""
    return {name: weight.detach().contiguous() for name, weight in trained_weights(network).items()}
