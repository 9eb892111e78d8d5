"""A training run's state on disk: enough to go on bit for bit, in safetensors and JSON."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from oreo_agent.errors import RecordError
from oreo_agent.learn.forward import trained_weights
from oreo_agent.learn.optimisers import Mover


def save_checkpoint(
    folder: Path, step: int, networks: dict[str, nn.Module], movers: dict[str, Mover]
) -> None:
    """Write ``folder`` anew; a kill at any moment leaves the old or the new one whole."""
    making = folder.with_name(folder.name + ".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    for name, network in networks.items():
        save_file(_own(network), making / f"{name}.safetensors")
    for name, mover in movers.items():
        save_file(mover.tensors(), making / f"{name}.optimiser.safetensors")
    save_file({"torch": torch.get_rng_state()}, making / "random.safetensors")
    (making / "state.json").write_text(json.dumps({"step": step}))
    for path in making.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    making.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(
    folder: Path, networks: dict[str, nn.Module], movers: dict[str, Mover]
) -> int | None:
    """Take over the state in ``folder``; the step to go on with, or None if there is none.

    Raises:
        RecordError: the checkpoint is damaged, or of other networks.
    """
    if not folder.exists():
        folder = folder.with_name(folder.name + ".old")  # killed between the two renames
    if not (folder / "state.json").exists():
        return None
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        for name, network in networks.items():
            weights = load_file(folder / f"{name}.safetensors")
            if weights.keys() != _own(network).keys():
                raise ValueError(f"its {name} has other weights than this run's")
            network.load_state_dict(weights, strict=False)  # the rest was never moved
        for name, mover in movers.items():
            mover.restore(load_file(folder / f"{name}.optimiser.safetensors"))
        torch.set_rng_state(load_file(folder / "random.safetensors")["torch"])
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise RecordError(
            f"the checkpoint {folder} cannot be read: {error}; remove it to start anew"
        ) from error
    return int(state["step"])


def _own(network: nn.Module) -> dict[str, Tensor]:
    """The weights that are trained; all others are where they were at the start."""
    return {name: weight.detach().contiguous() for name, weight in trained_weights(network).items()}
