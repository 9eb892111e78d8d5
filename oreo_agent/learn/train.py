"""From stores to a bundle: what `oreo-agent train` does."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec

from oreo_agent.config import build
from oreo_agent.errors import SettingError
from oreo_agent.learn.checkpoint import writing
from oreo_agent.learn.course import Report
from oreo_agent.learn.data import counts, read_episodes, split, within
from oreo_agent.learn.folder import check_folder, drop_folder, working_folder
from oreo_agent.learn.objectives import OBJECTIVES, Objective
from oreo_agent.learn.settings import TrainRun
from oreo_agent.learn.sharding import whole
from oreo_agent.learn.start import Start, begin, origin
from oreo_agent.learn.trackers import Tracked, check_trackers, watched
from oreo_agent.learn.trainer import Trainer
from oreo_agent.learn.wiring import Laid, lay
from oreo_agent.model.bundle import Card, standing, write_bundle
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.description import with_value_section
from oreo_agent.model.threads import use_threads


@dataclass(slots=True, kw_only=True)
class Ready:
    """A run of which everything is read and checked, and nothing written."""

    identity: str
    """Checksum of all that decides the weights."""
    work: Path
    """Where its checkpoints and metrics will be."""
    facts: dict[str, Any]
    """Of the episodes."""
    start: Start
    objective: Objective
    laid: Laid
    trainer: Trainer


def train(run: TrainRun, report: Report = lambda _: None) -> Card:
    """Train and write a bundle; a run that was killed goes on from its checkpoint.

    Ctrl-C and SIGTERM, in the main thread, are answered after the step at hand.

    Args:
        run: what to train on what.
        report: is given each line of metrics.

    Returns:
        The card of the bundle. A finished bundle of the very same run is left as it is.

    Raises:
        OreoError: settings, data or model do not fit, and nothing is written then; or a loss is no
            number, or the disk is full, and the last good checkpoint is there still.
        Stopped: Ctrl-C or SIGTERM (it is a `KeyboardInterrupt`); all was saved before.
    """
    ready = prepare(run)
    if isinstance(ready, Card):
        return ready
    trainer = ready.trainer
    trainer.accelerator.wait_for_everyone()  # nobody still looks at the folder
    with ExitStack() as held:
        if main := trainer.accelerator.is_main_process:
            folder = working_folder(ready.work, ready.identity, anew=run.overwrite)
            held.enter_context(folder)
        trainer.accelerator.wait_for_everyone()
        with watched(report, run.tracker if main else (), _tracked(run, ready)) as trainer.report:
            figures = trainer.run()
        card = _card(run, ready, figures)
        with whole(ready.laid.models):
            if main:
                _write(run.out, card, ready.start, ready.laid, ready.work)
            trainer.accelerator.wait_for_everyone()
    return card


def _card(run: TrainRun, ready: Ready, figures: dict[str, Any]) -> Card:
    has_value = ready.laid.value is not None and ready.objective.needs.keeps_value
    found = ready.trainer.judgement() if has_value else None
    return Card(
        method=run.method,
        settings={
            "objective": asdict(cast(Any, ready.objective)),
            "train": asdict(run.train),
            "size": run.size,
        },
        prompt=ready.start.prompt.settings(),
        tokenizer=ready.start.prompt.tokenizer_fingerprint,
        base=ready.start.base,
        data=ready.facts | {"run": ready.identity},
        task=ready.facts["task"],
        has_value=has_value,
        max_context=ready.start.max_context,
        metrics=figures,
        calibration=found.calibration if found else None,
        trust=found.trust if found else None,
    )


def prepare(run: TrainRun, *, reckon: bool = True) -> Ready | Card:
    """Read and check everything that a run needs; the card of its bundle if that is there.

    Args:
        run: the run.
        reckon: whether what the reference says may be reckoned here, where once is enough.

    Raises:
        OreoError: settings, data or model do not fit.
    """
    if not run.out.name:
        raise SettingError(f"{str(run.out)!r} cannot be a bundle's folder; name another --out")
    check_trackers(run.tracker)
    kind = OBJECTIVES.load(run.method)
    objective = build(kind, run.objective, at=run.method)
    use_threads(run.train.threads)
    episodes, prompt_settings, facts = read_episodes(run.data, run.train)
    work = run.out.with_name(f"{run.out.name}.training")
    identity = _identity(run, facts)
    if (done := _finished(run, identity)) is not None:
        return done
    check_folder(work, identity, anew=run.overwrite)
    start = begin(run, prompt_settings)
    start.refuse_other_tokenizer(facts["tokenizer"])
    episodes, facts = within(episodes, facts, start.max_context)
    data = replace(split(episodes, run.train, start.prompt), before=start.before)
    kept = [*data.train, *data.held_out]
    if len(kept) < len(episodes):
        left_out = facts["left_out"] | {"balance": len(episodes) - len(kept)}
        facts = facts | counts(kept) | {"left_out": left_out}
    laid = lay(
        start.policy,
        start.value,
        objective.needs,
        data,
        run.train,
        factors=start.prompt.factors() if isinstance(start.prompt, CompactPrompt) else None,
        weights=origin(run) if reckon else None,
    )
    return Ready(
        identity=identity,
        work=work,
        facts=facts,
        start=start,
        objective=objective,
        laid=laid,
        trainer=Trainer(objective, laid.networks, data, run.train, work, lambda _: None),
    )


def _tracked(run: TrainRun, ready: Ready) -> Tracked:
    told = asdict(run) | {"objective": asdict(cast(Any, ready.objective))}
    return Tracked(
        name=run.out.name,
        identity=ready.identity,
        folder=run.out.parent,
        settings=json.loads(json.dumps(told, default=str)),
    )


def _identity(run: TrainRun, facts: Mapping[str, Any]) -> str:
    """Checksum of all that decides the weights."""
    told = asdict(run) | {"data": facts["fingerprint"], "out": "", "model": origin(run)}
    # who watches it, and how often it reports and saves, changes no weight
    del told["overwrite"], told["tracker"]
    told["train"] = asdict(replace(run.train, report_every=1, checkpoint_every=1, keep=1))
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _finished(run: TrainRun, identity: str) -> Card | None:
    card = standing(run.out)
    if card is None or run.overwrite:
        return None
    if card.data.get("run") == identity:
        return card
    raise SettingError(
        f"{run.out} holds a bundle of another run (method {card.method!r}); "
        "name another --out, or replace it with --overwrite"
    )


def _write(out: Path, card: Card, start: Start, laid: Laid, work: Path) -> None:
    def save(folder: Path) -> None:
        laid.save(folder, with_value=card.has_value)
        start.tokenizer.save_pretrained(folder / "tokenizer")
        shutil.copy(work / "metrics.jsonl", folder / "metrics.jsonl")

    with writing(out, f"make room there; the same command goes on from what is in {work}"):
        write_bundle(out, card, model_card(card), save)
    drop_folder(work)


def model_card(card: Card) -> str:
    """The model card for people."""
    held = json.dumps(msgspec.to_builtins(card.metrics), indent=1)
    value = (
        "`value/` is a token classifier with one label: V at a token is the success still to come."
        if card.has_value
        else "There is no value network."
    )
    for_task = f" for {card.task}" if card.task else ""
    text = f"""# An agent{for_task}

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
