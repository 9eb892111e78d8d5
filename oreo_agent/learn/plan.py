"""What a training run would do, without doing it: `oreo-agent train --dry-run`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor, nn

from oreo_agent.learn.batch import Tokens, parts
from oreo_agent.learn.checkpoint import Checkpoints
from oreo_agent.learn.forward import trained_weights
from oreo_agent.learn.head import BLOCK
from oreo_agent.learn.settings import TrainRun
from oreo_agent.learn.sharding import here
from oreo_agent.learn.train import prepare
from oreo_agent.learn.trainer import Trainer
from oreo_agent.model.bundle import Card

ACTIVATIONS = 30
"""Numbers that a layer keeps for its gradient, times tokens and width: 22 to 34 in what we
counted, Llama- and Qwen3-like layers in float32 and bfloat16, episodes end to end or padded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One of the networks of a run."""

    parameters: int
    trained: int
    """How many of them move."""
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes in each process; all but the activations follow exactly from the tensors."""

    weights: int
    """Of all networks, those that stay as they are too."""
    gradients: int
    optimiser: int
    activations: int
    """Of the largest part of a batch, roughly: see `activations`."""

    @property
    def total(self) -> int:
        """All of it at once."""
        return self.weights + self.gradients + self.optimiser + self.activations


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would run."""

    episodes: int
    """That the run would learn from or hold out."""
    won: int
    left_out: dict[str, int]
    """Others, by the reason."""
    held_out: int
    """Episodes that only judge."""
    units: int
    """What is drawn at random: episodes, or pairs."""
    tokens_per_epoch: int
    warm_steps: int
    """Of the value alone."""
    steps: int
    """After those."""
    done: int
    """Steps that a checkpoint has already."""
    networks: dict[str, Network]
    memory: Memory
    device: str


def plan(run: TrainRun) -> Plan | None:
    """Read and check everything as for the run itself and write nothing; None if it is finished.

    Raises:
        OreoError: what the run itself would be refused for.
    """
    ready = prepare(run, reckon=False)
    if isinstance(ready, Card):
        return None
    trainer, facts = ready.trainer, ready.facts
    saved = [] if run.overwrite else Checkpoints(ready.work, run.train.keep).steps()
    return Plan(
        episodes=facts["episodes"],
        won=facts["won"],
        left_out=facts["left_out"],
        held_out=len(trainer.data.held_out),
        units=len(trainer.units),
        tokens_per_epoch=sum(len(e.ids) for unit in trainer.units for e in unit),
        warm_steps=trainer.warm,
        steps=trainer.steps - trainer.warm,
        done=saved[-1] if saved else 0,
        networks={
            name: _network(network, moves=name in trainer.trained)
            for name, network in _networks(trainer)
        },
        memory=memory(trainer),
        device=str(trainer.accelerator.device),
    )


def memory(trainer: Trainer) -> Memory:
    """What a run holds at its worst moment, the end of a forward pass in a later step."""
    held: dict[int, Tensor] = {}
    for _, network in _networks(trainer):
        tensors = (*network.parameters(), *network.buffers())
        held |= {here(tensor).data_ptr(): tensor for tensor in tensors}
    movers = [trainer.movers[name] for name in trainer.due(trainer.steps - 1)]
    return Memory(
        weights=sum(here(tensor).nbytes for tensor in held.values()),
        gradients=sum(here(weight).nbytes for mover in movers for weight in mover.weights),
        optimiser=sum(mover.state_bytes() for mover in movers),
        activations=activations(trainer),
    )


def activations(trainer: Trainer) -> int:
    """What the networks that move keep for their gradients, roughly, in bytes.

    In the part of a batch of the first epoch that has the most tokens, padding included, with T of
    them and A action tokens:

        policy and value:  T * layers * 30 * width * bytes of a weight,
                           or T * (layers + 30) * width * bytes where they are made again
        policy:            min(A * vocabulary, a block of logits) * 4 bytes * 4
    """
    tokens, actions = _largest(trainer)
    block = BLOCK.get(trainer.accelerator.device.type, max(BLOCK.values()))
    total = 0
    for name in trainer.due(trainer.steps - 1):
        network = trainer.trained[name]
        model: Any = next(m for m in network.modules() if hasattr(m, "config"))
        config, size = model.config, next(network.parameters()).itemsize
        layers, width = int(config.num_hidden_layers), int(config.hidden_size)
        kept = layers + ACTIVATIONS if trainer.settings.recompute else layers * ACTIVATIONS
        total += tokens * kept * width * size
        if name == "policy":
            total += min(actions * int(config.vocab_size), block) * 4 * 4
    return total


def _largest(trainer: Trainer) -> tuple[int, int]:
    """Tokens, padding included, and action tokens of the largest part."""
    accelerator = trainer.accelerator
    found: list[list[Tokens]] = []
    for step in range(min(trainer.per_epoch, trainer.steps)):
        own = trainer.drawn(step)[accelerator.process_index :: accelerator.num_processes]
        found += parts(own, trainer.settings.micro_tokens)
    if not found:  # more processes than units
        return 0, 0
    # one of these two, whether rows are padded or not
    longest = max(found, key=lambda part: len(part) * max(len(e.ids) for e in part))
    fullest = max(found, key=lambda part: sum(len(e.ids) for e in part))
    batches = [trainer.collate(part) for part in (longest, fullest)]
    return max((batch.ids.numel(), int(batch.mask.sum())) for batch in batches)


def _networks(trainer: Trainer) -> Iterator[tuple[str, nn.Module]]:
    for name in ("policy", "value", "reference"):
        if (network := cast(nn.Module | None, getattr(trainer, name))) is not None:
            yield name, network


def _network(network: nn.Module, *, moves: bool) -> Network:
    weights = list(network.parameters())
    return Network(
        parameters=sum(weight.numel() for weight in weights),
        trained=sum(w.numel() for w in trained_weights(network).values()) if moves else 0,
        dtype=str(weights[0].dtype).removeprefix("torch."),
    )
