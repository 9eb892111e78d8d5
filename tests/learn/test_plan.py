"""What a dry run tells is what the run then does, and nothing is written for it."""

import json
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import pytest
import torch

from oreo_agent.cli import run as oreo
from oreo_agent.errors import BundleError, DataError, OreoError, RecordError, SettingError
from oreo_agent.learn.plan import Memory, activations, memory, plan
from oreo_agent.learn.settings import LoraSettings, OptimiserSettings, TrainRun, TrainSettings
from oreo_agent.learn.train import Ready, prepare, train
from oreo_agent.learn.trainer import Trainer
from oreo_agent.model.bundle import read_card

MUON = OptimiserSettings(lr=1e-3, muon=True)
ADAM = OptimiserSettings(lr=1e-3)


@pytest.fixture(scope="module")
def store(an_episode, a_store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores") / "episodes"
    faults = [an_episode(n, end="fault", reward=0.0, fault="broke") for n in (90, 91)]
    return a_store(folder, [an_episode(number) for number in range(40)] + faults)


@pytest.fixture(scope="module")
def bundle(store: Path) -> Path:
    run = TrainRun(
        method="oreo", data=(store,), out=store.with_name("b"), size="32x1",
        train=TrainSettings(batch=20),
    )  # fmt: skip
    train(run)
    return run.out


RUNS: dict[str, dict[str, Any]] = {
    "oreo": {"value_warmup": 1.0, "policy": MUON, "value": ADAM},
    "dpo": {"policy": ADAM, "normalise": "token"},
    "sft": {"policy": MUON, "dtype": "bfloat16"},
    "value alone": {"value_warmup": 1.0, "epochs": 0.0, "value": MUON},
    "frozen": {"freeze_value": True, "policy": ADAM},
}


@pytest.fixture(params=list(RUNS))
def asked(request: pytest.FixtureRequest, store: Path, bundle: Path, tmp_path: Path) -> TrainRun:
    told = TrainSettings(**({"epochs": 2.0, "batch": 6, "held_out": 0.3} | RUNS[request.param]))
    method = request.param if request.param in ("dpo", "sft") else "oreo"
    run = TrainRun(method=method, data=(store,), out=tmp_path / "agent", size="64x2", train=told)
    return replace(run, model=str(bundle)) if request.param == "frozen" else run


def test_a_plan_is_what_the_run_then_does(asked: TrainRun, tmp_path: Path):
    found = plan(asked)
    assert found is not None
    assert list(tmp_path.iterdir()) == []
    rows: list[dict[str, Any]] = []
    card = train(replace(asked, train=replace(asked.train, report_every=1)), rows.append)
    steps = [row for row in rows if "tokens_per_second" in row]
    assert found.warm_steps + found.steps == len(steps) == rows[0]["steps"]
    assert found.warm_steps == sum("policy_loss" not in row for row in steps)
    assert (found.episodes, found.won) == (card.data["episodes"], card.data["won"])
    assert found.left_out == card.data["left_out"] == {"fault": 2}
    if card.has_value:
        assert found.held_out == card.metrics["episodes"]
    assert found.done == 0
    assert plan(asked) is None  # it is there now


class Counting:
    """What a trainer really holds: bytes of weights, gradients, optimisers' state and graphs."""

    def __init__(self, trainer: Trainer) -> None:
        self.graph = 0
        for step in range(trainer.steps):
            saved: dict[int, int] = {}
            kept: list[torch.Tensor] = []

            def keep(
                tensor: torch.Tensor,
                saved: dict[int, int] = saved,
                kept: list[torch.Tensor] = kept,
            ) -> torch.Tensor:
                kept.append(tensor)  # or its place would be given to the next one
                saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
                return tensor

            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                trainer.gradients(step)
            nets = [trainer.policy, trainer.value, trainer.reference]
            weights = {
                tensor.data_ptr(): tensor
                for net in nets
                if net is not None
                for tensor in (*net.parameters(), *net.buffers())
            }
            self.graph = max(self.graph, sum(n for at, n in saved.items() if at not in weights))
            self.gradients = sum(w.grad.nbytes for w in weights.values() if w.grad is not None)
            self.weights = sum(weight.nbytes for weight in weights.values())
            for name, index in trainer.due(step).items():
                trainer.movers[name].step(index)
        self.optimiser = sum(
            tensor.nbytes
            for mover in trainer.movers.values()
            for tensor in mover.tensors().values()
        )


def test_the_memory_of_weights_gradients_and_optimisers_is_what_tensors_then_take(asked: TrainRun):
    ready = prepare(asked)
    assert isinstance(ready, Ready)
    told = memory(ready.trainer)
    real = Counting(ready.trainer)
    assert told.weights == real.weights
    assert told.gradients == real.gradients
    assert told.optimiser == real.optimiser
    assert told.total == sum((told.weights, told.gradients, told.optimiser, told.activations))


@pytest.mark.parametrize("micro_tokens", [100, 10_000])
def test_activations_are_told_within_a_factor_of_two(
    store: Path, tmp_path: Path, micro_tokens: int
):
    told = TrainSettings(batch=10, micro_tokens=micro_tokens)
    run = TrainRun(method="oreo", data=(store,), out=tmp_path / "a", size="128x4", train=told)
    ready = prepare(run)
    assert isinstance(ready, Ready)
    rough = activations(ready.trainer)
    real = Counting(ready.trainer).graph
    assert real / 2 < rough < real * 2


def test_what_a_checkpoint_has_is_told(asked: TrainRun):
    def stop(row: dict[str, Any]) -> None:
        if row["step"] == 3:
            raise KeyboardInterrupt

    often = replace(asked, train=replace(asked.train, report_every=1, checkpoint_every=1))
    with pytest.raises(KeyboardInterrupt):
        train(often, stop)
    before = sorted(asked.out.parent.rglob("*"))
    assert (found := plan(asked)) is not None
    assert found.done == 2
    assert (anew := plan(replace(asked, overwrite=True))) is not None
    assert anew.done == 0
    assert sorted(asked.out.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"method": "oero"}, SettingError, "did you mean 'oreo'"),
        ({"size": "big"}, SettingError, "size 'big'"),
        ({"size": "100000000x3"}, SettingError, "size '100000000x3' has more than"),
        ({"size": "64x999999999"}, SettingError, "size '64x999999999' has more than"),
        ({"objective": {"observations": nan}}, SettingError, "sft.observations: wants a finite"),
        ({"data": (Path("nowhere"),)}, RecordError, "nowhere"),
        ({"method": "dpo", "train": TrainSettings(won_only=True)}, DataError, "no such pair"),
        ({"tracker": ("wadb",)}, SettingError, "did you mean 'wandb'"),
        ({"model": "nowhere"}, OreoError, "nowhere"),
    ],
)
def test_a_dry_run_refuses_what_the_run_would(
    store: Path, tmp_path: Path, changes: dict[str, Any], kind: type[OreoError], message: str
):
    run = TrainRun(method="sft", data=(store,), out=tmp_path / "a", size="32x1")
    with pytest.raises(kind, match=message):
        plan(replace(run, **changes))
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_refuses_a_place_that_is_taken(store: Path, bundle: Path, tmp_path: Path):
    (tmp_path / "a.training").mkdir()
    (tmp_path / "a.training" / "notes.txt").write_text("years of work")
    run = TrainRun(method="sft", data=(store,), out=tmp_path / "a", size="32x1")
    with pytest.raises(SettingError, match="not made by a training run"):
        plan(run)
    with pytest.raises(SettingError, match="another run"):
        plan(replace(run, out=bundle))
    (tmp_path / "b").mkdir()
    with pytest.raises(BundleError, match="is no bundle"):
        plan(replace(run, out=tmp_path / "b", overwrite=True))


def test_the_command_tells_the_plan_in_words_and_as_json(
    store: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    asked = ["train", "--dry-run", "--method", "oreo", "--data", str(store), "--size", "32x1"]
    asked += ["--set", "train.value_warmup=1", "--set", "train.batch=6"]
    assert oreo([*asked, "--out", str(tmp_path / "a"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["finished"] is False
    assert told["left_out"] == {"fault": 2}
    assert told["networks"]["reference"]["trained"] == 0
    assert told["networks"]["value"]["trained"] == told["networks"]["value"]["parameters"]
    parts = Memory(**told["memory"])
    assert told["total_memory"] == parts.total > 0
    assert oreo([*asked, "--out", str(tmp_path / "a")]) == 0
    said = capsys.readouterr().out
    for words in (
        f"40: {told['won']} won, {40 - told['won']} lost",
        "2 (fault)",
        f"{told['units']:,} units, {told['tokens_per_epoch']:,} tokens",
        f"{told['warm_steps']} of the value alone, then {told['steps']}",
        f"{told['networks']['policy']['parameters']:,}",
        f"{parts.total / 2**20:,.1f}",
        "nothing was written",
    ):
        assert words in said
    assert list(tmp_path.iterdir()) == []
    same = ["train", "--dry-run", "--method", "oreo", "--data", str(store), "--size", "32x1"]
    assert oreo([*same, "--set", "train.batch=20", "--out", str(bundle)]) == 0
    assert "nothing would run" in capsys.readouterr().out
    assert read_card(bundle).method == "oreo"


@pytest.mark.parametrize(("mode", "more"), [("value-lora", 1), ("shared", 0)])
def test_over_a_frozen_model_only_adapters_and_the_head_count_as_trained(
    store: Path, tmp_path: Path, mode: Any, more: int
):
    settings = TrainSettings(batch=20, networks=mode, lora=LoraSettings(rank=2))
    found = plan(
        TrainRun(method="oreo", data=(store,), out=tmp_path / "out", size="32x1", train=settings)
    )
    assert found is not None
    policy, value, reference = (found.networks[n] for n in ("policy", "value", "reference"))
    assert reference.trained == 0
    assert 0 < value.trained < value.parameters
    assert (policy.trained > value.trained) == bool(more)
    if not more:
        assert value.trained == policy.trained + 33  # a head of 32 weights and a bias
