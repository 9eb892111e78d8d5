"""A training run that is killed or stopped anywhere ends with the weights of one that was not."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from two_processes import by_two

from oreo_agent.cli import run as oreo
from oreo_agent.errors import Stopped
from oreo_agent.learn.settings import LoraSettings, OptimiserSettings, TrainSettings
from oreo_agent.learn.train import TrainRun, train

STEPS = 24
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runs(an_episode, a_store, tmp_path_factory: pytest.TempPathFactory):
    """The same OREO run, with relabelling and a warm-up of the value, undisturbed and killed."""
    folder = tmp_path_factory.mktemp("resume")
    store = a_store(folder / "episodes", [an_episode(number) for number in range(40)])
    moved = OptimiserSettings(lr=3e-3, muon=True)
    settings = TrainSettings(
        epochs=5.0, value_warmup=1.0, batch=10, held_out=0.0, relabel=True, checkpoint_every=3,
        report_every=1, policy=moved, value=moved,
    )  # fmt: skip
    run = TrainRun(method="oreo", data=(store,), size="32x1", out=folder / "calm", train=settings)
    rows: list[int] = []
    train(run, lambda row: rows.append(row["step"]))
    assert rows == list(range(1, STEPS + 1))
    return run, replace(run, out=folder / "killed")


def steps_until_killed(run: TrainRun, reports: int | None) -> list[int]:
    """Steps that a training process reports before it is killed after so many, or to its end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["oreo_agent.learn.train", "oreo_agent.learn.objectives.oreo"])
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=train, args=(run, there.send))
    process.start()
    there.close()
    steps: list[int] = []
    with suppress(EOFError):
        while True:
            steps.append(here.recv()["step"])
            if len(steps) == reports:
                process.kill()
    process.join()
    assert process.exitcode == (0 if reports is None else -signal.SIGKILL)
    return steps


def assert_same_bundle(first: Path, second: Path) -> None:
    """To the last bit, but for how long it took."""
    for part in ("policy", "value"):
        mine = load_file(first / part / "model.safetensors")
        theirs = load_file(second / part / "model.safetensors")
        assert mine.keys() == theirs.keys()
        for name, weight in mine.items():
            assert weight.equal(theirs[name]), f"{part} {name}"
    assert (first / "bundle.json").read_bytes() == (second / "bundle.json").read_bytes()
    assert lines(first) == lines(second)


def lines(bundle: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (bundle / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "tokens_per_second"} for row in rows]


def test_a_run_that_was_killed_twice_ends_with_the_same_weights_bit_for_bit(runs):
    calm, killed = (run.out for run in runs)
    rng = Random(2412)
    reached = 0
    for _ in range(2):
        steps = steps_until_killed(runs[1], rng.randint(4, 8))
        # each attempt goes on from a checkpoint, the last or (killed before it was whole) the one
        # before it, and not from the beginning
        assert steps[0] % 3 == 1
        assert steps[0] > reached - 3
        assert steps == list(range(steps[0], steps[0] + len(steps)))
        reached = max(reached, steps[-1])
        assert not killed.exists()
    assert steps_until_killed(runs[1], None)[-1] == STEPS
    assert_same_bundle(calm, killed)
    assert [row["step"] for row in lines(killed)] == list(range(1, STEPS + 1))
    assert sorted(p.name for p in killed.parent.iterdir()) == ["calm", "episodes", "killed"]


@pytest.fixture(scope="module")
def judged(runs: tuple[TrainRun, TrainRun]) -> TrainRun:
    """The same, with held-out instances, the best weights kept, and patience."""
    told = replace(
        runs[0].train, held_out=0.3, judge_every=2, best=True, patience=5, keep=2, epochs=10.0
    )
    run = replace(runs[0], out=runs[0].out.with_name("judged"), train=told)
    train(run)
    return run


def command(run: TrainRun) -> list[str]:
    """The arguments that stand for it."""
    told = asdict(run.train)
    nets = {
        f"{net}.{name}": value
        for net in ("policy", "value", "lora")
        for name, value in told.pop(net).items()
    }
    words = ["train", "--method", run.method, "--size", run.size, "--out", str(run.out)]
    words += ["--data", str(run.data[0])]
    for name, value in (told | nets).items():
        words += ["--set", f"train.{name}={json.dumps(value)}"]
    return words


def stopping(number: int, at: int) -> Callable[[dict[str, Any]], None]:
    """A report in which a signal comes after step ``at``; it is answered after the next one."""

    def report(row: dict[str, Any]) -> None:
        if row["step"] == at and "held_out" not in row:
            signal.raise_signal(number)

    return report


def test_the_best_weights_are_the_same_however_often_the_run_was_stopped(
    judged: TrainRun, tmp_path: Path
):
    told = lines(judged.out)
    figures = {row["step"]: row["held_out"]["value_residual"] for row in told if "held_out" in row}
    counted = {step: figure for step, figure in figures.items() if step > 3}  # after the warm-up
    best = min(counted, key=lambda step: counted[step])
    metrics = json.loads((judged.out / "bundle.json").read_text())["metrics"]
    assert (metrics["best_step"], metrics["best_by"]) == (best, "value_residual")
    assert metrics["value_residual"] == counted[best]
    assert metrics.get("stopped_early") in (None, best + 10)  # patience times judge_every
    again = replace(judged, out=tmp_path / "again")
    for at in (1, 4, 7, best - 1, best, best + 3):
        with suppress(Stopped):
            train(again, stopping(signal.SIGTERM, at))
    train(again)
    assert_same_bundle(judged.out, again.out)
    assert not (tmp_path / "again.training").exists()


@pytest.mark.parametrize("mode", ["value-lora", "shared", "trunk"])
def test_adapters_go_on_bit_for_bit_too(runs: tuple[TrainRun, TrainRun], mode: str):
    told = replace(
        runs[0].train, networks=mode, lora=LoraSettings(rank=2), value_dropout=0.2, epochs=1.0
    )
    calm = replace(runs[0], train=told, out=runs[0].out.with_name(f"calm-{mode}"))
    stopped = replace(calm, out=runs[0].out.with_name(f"stopped-{mode}"))
    train(calm)
    for at in (3, 5):
        with pytest.raises(Stopped):
            train(stopped, stopping(signal.SIGTERM, at))
    train(stopped)
    assert_same_bundle(calm.out, stopped.out)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_command_says_where_it_is_and_the_same_command_goes_on(
    runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch, number: int, code: int
):
    calm, arguments = runs[0], command(replace(runs[0], out=tmp_path / "agent"))
    from oreo_agent.learn import train as training

    def stopped_train(run: TrainRun, report: Any) -> Any:
        return train(run, stopping(number, 7))

    monkeypatch.setattr(training, "train", stopped_train)
    assert oreo(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.splitlines()[-1]
    assert last.startswith(f"stopped by {signal.Signals(number).name} after step 7 of {STEPS}")
    assert last.endswith("run the same command again and it goes on from here")
    assert not (tmp_path / "agent").exists()
    monkeypatch.undo()
    assert oreo(arguments) == 0
    assert capsys.readouterr().err.startswith("step 8 ")
    assert_same_bundle(calm.out, tmp_path / "agent")


def training(run: TrainRun, at: int | None) -> str:
    """What becomes of one of two processes; the second is asked to stop after a step."""
    from oreo_agent.learn.trainer import Trainer

    taken = Trainer.gradients

    def gradients(self: Trainer, step: int) -> tuple[int, float]:
        if os.environ["RANK"] == "1" and step == at:
            signal.raise_signal(signal.SIGTERM)
        return taken(self, step)

    Trainer.gradients = gradients
    try:
        train(run)
    except Stopped as stopped:
        return str(stopped)
    return "finished"


@pytest.mark.parametrize("shard", ["none", "zero3"])
def test_of_two_processes_one_is_asked_to_stop_and_both_do_and_two_or_one_go_on(
    runs, tmp_path: Path, shard: str
):
    told = replace(runs[0].train, epochs=2.0)
    if shard != "none":
        moved = replace(told.policy, muon=False)
        told = replace(told, policy=moved, value=moved, shard=shard)
    calm = replace(runs[0], out=tmp_path / "calm", train=told)
    assert by_two(training, calm, None) == ["finished"] * 2
    stopped = replace(calm, out=tmp_path / "stopped")
    for said in by_two(training, stopped, 6):
        assert said.startswith("stopped by SIGTERM after step 7 of 12")
    assert not stopped.out.exists()
    shutil.copytree(f"{stopped.out}.training", tmp_path / "alone.training")
    assert by_two(training, stopped, None) == ["finished"] * 2
    assert_same_bundle(calm.out, stopped.out)
    train(replace(calm, out=tmp_path / "alone"))
    for part in ("policy", "value"):
        mine, theirs = (
            load_file(tmp_path / name / part / "model.safetensors") for name in ("calm", "alone")
        )
        for name, weight in mine.items():
            torch.testing.assert_close(theirs[name], weight, atol=1e-4, rtol=1e-3, msg=name)


@pytest.mark.slow
def test_ten_random_kills_of_the_real_command_change_no_bit(judged: TrainRun, tmp_path: Path):
    calm = replace(
        judged,
        out=tmp_path / "calm",
        train=replace(judged.train, epochs=40.0, patience=0, checkpoint_every=2),
    )
    train(calm)
    killed = replace(calm, out=tmp_path / "killed")
    paths = os.pathsep.join([str(ROOT), str(ROOT / "envs"), str(ROOT / "tasks")])
    rng = Random(10)
    kills = 0
    while True:
        process = subprocess.Popen(
            [sys.executable, "-m", "oreo_agent", *command(killed)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
            text=True,
        )
        assert process.stderr is not None
        said = process.stderr.readline()  # it has begun
        if kills < 10:
            # anywhere in the next steps, also while a state is being written
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=rng.uniform(0.0, 0.3))
            process.kill()
        said += process.stderr.read()
        process.stderr.close()
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL, said
        kills += 1
    assert kills == 10
    assert_same_bundle(calm.out, killed.out)
