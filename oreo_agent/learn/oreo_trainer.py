"""OREO where a TRL script has its KTO: the same rows, names and calls.

    trainer = OREOTrainer(model, args=OREOConfig(output_dir="out"), train_dataset=rows,
                          processing_class=tokenizer)
    trainer.train()
    trainer.save_model()

The loop is `oreo_agent.learn.trainer.Trainer`'s; nothing of TRL is needed or imported.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import PreTrainedModel

from oreo_agent.config import build
from oreo_agent.errors import OreoError, SettingError
from oreo_agent.learn.data import Data, split
from oreo_agent.learn.folder import working_folder
from oreo_agent.learn.forward import recall
from oreo_agent.learn.given import (
    Model,
    checksum,
    lora_of,
    name_of,
    take_policy,
    take_tokenizer,
    take_value,
)
from oreo_agent.learn.oreo_config import OREOConfig
from oreo_agent.learn.processes import accelerator
from oreo_agent.learn.rows import Row, read_rows
from oreo_agent.learn.settings import LoraSettings, TrainSettings
from oreo_agent.learn.sharding import whole
from oreo_agent.learn.train import model_card
from oreo_agent.learn.trainer import Trainer
from oreo_agent.learn.wiring import lay
from oreo_agent.model.bundle import Card, write_bundle
from oreo_agent.model.networks import input_weight
from oreo_agent.model.prompt import load_prompt


class OREOTrainer:
    """One run of OREO over rows of prompts and completions.

    Attributes:
        model: the policy. One that was passed loaded is the very object, trained in place.
        value_model: V, a `ValueNetwork`.
        facts: counts of the rows that are learned from, and of those left out, by reason.
    """

    def __init__(
        self,
        model: Model,
        *,
        args: OREOConfig,
        train_dataset: Iterable[Row],
        eval_dataset: Iterable[Row] | None = None,
        processing_class: Any = None,
        ref_model: Model | None = None,
        value_model: Model | None = None,
        peft_config: LoraConfig | None = None,
        reward_column: str = "label",
        report: Callable[[dict[str, Any]], None] = print,
    ) -> None:
        """Read the rows and lay the networks out; nothing is written yet.

        Args:
            model: the policy, a causal language model.
            args: the settings.
            train_dataset: rows as `oreo_agent.learn.rows` describes them.
            eval_dataset: rows to judge by; without them ``args.held_out`` sets some apart.
            processing_class: the tokenizer [default: what lies beside the model].
            ref_model: the reference [default: the policy as it is now].
            value_model: a causal language model whose body V starts from, or a token classifier
                with one label to go on with [default: the policy's body].
            peft_config: rank and alpha of adapters, which are then all that is trained.
            reward_column: of the outcome: true or false, or a number in [0, 1].
            report: is given each line of figures.

        Raises:
            OreoError: settings, rows or models do not fit.
        """
        self.args, self.report = args, report
        self.tokenizer = take_tokenizer(model, processing_class)
        self.model = take_policy(model, args.bf16)
        reference = None if ref_model is None else take_policy(ref_model, args.bf16)
        self.settings = _settings(args, self.model, peft_config)
        _refuse(self.settings, self.model, reference, value_model)
        self.context = int(getattr(self.model.config, "max_position_embeddings", 4096))
        self.data, self.facts = self._data(train_dataset, eval_dataset, reward_column)
        value = None
        if value_model is not None:
            value = take_value(value_model, self.data.train, self.model.dtype)
        used = max(max(episode.ids) for episode in (*self.data.train, *self.data.held_out))
        for network in (self.model, reference, None if value is None else value.body):
            if network is not None and used >= len(input_weight(network)):
                raise SettingError(
                    f"the rows hold token {used}, which {name_of(network)} does not know; take "
                    "models and a tokenizer of one family"
                )
        starts = {
            "policy": checksum(self.model),
            "reference": None if reference is None else checksum(reference),
            "value": None if value is None else checksum(value),
        }
        self.objective = args.objective()
        with _own_words():
            self.laid = lay(
                self.model,
                value,
                self.objective.needs,
                self.data,
                self.settings,
                factors=None,
                weights=starts["reference"] or starts["policy"] or "",
                other=reference,
            )
        self.value_model = self.laid.value
        self.base = f"{self.model.config.model_type} {starts['policy']}"
        self.identity = self._identity(starts)
        out = Path(args.output_dir)
        self.work = out.with_name(f"{out.name}.training")
        with _own_words():
            self.trainer = Trainer(
                self.objective, self.laid.networks, self.data, self.settings, self.work, self._tell
            )
        self.figures: dict[str, Any] = {}

    def train(self, *, resume_from_checkpoint: bool = True) -> dict[str, Any]:
        """Train to the end; a run that was stopped goes on from its checkpoint.

        Args:
            resume_from_checkpoint: False drops the checkpoints and starts anew.

        Returns:
            The figures of `evaluate`; empty without rows to judge by.

        Raises:
            SettingError: the working folder belongs to another run, or to somebody else.
            RecordError: it cannot be written, or another process trains in it.
        """
        anew = not resume_from_checkpoint
        with _own_words(), ExitStack() as held:
            if self.trainer.accelerator.is_main_process:
                held.enter_context(working_folder(self.work, self.identity, anew=anew))
                self.report({"rows": self.facts})
            self.trainer.accelerator.wait_for_everyone()
            self.figures = self.trainer.run()
        recall(self.laid.networks.policy)
        return self.figures

    def evaluate(self) -> dict[str, Any]:
        """What policy and value make of rows that they do not learn from; see `judged`.

        Raises:
            SettingError: there are none.
        """
        if not self.data.held_out:
            raise SettingError(
                "there are no rows to judge by; give an eval_dataset, or set OREOConfig.held_out"
            )
        self.figures = self.trainer.judge()
        recall(self.laid.networks.policy)
        return self.figures

    def save_model(
        self, path: str | Path | None = None, *, prompt: Mapping[str, Any] | None = None
    ) -> None:
        """Write a bundle: ``policy/``, ``value/``, ``tokenizer/``, and a card.

        The models are plain ones in Hugging Face format: adapters are added to the weights.

        Args:
            path: a folder to make, or a bundle to replace [default: ``args.output_dir``].
            prompt: settings of the prompt format in which the rows were written, for instance
                ``{"format": "bare", "instruction": "..."}``; with them `oreo-agent play` and its
                kind can use the bundle.

        Raises:
            BundleError: what stands there is no bundle.
            SettingError: there is no such prompt format.
        """
        spoken = None if prompt is None else load_prompt(prompt, self.tokenizer)
        folder = Path(self.args.output_dir if path is None else path)
        found = self.trainer.judgement()
        card = Card(
            method="oreo",
            settings={"objective": asdict(self.objective), "train": asdict(self.settings)},
            prompt={"format": "rows"} if spoken is None else spoken.settings(),
            tokenizer="rows" if spoken is None else spoken.tokenizer_fingerprint,
            base=self.base,
            data=self.facts | {"run": self.identity},
            has_value=True,
            max_context=self.context,
            metrics=self.figures,
            calibration=found.calibration,
            trust=found.trust,
        )
        with whole(self.laid.models):
            if self.trainer.accelerator.is_main_process:
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
                write_bundle(folder, card, model_card(card), self._save)
            self.trainer.accelerator.wait_for_everyone()

    def _tell(self, row: dict[str, Any]) -> None:
        told = {"warning": _reworded(row["warning"])} if "warning" in row else {}
        self.report(row | told)

    def _save(self, folder: Path) -> None:
        self.laid.save(folder, with_value=True)
        self.tokenizer.save_pretrained(folder / "tokenizer")
        if (told := self.work / "metrics.jsonl").exists():
            shutil.copy(told, folder / "metrics.jsonl")

    def _data(
        self, rows: Iterable[Row], judges: Iterable[Row] | None, reward_column: str
    ) -> tuple[Data, dict[str, Any]]:
        """What is learned and judged from, and what is known of it."""
        longest = min(self.context, self.args.max_length or self.context)
        told: dict[str, Any] = {"reward_column": reward_column, "longest": longest}
        read = read_rows(rows, self.tokenizer, name="train_dataset", **told)
        data = split(read.episodes, self.settings, None)
        left_out, shifted = read.left_out, read.shifted
        if judges is not None:
            apart = read_rows(judges, self.tokenizer, name="eval_dataset", **told)
            data = replace(data, train=read.episodes, held_out=apart.episodes)
            left_out, shifted = left_out + apart.left_out, shifted + apart.shifted
        everything = [*data.train, *data.held_out]
        facts = {
            "fingerprint": hashlib.sha256(repr(everything).encode()).hexdigest()[:16],
            "episodes": len(data.train),
            "held_out": len(data.held_out),
            "won": sum(episode.won for episode in data.train),
            "tokens": sum(len(episode.ids) for episode in data.train),
            "left_out": dict(left_out),
            "shifted": shifted,
        }
        return replace(data, pad=int(self.tokenizer.pad_token_id or 0)), facts

    def _identity(self, starts: dict[str, str | None]) -> str:
        """Checksum of all that decides the weights."""
        told = replace(self.settings, report_every=1, checkpoint_every=1, threads=1)
        all_of_it = [asdict(told), asdict(self.objective), self.facts["fingerprint"], starts]
        return hashlib.sha256(json.dumps(all_of_it).encode()).hexdigest()[:16]


def _settings(args: OREOConfig, policy: PreTrainedModel, peft: LoraConfig | None) -> TrainSettings:
    settings = args.settings(processes=accelerator().num_processes)
    dtype = "bfloat16" if policy.dtype == torch.bfloat16 else "float32"
    if peft is None:
        return replace(settings, dtype=dtype)
    if args.networks != "full":
        raise SettingError(
            f"peft_config lays policy and value over one model, and networks is {args.networks!r}; "
            "drop one of them"
        )
    if any(name.startswith("train.lora.") for name in args.extra):
        raise SettingError("peft_config sets rank and alpha; leave train.lora out of extra")
    lora = build(LoraSettings, lora_of(peft, policy), at="peft_config")
    return replace(settings, dtype=dtype, networks="shared", lora=lora)


WORDS = {
    "--overwrite": "resume_from_checkpoint=False",
    "--out": "output_dir",
    "--model": "model",
    "train.policy.lr": "learning_rate",
    "train.value.lr": "value_learning_rate",
    "train.packed=false": "extra={'train.packed': False}",
    "train.recompute=false": "gradient_checkpointing=False",
    "train.networks=": "networks=",
    "train.shard=": "shard=",
    "train.micro_tokens": "micro_tokens",
    "train.held_out": "held_out",
    "train.value_warmup": "value_warmup_epochs",
    "train.best=true": "load_best_model_at_end=True",
    "train.best": "load_best_model_at_end",
    "train.judge_every=": "eval_steps=",
    "objective.alpha": "alpha",
    "objective.beta": "beta",
}
"""What the command line calls a thing, and what `OREOConfig` and `OREOTrainer` do."""


_THEIRS = re.compile("|".join(re.escape(word) for word in sorted(WORDS, key=len, reverse=True)))


def _reworded(text: str) -> str:
    """The same by the names that a script has for settings."""
    return _THEIRS.sub(lambda found: WORDS[found[0]], text)


@contextmanager
def _own_words() -> Generator[None]:
    """Errors speak as `_reworded` does."""
    try:
        yield
    except OreoError as error:
        raise type(error)(_reworded(str(error))) from error


def _refuse(
    settings: TrainSettings,
    policy: PreTrainedModel,
    reference: PreTrainedModel | None,
    value: Model | None,
) -> None:
    """What does not go together."""
    if value is not None and settings.networks != "full":
        raise SettingError(
            f"value_model is a model of its own, and with networks {settings.networks!r} (or a "
            "peft_config) the value lies over the policy's body; drop one of them"
        )
    if reference is policy:
        raise SettingError("ref_model is the model itself; leave it out: a copy is made")
    if reference is not None and settings.value_warmup > 0:
        raise SettingError(
            "value_warmup_epochs takes the policy for the reference, and ref_model is another one; "
            "drop one of them"
        )
