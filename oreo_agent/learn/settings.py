"""Settings of a training run; a recipe in ``configs/`` sets them, ``--set`` overrides them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from oreo_agent.config import check_seed

TINY = "tiny"
"""The model that is made from nothing."""
REWARDS = {"won": 1.0, "discounted": 0.95}
"""What a success is worth: `TrainSettings.discount` by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimiserSettings:
    """How one network's weights are moved."""

    lr: float = 5e-6
    """Peak learning rate of AdamW."""
    muon: bool = False
    """Move the matrices of the blocks by Muon (for networks made from nothing)."""
    muon_lr: float = 0.02
    """Peak learning rate of Muon."""
    beta1: float = 0.9
    """Decay of AdamW's first moment."""
    beta2: float = 0.95
    """Decay of AdamW's second moment."""
    weight_decay: float = 0.0
    """Per unit of learning rate."""
    clip: float = 1.0
    """Largest norm of the gradient; 0 leaves it as it is."""
    schedule: Literal["cosine", "trapezoid"] = "cosine"
    """``cosine`` falls to 0 from the warm-up on; ``trapezoid`` is flat, then falls in a line."""
    warmup: float = 0.03
    """Share of the steps over which the rate rises."""
    decay: float = 0.5
    """Share of the steps over which a trapezoid falls."""

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.muon_lr <= 0:
            raise ValueError("learning rates must be above 0")
        if not (0 <= self.warmup <= 1 and 0 <= self.decay <= 1):
            raise ValueError("warmup and decay are shares between 0 and 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class LoraSettings:
    """Adapters over every linear layer; the defaults are those of the paper's 7B value."""

    rank: int = 64
    alpha: int = 64
    """The product of the two matrices is scaled by ``alpha / rank``."""

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha < 1:
            raise ValueError("rank and alpha must be at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainSettings:
    """The loop."""

    epochs: float = 1.0
    """Passes over the training episodes."""
    value_warmup: float = 0.0
    """Passes before these in which only the value learns (the policy is the reference)."""
    freeze_value: bool = False
    """Leave the value of the bundle that is trained on as it is: the policy alone learns, by it."""
    batch: int = 128
    """Episodes a step, drawn at random without regard to length."""
    micro_tokens: int = 16384
    """Tokens that go through a network at once; a batch is split into parts of at most so many."""
    networks: Literal["full", "value-lora", "shared", "trunk"] = "full"
    """``full``: policy, value and reference are models of their own. ``value-lora``: the value is
    an adapter and a head over the frozen reference. ``shared``: the policy is an adapter over it
    too, so there is one model in all. ``trunk``: the value is a head alone, on the policy's body.
    """
    lora: LoraSettings = field(default_factory=LoraSettings)
    shard: Literal["none", "zero2", "zero3"] = "none"
    """With several processes: ``none`` keeps whole networks in each; ``zero2`` spreads gradients
    and optimiser states over them, and weights where no pass needs them; ``zero3`` gathers weights
    one block at a time."""
    offload: bool = False
    """Keep what is spread in the processor's memory when it is not at work."""
    recompute: bool = False
    """Keep no activations within blocks; make them again on the way back, for a third more work."""
    compute: Literal["dtype", "bfloat16"] = "dtype"
    """Precision of products: that of the weights, or bfloat16 beside weights in float32 (torch's
    autocast)."""
    value_dropout: float = 0.0
    """Share, below 1, of what the value's head reads that is left out while it learns."""
    packed: bool = True
    """Lay episodes end to end, without padding; ``false`` gives each a row of its own, for models
    whose attention cannot be replaced."""
    held_out: float = 0.1
    """Share of the instances kept from training, for the held-out figures."""
    normalise: Literal["episode", "token"] = "episode"
    """``episode``: mean over an episode's tokens, then over episodes; ``token``: over tokens."""
    relabel: bool = False
    """Rename the world each time an episode is used, where the prompt format knows how."""
    won_only: bool = False
    """Use episodes of reward 1 alone."""
    discount: float = 1.0
    """Factor, in (0, 1], of the terminal reward for each turn that the episode took. 1: only how it
    ended counts; below, a success that came sooner is worth more, and V is no probability."""
    balance: int = 0
    """Of each instance learn from at most so many won and so many lost episodes, and from no more
    won than lost ones beyond the first: 4 in the paper's 7B run. 0 takes all."""
    max_tokens: int = 4096
    """Episodes with more tokens are left out and counted."""
    checkpoint_every: int = 200
    """Steps between checkpoints; 0 keeps none but when the run is asked to stop."""
    keep: int = 1
    """How many of the last checkpoints stay, beside the one with the best weights."""
    judge_every: int = 0
    """Steps between held-out figures; 0 takes them only at the end."""
    best: bool = False
    """Store the weights with the best held-out figure instead of the last ones: the residual of the
    value (eq. 8), or the policy's loss for methods without a value to keep. A warm-up of the value
    does not count, unless the policy learns nothing at all."""
    patience: int = 0
    """Stop after so many held-out figures in a row without a better one; 0 never does."""
    report_every: int = 50
    """Steps between lines of metrics."""
    threads: int = 1
    """CPU threads, if the process has so many cores."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the weights that are trained."""
    seed: int = 0
    """Of weights that are made from nothing, of the held-out choice and of the order."""
    policy: OptimiserSettings = field(default_factory=OptimiserSettings)
    value: OptimiserSettings = field(default_factory=OptimiserSettings)

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.value_warmup < 0 or self.epochs + self.value_warmup == 0:
            raise ValueError("epochs and value_warmup must not be negative, and not both 0")
        for name in ("batch", "micro_tokens", "threads", "report_every", "keep"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("balance", "checkpoint_every", "judge_every", "patience"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.patience and not self.judge_every:
            raise ValueError("patience counts held-out figures; set judge_every too")
        if self.freeze_value and self.value_warmup > 0:
            raise ValueError("freeze_value and value_warmup exclude each other; drop one of them")
        if self.offload and self.shard == "none":
            raise ValueError("offload is of what is spread; set shard to zero2 or zero3")
        if self.shard != "none" and (self.policy.muon or self.value.muon):
            raise ValueError("muon needs whole matrices; set shard to none, or muon to false")
        if self.shard != "none" and self.networks in ("shared", "trunk"):
            raise ValueError(
                f"networks={self.networks} has one body under policy and value, which is not "
                "spread; set shard to none, or networks to full or value-lora"
            )
        if not 0 <= self.value_dropout < 1:
            raise ValueError(f"value_dropout is a share below 1, got {self.value_dropout}")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out is a share below 1, got {self.held_out}")
        if not 0 < self.discount <= 1:
            raise ValueError(f"discount is a factor above 0 and at most 1, got {self.discount}")
        check_seed(self.seed)


def setting_apart(stored: Mapping[str, Any]) -> TrainSettings:
    """Settings that hold out the instances which a run held out whose bundle keeps ``stored``."""
    return TrainSettings(seed=stored["seed"], held_out=stored["held_out"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRun:
    """Everything that decides a bundle."""

    method: str
    """Name of an objective: ``sft``, ``oreo``, ..."""
    data: tuple[Path, ...]
    """Stores to learn from."""
    out: Path
    """The bundle to write."""
    model: str = TINY
    """``tiny``, a bundle, or a model folder in Hugging Face format."""
    size: str = "128x4"
    """Of ``tiny``: width x layers."""
    overwrite: bool = False
    """Replace a bundle that stands at ``out``, and forget its checkpoints."""
    tracker: tuple[str, ...] = ()
    """Who is told the figures as they come, beside the console and ``metrics.jsonl``."""
    objective: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Settings of the objective."""
    train: TrainSettings = field(default_factory=TrainSettings)
