"""From stores to a bundle: what `oreo-agent train` does."""

import copy
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from transformers import PreTrainedModel

from oreo_agent.config import build
from oreo_agent.errors import RecordError, SettingError
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.data import read_episodes, split, within
from oreo_agent.learn.forward import StateValues, TokenScores
from oreo_agent.learn.objectives import OBJECTIVES, Objective
from oreo_agent.learn.settings import TINY, TrainRun, TrainSettings
from oreo_agent.learn.trainer import Networks, Trainer
from oreo_agent.model.bundle import Card, fingerprint, read_card, write_bundle
from oreo_agent.model.compact import BOS, END, PAD, SPECIALS, CompactPrompt
from oreo_agent.model.description import with_value_section
from oreo_agent.model.networks import (
    ValueNetwork,
    factor,
    load_policy,
    new_policy,
    unfactor,
)
from oreo_agent.model.prompt import PromptFormat, load_prompt
from oreo_agent.model.tokenizers import load_tokenizer, word_tokenizer
from oreo_agent.records.atomic import write_atomic

MARK = "run.json"
"""In a run's working folder: which run it belongs to."""


@dataclass(slots=True, kw_only=True)
class _Start:
    """What a run begins with."""

    policy: PreTrainedModel
    value: ValueNetwork | None
    prompt: PromptFormat
    tokenizer: Any
    base: str
    max_context: int


def train(run: TrainRun, report: Callable[[dict[str, Any]], None] = lambda _: None) -> Card:
    """Train and write a bundle; a run that was killed goes on from its checkpoint.

    Args:
        run: what to train on what.
        report: is given each line of metrics.

    Returns:
        The card of the bundle. A finished bundle of the very same run is left as it is.

    Raises:
        OreoError: settings, data or model do not fit; nothing is written then.
    """
    kind = OBJECTIVES.load(run.method)
    objective = build(kind, run.objective, at=run.method)
    torch.set_num_threads(run.train.threads)
    episodes, prompt_settings, facts = read_episodes(run.data, run.train)
    work = run.out.with_name(f"{run.out.name}.training")
    identity = _identity(run, facts)
    if (done := _finished(run, identity)) is not None:
        return done
    start = _start(run, prompt_settings)
    _fits(start, facts)
    if run.train.freeze_value and (start.value is None or not objective.needs.value):
        raise SettingError(
            "train.freeze_value needs --model to be a bundle with a value, and a method that "
            "learns by one; train the value first (train.epochs=0, train.value_warmup=1)"
        )
    episodes, facts = within(episodes, facts, start.max_context)
    data = split(episodes, run.train, start.prompt)
    networks, value = _networks(start, objective, run.train, data.train)
    # refuses episodes that the method cannot learn from; nothing is written before
    trainer = Trainer(objective, networks, data, run.train, work, report)
    if trainer.accelerator.is_main_process:
        _begin(work, identity, anew=run.overwrite)
    trainer.accelerator.wait_for_everyone()
    judgement = trainer.run()
    value = value if objective.needs.keeps_value else None
    card = Card(
        method=run.method,
        settings={
            "objective": asdict(cast(Any, objective)),
            "train": asdict(run.train),
            "size": run.size,
        },
        prompt=start.prompt.settings(),
        tokenizer=start.prompt.tokenizer_fingerprint,
        base=start.base,
        data=facts | {"run": identity},
        task=facts["task"],
        has_value=value is not None,
        max_context=start.max_context,
        metrics=judgement.figures,
        calibration=judgement.calibration if value is not None else None,
        trust=judgement.trust if value is not None else None,
    )
    if trainer.accelerator.is_main_process:
        _write(run.out, card, start, value, work)
    return card


def _identity(run: TrainRun, facts: Mapping[str, Any]) -> str:
    """Checksum of all that decides the weights."""
    first = run.model if run.model == TINY else fingerprint(run.model)
    told = asdict(run) | {"data": facts["fingerprint"], "out": "", "model": first}
    del told["overwrite"]
    # how often a run reports and saves changes no weight
    told["train"] = asdict(replace(run.train, report_every=1, checkpoint_every=1))
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _finished(run: TrainRun, identity: str) -> Card | None:
    if not run.out.exists():
        return None
    card = read_card(run.out)  # what is no bundle is not overwritten either
    if run.overwrite:
        return None
    if card.data.get("run") == identity:
        return card
    raise SettingError(
        f"{run.out} holds a bundle of another run (method {card.method!r}); "
        "name another --out, or replace it with --overwrite"
    )


def _start(run: TrainRun, prompt_settings: Mapping[str, Any]) -> _Start:
    dtype = getattr(torch, run.train.dtype)
    if run.model == TINY:
        prompt = load_prompt(prompt_settings)
        if not isinstance(prompt, CompactPrompt):
            raise SettingError(
                f"--model tiny speaks the prompt format 'compact' and the data is {prompt.name!r}; "
                "name a pretrained model, or collect with --prompt compact"
            )
        names = dict(zip(("pad", "bos", "unk", "turn", "eos"), SPECIALS, strict=True))
        del names["turn"]
        policy = new_policy(
            len(prompt.tokens), run.size, bos=BOS, eos=END, pad=PAD, seed=run.train.seed
        ).to(dtype)
        tokenizer = word_tokenizer(prompt.tokens, **names)
        return _Start(
            policy=policy,
            value=None,
            prompt=prompt,
            tokenizer=tokenizer,
            base=f"tiny {run.size}, random weights",
            max_context=_context(policy),
        )
    folder = Path(run.model)
    if (folder / "bundle.json").exists():
        card = read_card(folder)
        tokenizer = load_tokenizer(folder / "tokenizer")
        return _Start(
            policy=load_policy(folder / "policy", dtype=dtype),
            value=ValueNetwork.load(folder / "value", dtype=dtype) if card.has_value else None,
            prompt=load_prompt(card.prompt, tokenizer),
            tokenizer=tokenizer,
            base=f"bundle {fingerprint(folder)} ({card.method})",
            max_context=card.max_context,
        )
    tokenizer = load_tokenizer(folder)
    policy = load_policy(folder, dtype=dtype)
    return _Start(
        policy=policy,
        value=None,
        prompt=load_prompt(prompt_settings, tokenizer),
        tokenizer=tokenizer,
        base=f"{policy.config.model_type} {fingerprint(folder)}",
        max_context=_context(policy),
    )


def _context(policy: PreTrainedModel) -> int:
    return int(getattr(policy.config, "max_position_embeddings", 4096))


def _fits(start: _Start, facts: Mapping[str, Any]) -> None:
    if start.prompt.tokenizer_fingerprint != facts["tokenizer"]:
        raise RecordError(
            f"the episodes hold ids of tokenizer {facts['tokenizer']!r} and the model's is "
            f"{start.prompt.tokenizer_fingerprint!r}; collect with this model, or name the model "
            "that they were collected with"
        )


def _begin(work: Path, identity: str, *, anew: bool) -> None:
    """The folder of checkpoints and metrics, which belongs to one run."""
    mark = work / MARK
    there = [path.name for path in work.iterdir()] if work.exists() else []
    if MARK not in there and not all(name.startswith(f".{MARK}.") for name in there):
        raise SettingError(
            f"{work} was not made by a training run and would hold this one's checkpoints; "
            "move it away, or name another --out"
        )
    if anew:
        _drop(work)
    if mark.exists() and json.loads(mark.read_text())["run"] != identity:
        raise SettingError(
            f"{work} holds the checkpoints of another run; go on with that run's settings, "
            "or drop them with --overwrite"
        )
    work.mkdir(parents=True, exist_ok=True)
    write_atomic(mark, json.dumps({"run": identity}).encode())


def _drop(work: Path) -> None:
    """Remove the folder, its mark last: what a kill leaves of it is still known as ours."""
    for path in work.iterdir() if work.exists() else ():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()
    shutil.rmtree(work, ignore_errors=True)


def _networks(
    start: _Start, objective: Objective, settings: TrainSettings, train: Sequence[Tokens]
) -> tuple[Networks, ValueNetwork | None]:
    """Everything at its place before the first step; the reference is the policy as it is now."""
    value = None
    if objective.needs.value:
        due = [e.reward * settings.discount ** len(e.ends) for e in train]
        rate = sum(due) / len(train)
        value = start.value or ValueNetwork.of_policy(start.policy, start=rate)
    if isinstance(start.prompt, CompactPrompt):
        factor(start.policy, start.prompt.factors())
        if value is not None and not settings.freeze_value:
            factor(value.model, start.prompt.factors())
    reference = None
    if objective.needs.reference:
        reference = TokenScores(copy.deepcopy(start.policy)).eval().requires_grad_(False)
    networks = Networks(
        policy=TokenScores(start.policy),
        value=StateValues(value) if value is not None else None,
        reference=reference,
    )
    return networks, value


def _write(out: Path, card: Card, start: _Start, value: ValueNetwork | None, work: Path) -> None:
    unfactor(start.policy)
    if value is not None:
        unfactor(value.model)

    def save(folder: Path) -> None:
        start.policy.save_pretrained(folder / "policy")
        if value is not None:
            value.save(folder / "value")
        start.tokenizer.save_pretrained(folder / "tokenizer")
        shutil.copy(work / "metrics.jsonl", folder / "metrics.jsonl")

    write_bundle(out, card, _readme(card), save)
    _drop(work)


def _readme(card: Card) -> str:
    """The model card for people."""
    held = json.dumps(msgspec.to_builtins(card.metrics), indent=1)
    value = (
        "`value/` is a token classifier with one label: V at a token is the success still to come."
        if card.has_value
        else "There is no value network."
    )
    text = f"""# An agent for {card.task}

Trained by oreo-agent with the method `{card.method}` on {card.data["episodes"]} episodes
({card.data["won"]} won), from {card.base}. Prompt format: `{card.prompt["format"]}`.

`policy/` is a causal language model in Hugging Face format. {value}

Figures on held-out instances of the training data:

```json
{held}
```

Limits: it has learned from the episodes above and nothing else; scores on other worlds, prompt
formats or step limits are not known. The settings of the run are in `bundle.json`.
"""
    if not card.has_value:
        return text
    return with_value_section(text, card.calibration, card.trust)
