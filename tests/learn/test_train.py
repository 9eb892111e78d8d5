"""From stores to bundles: what is learned, what is left out, and what is refused."""

import errno
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from oreo_agent.agent.engines import Request
from oreo_agent.agent.runtime import Agent
from oreo_agent.cli import run as oreo
from oreo_agent.errors import BundleError, DataError, OreoError, RecordError, SettingError
from oreo_agent.learn import train as training
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.data import split
from oreo_agent.learn.processes import repeatable
from oreo_agent.learn.settings import OptimiserSettings, TrainSettings
from oreo_agent.learn.train import TrainRun, train
from oreo_agent.learn.trainer import Trainer
from oreo_agent.model.bundle import fingerprint, read_card, write_bundle
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.networks import ValueNetwork, load_policy
from oreo_agent.model.prompt import ids_of
from oreo_agent.records.episode import Segment
from oreo_agent.records.store import Store

QUICK = TrainSettings(
    epochs=2.0,
    batch=8,
    held_out=0.25,
    checkpoint_every=3,
    report_every=2,
    policy=OptimiserSettings(lr=3e-3, muon=True),
    value=OptimiserSettings(lr=3e-3),
)


@pytest.fixture(scope="module")
def store(an_episode, a_store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four dozen episodes of twelve instances."""
    folder = tmp_path_factory.mktemp("stores") / "episodes"
    return a_store(folder, [an_episode(number) for number in range(48)])


def sft(store: Path, out: Path, **changes: Any) -> TrainRun:
    return replace(
        TrainRun(method="sft", data=(store,), out=out, size="32x1", train=QUICK), **changes
    )


@pytest.fixture(scope="module")
def bundles(store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainRun, TrainRun]:
    """SFT, and OREO on top of it."""
    folder = tmp_path_factory.mktemp("bundles")
    first = sft(store, folder / "sft")
    train(first)
    second = replace(
        first, method="oreo", out=folder / "oreo", model=str(first.out),
        objective={"beta": 0.1}, train=replace(QUICK, value_warmup=1.0),
    )  # fmt: skip
    train(second)
    return first, second


def test_sft_then_oreo_give_bundles_that_play(bundles, prompt):
    for run, values in zip(bundles, (False, True), strict=True):
        agent = Agent.load(run.out, strategy="sample", values=values, device="cpu")
        history = ids_of(prompt.opening("You see key 1, den 2."))
        (decision,) = agent.decide([Request(session="a", ids=history, seed=1)])
        assert decision.choice.ids
        assert (decision.value is not None) == values
    assert sorted(path.name for path in bundles[0].out.parent.iterdir()) == ["oreo", "sft"]


def test_the_card_tells_how_the_bundle_came_to_be(bundles, store: Path):
    first, second = (read_card(run.out) for run in bundles)
    assert (first.method, first.has_value, first.base) == (
        "sft",
        False,
        "tiny 32x1, random weights",
    )
    assert (second.method, second.has_value) == ("oreo", True)
    assert second.base == f"bundle {fingerprint(bundles[0].out)} (sft)"
    assert second.settings["objective"]["beta"] == 0.1
    assert second.settings["objective"]["alpha"] == 0.01
    assert second.settings["train"]["policy"]["muon"] is True
    assert first.data["episodes"] == second.data["episodes"] == 48
    assert first.task == "dens"
    assert {"nll", "mse", "auc_50"} <= set(second.metrics)
    assert (first.calibration, first.trust) == (None, None)
    assert second.calibration is not None
    assert second.trust is not None
    assert second.calibration.episodes == second.metrics["episodes"]
    texts = [(run.out / "README.md").read_text() for run in bundles]
    assert "`oreo`" in texts[1]
    assert ["## The value" in text for text in texts] == [False, True]
    assert second.trust.sentence[1:] in texts[1]
    assert second.calibration.sentence[1:] in texts[1]


def test_every_line_of_metrics_is_kept_with_the_bundle(bundles):
    lines = [json.loads(x) for x in (bundles[1].out / "metrics.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if "held_out" not in line]
    assert steps == sorted({*range(2, lines[-1]["steps"] + 1, 2), lines[-1]["steps"]})
    assert "held_out" in lines[-1]
    learned = [line for line in lines if "policy_loss" in line]
    assert learned
    assert "policy_loss" not in lines[0]  # the warm-up of the value
    assert all(math.isfinite(line["value_loss"]) for line in lines if "value_loss" in line)


def test_oreo_starts_at_the_bundle_that_it_is_given_to_the_last_bit(
    bundles, store: Path, tmp_path: Path
):
    rows: list[dict[str, Any]] = []
    run = replace(
        bundles[1], out=tmp_path / "again", train=replace(QUICK, report_every=1, epochs=0.1)
    )
    train(run, rows.append)
    assert rows[0]["kl"] == 0.0
    assert rows[0]["ratio_won"] == rows[0]["ratio_lost"] == 0.0


def test_a_finished_run_is_left_as_it_is(bundles):
    before = {p: p.stat().st_mtime_ns for p in bundles[1].out.rglob("*") if p.is_file()}
    rows: list[dict[str, Any]] = []
    assert train(bundles[1], rows.append) == read_card(bundles[1].out)
    assert rows == []
    assert {p: p.stat().st_mtime_ns for p in bundles[1].out.rglob("*") if p.is_file()} == before


def test_how_often_a_run_reports_and_saves_makes_it_no_other_run(bundles):
    often = replace(bundles[1].train, report_every=1, checkpoint_every=0)
    rows: list[dict[str, Any]] = []
    assert train(replace(bundles[1], train=often), rows.append) == read_card(bundles[1].out)
    assert rows == []


def test_a_tiny_model_is_made_in_the_type_that_the_run_asks_for(store: Path, tmp_path: Path):
    half = replace(QUICK, epochs=0.5, dtype="bfloat16")
    first = sft(store, tmp_path / "sft", train=half)
    train(first)
    train(replace(first, method="oreo", out=tmp_path / "oreo", model=str(first.out)))
    for folder in (first.out / "policy", tmp_path / "oreo/policy", tmp_path / "oreo/value"):
        weights = load_file(folder / "model.safetensors")
        fine = {name for name, weight in weights.items() if weight.dtype != torch.bfloat16}
        assert fine <= {"score.weight", "score.bias"}  # V is read in float32


def test_another_run_is_not_written_over_a_bundle_unless_asked(store: Path, tmp_path: Path):
    run = sft(store, tmp_path / "agent")
    train(run)
    other = replace(run, objective={"observations": 0.5})
    with pytest.raises(SettingError, match=r"another run.*--overwrite"):
        train(other)
    first = fingerprint(run.out)
    train(replace(other, overwrite=True))
    assert fingerprint(run.out) != first
    assert read_card(run.out).settings["objective"] == {"observations": 0.5, "answers": 0.0}


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_bundle_is_refused_before_anything_is_learned(
    store: Path, tmp_path: Path, overwrite: bool
):
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.txt").write_text("years of work")
    rows: list[dict[str, Any]] = []
    with pytest.raises(BundleError, match=r"is no bundle, so it is not .*another --out"):
        train(sft(store, out, overwrite=overwrite), rows.append)
    assert rows == []
    assert [path.name for path in tmp_path.iterdir()] == ["thesis"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_that_is_under_way_elsewhere_is_left_alone(
    store: Path, tmp_path: Path, overwrite: bool
):
    out = tmp_path / "a"
    work = tmp_path / "a.training"
    work.mkdir()
    taken = f"""if True:
        import sys, pathlib
        from oreo_agent.records.folder import WriterLock
        lock = WriterLock(pathlib.Path({str(work)!r}))
        print("taken", flush=True)
        sys.stdin.read()
        """
    command = [sys.executable, "-c", taken]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"taken\n"
        words = rf"a.training is being trained in by process {other.pid}: wait"
        with pytest.raises(RecordError, match=words):
            train(sft(store, out, overwrite=overwrite))
        other.communicate()
    train(sft(store, out, overwrite=overwrite))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_somebody_else_is_not_taken_for_checkpoints(
    store: Path, tmp_path: Path, overwrite: bool
):
    theirs = tmp_path / "agent.training"
    theirs.mkdir()
    (theirs / "notes.txt").write_text("years of work")
    with pytest.raises(SettingError, match="not made by a training run"):
        train(sft(store, tmp_path / "agent", overwrite=overwrite))
    assert (theirs / "notes.txt").read_text() == "years of work"


def test_checkpoints_of_another_run_are_not_gone_on_with(store: Path, tmp_path: Path):
    run = sft(store, tmp_path / "agent")

    def stop(row: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(run, stop)
    other = replace(run, train=replace(QUICK, seed=1))
    with pytest.raises(SettingError, match=r"checkpoints of another run.*--overwrite"):
        train(other)
    train(replace(other, overwrite=True))


def test_the_same_run_elsewhere_gives_the_same_weights(bundles, tmp_path: Path):
    again = replace(bundles[1], out=tmp_path / "again")
    train(again)
    assert fingerprint(again.out) == fingerprint(bundles[1].out)


def test_what_cannot_be_learned_from_is_left_out_and_counted(an_episode, a_store, tmp_path: Path):
    segments = an_episode(0, turns=2).segments
    said = tuple(s for s in segments if s.kind != "action")
    acted = tuple(s for s in segments if s.kind == "action")
    long = (Segment(kind="prompt", ids=(1,) * 90, text=""), *acted)
    store = a_store(
        tmp_path / "store",
        [
            an_episode(1, reward=1.0),
            an_episode(2, end="fault", reward=0.0, fault="the game broke"),
            an_episode(3, segments=said),
            an_episode(4, segments=long),
            an_episode(5, segments=acted),
            an_episode(6, end="step_limit", reward=0.0),
            an_episode(7, end="token_limit", reward=0.0),
        ],
    )
    settings = replace(QUICK, max_tokens=80, epochs=1.0, held_out=0.0)
    card = train(sft(store, tmp_path / "a", train=settings))
    odd = {"fault": 1, "no actions": 1, "too long": 1, "no state before the first action": 1}
    assert card.data["left_out"] == odd
    assert card.data["episodes"] == 3
    won = train(sft(store, tmp_path / "b", train=replace(settings, won_only=True)))
    assert won.data["left_out"] == odd | {"lost": 2}
    assert (won.data["episodes"], won.data["won"]) == (1, 1)


def test_what_balancing_leaves_out_is_counted(store: Path, tmp_path: Path):
    settings = replace(QUICK, balance=1, epochs=1.0, held_out=0.0)
    card = train(sft(store, tmp_path / "a", train=settings))
    left_out, episodes = card.data["left_out"]["balance"], card.data["episodes"]
    assert left_out + episodes == 48
    assert 12 <= episodes <= 24


def test_an_episode_beyond_the_models_context_is_left_out_and_counted(
    bundles, an_episode, a_store, tmp_path: Path
):
    card = read_card(bundles[0].out)
    context = 20
    model = tmp_path / "short"

    def copied(folder: Path) -> None:
        load_policy(bundles[0].out / "policy").save_pretrained(folder / "policy")
        for path in (bundles[0].out / "tokenizer").iterdir():
            (folder / "tokenizer").mkdir(exist_ok=True)
            (folder / "tokenizer" / path.name).write_bytes(path.read_bytes())

    write_bundle(model, msgspec.structs.replace(card, max_context=context), "", copied)
    episodes = [an_episode(number) for number in range(20)]
    beyond = sum(e.tokens > context for e in episodes)
    assert 0 < beyond < 20
    run = sft(a_store(tmp_path / "store", episodes), tmp_path / "out", model=str(model))
    done = train(run)
    assert done.data["left_out"] == {"beyond the model's context": beyond}
    assert done.data["episodes"] == 20 - beyond


def test_a_model_that_can_read_none_of_the_episodes_is_told_with_the_ways_out(
    an_episode, a_store, tmp_path: Path
):
    long = an_episode(0, turns=4).segments
    long = (replace_ids(long[0], 4096), *long[1:])
    store = a_store(tmp_path / "store", [an_episode(0, segments=long)])
    run = sft(store, tmp_path / "agent", train=replace(QUICK, max_tokens=9999))
    with pytest.raises(DataError, match=r"all 1 episodes are longer.*context of 4096.*step limit"):
        train(run)
    assert list(tmp_path.iterdir()) == [store]


def replace_ids(segment: Segment, length: int) -> Segment:
    return Segment(kind=segment.kind, ids=segment.ids[:1] * length, text="")


@pytest.mark.parametrize(
    ("method", "changes", "message"),
    [
        ("sft", {"held_out": 0.0, "best": True}, r"no instance is held out; set train.held_out"),
        ("sft", {"held_out": 0.0, "patience": 2, "judge_every": 1}, "no instance is held out"),
        ("dpo", {"best": True}, r"of the held-out episodes: dpo compares.*or drop train.best"),
    ],
)
def test_the_best_of_figures_that_there_cannot_be_is_refused_at_once(
    an_episode, a_store, prompt, tmp_path: Path, method: str, changes: dict[str, Any], message: str
):
    held = [e.instance for e in split_of(an_episode, prompt, QUICK)]
    episodes = [an_episode(n) for n in range(48)]
    kept = [e for e in episodes if e.instance not in held or e.reward > 0.5]  # no pair among those
    store = a_store(tmp_path / "store", kept)
    run = sft(store, tmp_path / "agent", method=method, train=replace(QUICK, **changes))
    with pytest.raises((SettingError, DataError), match=message):
        train(run)
    assert list(tmp_path.iterdir()) == [store]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patience": 2}, "set judge_every too"),
        ({"keep": 0}, "keep must be at least 1"),
        ({"judge_every": -1}, "judge_every must not be negative"),
        ({"report_every": 0}, "report_every must be at least 1"),
    ],
)
def test_settings_of_the_loop_that_make_no_sense_are_refused(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        replace(QUICK, **changes)


def split_of(an_episode, prompt, settings: TrainSettings) -> list[Any]:
    """The episodes that such a run holds out."""
    tokens = [Tokens.of(an_episode(n)) for n in range(48)]
    return list(split(tokens, settings, prompt).held_out)


def test_a_loss_that_is_no_number_ends_the_command_with_the_way_out(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    taken = Trainer.gradients

    def broken(self: Trainer, step: int) -> tuple[int, float]:
        tokens, loss = taken(self, step)
        if step == 4:
            next(self.policy.parameters()).grad[0] = math.nan
        return tokens, loss

    monkeypatch.setattr(Trainer, "gradients", broken)
    asked = ["train", "--method", "sft", "--size", "32x1", "--data", str(store)]
    asked += ["--out", str(tmp_path / "agent"), "--set", "train.batch=8"]
    asked += ["--set", "train.checkpoint_every=3"]
    assert oreo(asked) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: step 5: the gradient of the policy is no number")
    assert "lower train.policy.lr" in said
    assert str(tmp_path / "agent.training" / "checkpoint-3") in said
    assert not (tmp_path / "agent").exists()
    monkeypatch.undo()
    assert oreo(asked) == 0
    assert read_card(tmp_path / "agent").method == "sft"


def test_a_disk_that_is_full_for_the_bundle_leaves_a_run_that_goes_on(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = sft(store, tmp_path / "agent")
    rows: list[dict[str, Any]] = []

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(training, "write_bundle", full)
    with pytest.raises(RecordError, match=r"agent cannot be written: .*No space.*goes on from"):
        train(run)
    monkeypatch.undo()
    card = train(run, rows.append)
    assert [row for row in rows if "policy_loss" in row] == []  # all was learned, nothing again
    assert card.metrics == train(replace(run, out=tmp_path / "calm")).metrics
    assert fingerprint(run.out) == fingerprint(tmp_path / "calm")


def test_nothing_to_learn_from_is_said_with_the_reasons(an_episode, a_store, tmp_path: Path):
    faults = [an_episode(n, end="fault", reward=0.0, fault="broke") for n in range(3)]
    store = a_store(tmp_path / "store", faults)
    with pytest.raises(DataError, match=r"no episode to learn from .*3 fault.*rollout"):
        train(sft(store, tmp_path / "agent"))
    told = [Segment(kind=s.kind, ids=(), text=s.text or "go") for s in an_episode(0).segments]
    alone = a_store(tmp_path / "texts", [an_episode(0, segments=tuple(told))])
    with pytest.raises(DataError, match=r"1 texts without tokens.*rollout --model FOLDER"):
        train(sft(alone, tmp_path / "agent"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "texts"]


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"method": "oero"}, SettingError, "no method is called 'oero'; did you mean 'oreo'"),
        ({"objective": {"betta": 1}}, SettingError, r"sft.betta: no such setting"),
        ({"method": "oreo", "objective": {"beta": -1.0}}, SettingError, "beta must be above 0"),
        ({"out": Path()}, SettingError, "'.' cannot be a bundle's folder; name another --out"),
        ({"size": "big"}, SettingError, "size 'big' is not understood"),
        ({"data": (Path("nowhere"),)}, RecordError, "nowhere"),
        ({"model": "nowhere"}, OreoError, "nowhere"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused_and_leaves_nothing(
    store: Path, tmp_path: Path, changes: dict[str, Any], kind: type[OreoError], message: str
):
    with pytest.raises(kind, match=message):
        train(replace(sft(store, tmp_path / "agent"), **changes))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("method", "objective"),
    [
        ("dpo", {}),
        ("oreo", {"level": "response", "value": "group-mean"}),
    ],
)
def test_episodes_that_a_method_cannot_compare_are_refused_and_nothing_is_left(
    an_episode, a_store, tmp_path: Path, method: str, objective: dict[str, Any]
):
    store = a_store(tmp_path / "one-each", [an_episode(number) for number in range(12)])
    run = sft(store, tmp_path / "agent", method=method, objective=objective)
    with pytest.raises(DataError, match="--repeats"):
        train(run)
    assert list(tmp_path.iterdir()) == [store]


@pytest.mark.parametrize(
    ("method", "objective", "kept"),
    [
        ("rejection", {}, False),
        ("dpo", {}, False),
        ("kto", {}, False),
        ("dqo", {}, True),
        ("oreo", {"level": "step", "kl": "k3"}, True),
        ("oreo", {"level": "response", "value": "first"}, False),
        ("oreo", {"level": "response", "value": "group-soft-mean"}, False),
        ("oreo", {"level": "response", "value": "logsumexp"}, False),
    ],
)
def test_every_method_learns_from_the_same_store_and_keeps_a_value_that_can_choose(
    store: Path, bundles, tmp_path: Path, method: str, objective: dict[str, Any], kept: bool
):
    quick = replace(QUICK, epochs=1.0, value_warmup=0.5)
    out = tmp_path / "agent"
    card = train(replace(bundles[1], out=out, method=method, objective=objective, train=quick))
    assert (card.method, card.has_value) == (method, kept)
    assert ((card.calibration is None), (card.trust is None)) == (not kept, not kept)
    assert (out / "value").exists() == kept
    before, after = (load_file(b / "policy" / "model.safetensors") for b in (bundles[0].out, out))
    assert any(not torch.equal(after[name], weight) for name, weight in before.items())


def test_episodes_of_another_tokenizer_are_refused(bundles, an_episode, tmp_path: Path, prompt):
    other = CompactPrompt(prompt.lexicon | {"words": [*prompt.lexicon["words"], "more"]})
    episode = an_episode(0, tokenizer=other.tokenizer_fingerprint)
    settings = {"tokenizer": other.tokenizer_fingerprint, "settings": other.settings()}
    with Store.create(tmp_path / "store", prompt=other.name, **settings) as store:
        store.append(episode)
    run = sft(tmp_path / "store", tmp_path / "agent", model=str(bundles[0].out))
    with pytest.raises(RecordError, match=r"hold ids of tokenizer.*collect with this model"):
        train(run)
    mixed = replace(run, data=(bundles[0].data[0], tmp_path / "store"))
    with pytest.raises(RecordError, match="different prompt formats or tokenizers"):
        train(mixed)


def test_v_learns_to_tell_won_from_lost_on_instances_that_it_has_not_seen(bundles, tmp_path: Path):
    settings = TrainSettings(
        value_warmup=15.0, epochs=0.0, batch=16, held_out=0.25,
        value=OptimiserSettings(lr=3e-3, muon=True, warmup=0.1),
    )  # fmt: skip
    rows: list[dict[str, Any]] = []
    card = train(replace(bundles[1], out=tmp_path / "agent", train=settings), rows.append)
    # the last den decides, and V at the end of the last reply has seen it
    assert card.metrics["last_won"] > card.metrics["last_lost"] + 0.2
    assert card.metrics["mse"] < 0.25


def test_a_frozen_value_stays_to_the_last_bit_while_the_policy_learns(bundles, tmp_path: Path):
    settings = replace(QUICK, freeze_value=True, value_warmup=0.0, epochs=1.0)
    run = replace(bundles[1], model=str(bundles[1].out), out=tmp_path / "b", train=settings)
    card = train(run)
    assert card.calibration is not None
    weights = {
        part: [load_file(out / part / "model.safetensors") for out in (bundles[1].out, run.out)]
        for part in ("policy", "value")
    }
    moved = {
        part: any(not torch.equal(before[name], after[name]) for name in before)
        for part, (before, after) in weights.items()
    }
    assert moved == {"policy": True, "value": False}


def test_a_value_that_is_not_there_cannot_be_frozen(bundles, tmp_path: Path):
    settings = replace(QUICK, freeze_value=True, value_warmup=0.0)
    run = replace(bundles[1], model=str(bundles[0].out), out=tmp_path / "b", train=settings)
    with pytest.raises(SettingError, match="freeze_value needs --model"):
        train(run)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="exclude each other"):
        replace(settings, value_warmup=1.0)


def test_a_value_goes_on_where_the_bundle_before_left_it(bundles, tmp_path: Path):
    still = replace(
        QUICK, epochs=0.1, policy=OptimiserSettings(lr=1e-12), value=OptimiserSettings(lr=1e-12)
    )
    run = replace(bundles[1], out=tmp_path / "more", model=str(bundles[1].out), train=still)
    train(run)
    before, after = (
        ValueNetwork.load(out / "value").state_dict() for out in (bundles[1].out, run.out)
    )
    for name, weight in before.items():
        torch.testing.assert_close(after[name], weight, atol=1e-4, rtol=0)


def test_on_a_cpu_repeatable_sums_are_asked_for_and_what_was_set_before_comes_back():
    """A difference would be too rare for a small run to show."""
    asked = torch.are_deterministic_algorithms_enabled
    before = asked()
    for device in ("cpu", "meta"):
        with repeatable(torch.device(device)):
            assert asked() == (device == "cpu" or before)
        assert asked() == before
        assert torch.utils.deterministic.fill_uninitialized_memory
