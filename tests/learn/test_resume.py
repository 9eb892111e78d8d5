"""A training run that is killed anywhere ends with the weights of one that was not."""

import json
import multiprocessing
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import load_file

from oreo_agent.errors import RecordError
from oreo_agent.learn.checkpoint import load_checkpoint, save_checkpoint
from oreo_agent.learn.optimisers import Mover
from oreo_agent.learn.settings import OptimiserSettings, TrainSettings
from oreo_agent.learn.train import TrainRun, train

STEPS = 24


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


def test_a_run_that_was_killed_five_times_ends_with_the_same_weights_bit_for_bit(runs):
    calm, killed = (run.out for run in runs)
    rng = Random(2412)
    reached = 0
    for _ in range(5):
        steps = steps_until_killed(runs[1], rng.randint(2, 5))
        # each attempt goes on from a checkpoint, the last or (killed before it was whole) the one
        # before it, and not from the beginning
        assert steps[0] % 3 == 1
        assert steps[0] > reached - 3
        assert steps == list(range(steps[0], steps[0] + len(steps)))
        reached = max(reached, steps[-1])
        assert not killed.exists()
    assert steps_until_killed(runs[1], None)[-1] == STEPS
    for part in ("policy", "value"):
        first = load_file(calm / part / "model.safetensors")
        second = load_file(killed / part / "model.safetensors")
        assert first.keys() == second.keys()
        for name, weight in first.items():
            assert weight.equal(second[name]), f"{part} {name}"
    assert (calm / "bundle.json").read_bytes() == (killed / "bundle.json").read_bytes()
    assert sorted(p.name for p in killed.parent.iterdir()) == ["calm", "episodes", "killed"]


def test_each_step_is_told_once_in_the_metrics_and_with_the_same_figures(runs):
    calm, killed = (run.out for run in runs)
    found: list[list[dict[str, float]]] = []
    for folder in (calm, killed):
        rows = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
        assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
        found.append([{k: v for k, v in r.items() if k != "tokens_per_second"} for r in rows])
    assert found[0] == found[1]


@pytest.mark.parametrize("left", ["checkpoint.old", "checkpoint"])
def test_a_checkpoint_that_was_being_replaced_is_found(tmp_path: Path, left: str):
    def fresh() -> tuple[dict[str, torch.nn.Module], dict[str, Mover]]:
        network = torch.nn.Linear(2, 2)
        return {"policy": network}, {"policy": Mover(network, OptimiserSettings(lr=0.1), 10)}

    networks, movers = fresh()
    networks["policy"](torch.ones(1, 2)).sum().backward()
    movers["policy"].step(0)
    save_checkpoint(tmp_path / "checkpoint", 7, networks, movers)
    (tmp_path / "checkpoint").rename(tmp_path / left)
    (tmp_path / "checkpoint.making").mkdir()
    others, other_movers = fresh()
    assert load_checkpoint(tmp_path / "checkpoint", others, other_movers) == 7
    for name, weight in networks["policy"].state_dict().items():
        assert weight.equal(others["policy"].state_dict()[name])
    for name, state in movers["policy"].tensors().items():
        assert state.equal(other_movers["policy"].tensors()[name])
    save_checkpoint(tmp_path / "checkpoint", 8, others, other_movers)
    assert load_checkpoint(tmp_path / "checkpoint", *fresh()) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("damage", ["state.json", "policy.safetensors", "random.safetensors"])
def test_a_damaged_checkpoint_is_named_with_the_remedy(tmp_path: Path, damage: str):
    save_checkpoint(tmp_path / "checkpoint", 7, {"policy": torch.nn.Linear(2, 2)}, {})
    (tmp_path / "checkpoint" / damage).write_bytes(b"{")
    with pytest.raises(RecordError, match=r"cannot be read.*remove it to start anew"):
        load_checkpoint(tmp_path / "checkpoint", {"policy": torch.nn.Linear(2, 2)}, {})


def test_a_checkpoint_of_other_networks_is_refused(tmp_path: Path):
    save_checkpoint(tmp_path / "checkpoint", 7, {"policy": torch.nn.Linear(2, 2)}, {})
    for other in (torch.nn.Linear(3, 2), torch.nn.Sequential(torch.nn.Linear(2, 2))):
        with pytest.raises(RecordError, match="checkpoint"):
            load_checkpoint(tmp_path / "checkpoint", {"policy": other}, {})
