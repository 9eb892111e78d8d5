"""Settings of OREO in a script of one's own, under the names that transformers and TRL have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from oreo_agent.config import build, with_values
from oreo_agent.errors import SettingError, nearest
from oreo_agent.learn.objectives.oreo import Oreo
from oreo_agent.learn.settings import TrainSettings

SCHEDULES = ("cosine", "linear", "constant_with_warmup")
STORES_ALONE = {
    "train.relabel": "the names in a world",
    "train.won_only": "a store's episodes; leave the rows out yourself",
    "train.balance": "a store's episodes; leave the rows out yourself",
    "train.max_tokens": "a store's episodes; set max_length",
    "train.dtype": "a model that the command loads; set bf16",
    "objective.value": "methods that keep no V, and OREOTrainer keeps it",
}
"""Settings of `oreo-agent train` that rows and a loaded model leave nothing to do for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OREOConfig:
    """Settings, under the names of transformers and TRL where those have one.

    What is not here is not supported, and refused by the class; what `oreo-agent train` has
    besides goes into ``extra``.
    """

    output_dir: str | Path
    """Where `OREOTrainer.save_model` writes; checkpoints and metrics lie beside it, in
    ``<output_dir>.training``."""

    learning_rate: float = 5e-6
    """Of the policy, at its peak."""
    value_learning_rate: float | None = None
    """Of the value, at its peak [default: the policy's]."""
    num_train_epochs: float = 1.0
    """Passes over the rows."""
    value_warmup_epochs: float = 0.0
    """Passes before these in which the value alone learns."""
    per_device_train_batch_size: int = 8
    """Rows that a process puts into a step, times ``gradient_accumulation_steps``."""
    gradient_accumulation_steps: int = 1
    """A factor of the batch; what goes through a network at once is ``micro_tokens``'s business,
    and changes no result."""
    micro_tokens: int = 16384
    """Tokens that go through a network at once."""
    lr_scheduler_type: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """How the rates go on after they have risen."""
    warmup_ratio: float = 0.03
    """Share of the steps over which the rates rise."""
    weight_decay: float = 0.0
    """Per unit of learning rate."""
    max_grad_norm: float = 1.0
    """Each network's gradient is clipped to it; 0 leaves it as it is."""
    adam_beta1: float = 0.9
    """Decay of AdamW's first moment."""
    adam_beta2: float = 0.95
    """Decay of AdamW's second moment."""

    beta: float = 0.03
    """Pull toward the reference, in reward units per nat."""
    alpha: float = 0.01
    """Weight of the KL to the reference."""
    level: Literal["token", "step", "response"] = "token"
    """What counts as one action; a "step" is an assistant's message."""
    kl: Literal["exact", "k3"] = "exact"
    """Over the whole vocabulary, or estimated on the row's own tokens."""
    gradient_checkpointing: bool = False
    """Whether activations are made again on the way back."""
    shard: Literal["none", "zero2", "zero3"] = "none"
    """With several processes, what is spread over them: see `TrainSettings.shard`."""
    networks: Literal["full", "value-lora", "trunk"] = "full"
    """Where V lives: in a model of its own, in an adapter over the frozen reference, or in a head
    on the policy's trunk. With a ``peft_config`` policy and value are adapters over one model."""

    max_length: int | None = 4096
    """Rows of more tokens are left out and counted; None: as many as the model reads."""
    held_out: float = 0.0
    """Share of the prompts kept for `evaluate`, where there is no ``eval_dataset``."""
    eval_steps: int = 0
    """Steps between figures on them; 0 takes figures at the end alone."""
    load_best_model_at_end: bool = False
    """Whether the weights with the best of these figures are kept, not the last: where V misses
    the soft Bellman equation least."""
    bf16: bool | None = None
    """Whether weights are bfloat16 [default: as a loaded model has them, float32 for a path]."""
    seed: int = 42
    """Of every random choice."""
    logging_steps: int = 10
    """Steps between lines of figures."""
    save_steps: int = 500
    """Steps between checkpoints; 0 keeps none."""
    threads: int | None = None
    """Of the CPU [default: torch's]."""
    report_to: str | Sequence[str] | None = "none"
    """Only "none": figures are printed and kept in ``metrics.jsonl``, or given to ``report``."""

    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """More of what `oreo-agent train --set` takes, for instance ``{"train.normalise": "token",
    "train.value.muon": True, "objective.lam": 0.5}``."""

    def __post_init__(self) -> None:
        if self.report_to not in (None, "none", [], (), ["none"]):
            raise SettingError(
                f"OREOConfig.report_to: {self.report_to!r} is not supported; pass OREOTrainer a "
                "function as `report` that hands the figures on, and leave report_to at 'none'"
            )
        if self.lr_scheduler_type not in SCHEDULES:
            hint = nearest(str(self.lr_scheduler_type), SCHEDULES)
            raise SettingError(
                f"OREOConfig: no schedule is called {self.lr_scheduler_type!r}; {hint}"
            )
        if self.max_length is not None and self.max_length < 1:
            raise SettingError(f"OREOConfig: max_length must be at least 1, got {self.max_length}")
        self.objective()
        self.settings(processes=1)

    def objective(self) -> Oreo:
        """OREO with these settings."""
        told = {name: getattr(self, name) for name in ("beta", "alpha", "level", "kl")}
        return build(Oreo, self._with_extra("objective", told), at="OREOConfig")

    def settings(self, *, processes: int) -> TrainSettings:
        """The loop's settings for so many processes."""
        mover = {
            "lr": self.learning_rate,
            "beta1": self.adam_beta1,
            "beta2": self.adam_beta2,
            "weight_decay": self.weight_decay,
            "clip": self.max_grad_norm,
            "warmup": self.warmup_ratio,
            "schedule": "cosine" if self.lr_scheduler_type == "cosine" else "trapezoid",
            # a trapezoid that falls from its warm-up on is a line, one that never falls a constant
            "decay": 1 - self.warmup_ratio if self.lr_scheduler_type == "linear" else 0.0,
        }
        value_lr = self.value_learning_rate
        told = {
            "epochs": self.num_train_epochs,
            "value_warmup": self.value_warmup_epochs,
            "batch": self.per_device_train_batch_size
            * self.gradient_accumulation_steps
            * processes,
            "micro_tokens": self.micro_tokens,
            "networks": self.networks,
            "shard": self.shard,
            "recompute": self.gradient_checkpointing,
            "held_out": self.held_out,
            "judge_every": self.eval_steps,
            "best": self.load_best_model_at_end,
            "checkpoint_every": self.save_steps,
            "report_every": self.logging_steps,
            "threads": torch.get_num_threads() if self.threads is None else self.threads,
            "dtype": "bfloat16" if self.bf16 else "float32",
            "seed": self.seed,
            "policy": mover,
            "value": mover | ({} if value_lr is None else {"lr": value_lr}),
        }
        return build(TrainSettings, self._with_extra("train", told), at="OREOConfig")

    def _with_extra(self, table: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """``told`` and what ``extra`` adds to that table; nothing of it is told twice."""
        for name in self.extra:
            if name.partition(".")[0] not in ("train", "objective"):
                raise SettingError(
                    f"OREOConfig.extra: {name!r} is no setting of `oreo-agent train`; its names "
                    "begin with train. or objective."
                )
            if name in STORES_ALONE:
                raise SettingError(f"OREOConfig.extra: {name} is for {STORES_ALONE[name]}")
        mine = {n: v for n, v in self.extra.items() if n.partition(".")[0] == table}
        try:
            return with_values({table: told}, mine)[table]
        except SettingError as error:
            raise SettingError(f"OREOConfig.extra: {error}") from error
