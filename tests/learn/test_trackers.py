"""Trackers hear what is reported, decide nothing, and are missed before anything is learned."""

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from oreo_agent.cli import run as oreo
from oreo_agent.errors import SettingError
from oreo_agent.learn.settings import OptimiserSettings, TrainRun, TrainSettings
from oreo_agent.learn.trackers import TRACKERS, Tracked, check_trackers, numbers, watched
from oreo_agent.learn.train import train
from oreo_agent.model.bundle import fingerprint, read_card

FAKE = """
import json, random, torch
from pathlib import Path

TOLD = Path(__file__).with_suffix(".jsonl")
FAULT = Path(__file__).with_suffix(".fault")


def tell(**what):
    torch.rand(3), random.random()  # a guest that disturbs what it can
    if FAULT.exists() and FAULT.read_text() == what["what"]:
        raise RuntimeError("no connection")
    with TOLD.open("a") as file:
        file.write(json.dumps(what) + "\\n")


class Run:
    def log(self, figures, step=None):
        tell(what="log", step=step, figures=figures)

    def finish(self):
        tell(what="finish")


def init(**told):
    tell(what="init", **told)
    return Run()
"""
SETTINGS = TrainSettings(
    epochs=2.0, batch=8, held_out=0.25, report_every=2, policy=OptimiserSettings(lr=3e-3)
)


@pytest.fixture(scope="module")
def plain(an_episode, a_store, tmp_path_factory: pytest.TempPathFactory) -> TrainRun:
    """A run that nobody watches, finished."""
    folder = tmp_path_factory.mktemp("plain")
    store = a_store(folder / "episodes", [an_episode(number) for number in range(24)])
    run = TrainRun(method="sft", data=(store,), size="32x1", out=folder / "agent", train=SETTINGS)
    train(run)
    return run


class Guest:
    """A made-up package of that name, and what it was told."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.module = folder / f"{name}.py"
        self.module.write_text(FAKE)

    def breaks_at(self, what: str) -> None:
        self.module.with_suffix(".fault").write_text(what)

    @property
    def told(self) -> list[dict[str, Any]]:
        text = self.module.with_suffix(".jsonl")
        return [json.loads(x) for x in text.read_text().splitlines()] if text.exists() else []


@pytest.fixture(params=["wandb", "trackio"])
def guest(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Guest]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, request.param, raising=False)
    yield Guest(tmp_path, request.param)
    sys.modules.pop(request.param, None)


def test_what_is_reported_is_told_in_order_and_the_weights_are_the_same(
    plain: TrainRun, guest: Guest, tmp_path: Path
):
    rows: list[dict[str, Any]] = []
    run = replace(plain, out=tmp_path / "agent", tracker=(guest.name,))
    train(run, rows.append)
    first, *logs, last = guest.told
    assert (first["what"], first["project"]) == ("init", "oreo-agent")
    assert "agent" in first["name"]
    assert first["config"]["train"]["policy"]["lr"] == 3e-3
    assert first["config"]["objective"] == {"observations": 0.0, "answers": 0.0}
    assert last == {"what": "finish"}
    assert [log["step"] for log in logs] == [row["step"] for row in rows]
    assert logs[0]["figures"]["nll"] == rows[0]["nll"]
    assert logs[-1]["figures"]["held_out/nll"] == rows[-1]["held_out"]["nll"]
    assert fingerprint(run.out) == fingerprint(plain.out)


def test_a_run_is_the_same_run_whoever_watches(plain: TrainRun, guest: Guest):
    assert train(replace(plain, tracker=(guest.name,))) == read_card(plain.out)
    assert guest.told == []


def test_a_tracker_that_fails_on_the_way_costs_a_line_and_not_the_run(
    plain: TrainRun, guest: Guest, tmp_path: Path
):
    guest.breaks_at("log")
    rows: list[dict[str, Any]] = []
    run = replace(plain, out=tmp_path / "agent", tracker=(guest.name,))
    train(run, rows.append)
    faults = [row["tracker"] for row in rows if "tracker" in row]
    assert faults == [f"{guest.name} failed and is left out: no connection"]
    assert run.out.exists()
    assert [told["what"] for told in guest.told] == ["init"]


def test_a_tracker_that_cannot_begin_stops_the_run_before_anything_is_learned(
    plain: TrainRun, guest: Guest, tmp_path: Path
):
    guest.breaks_at("init")
    rows: list[dict[str, Any]] = []
    run = replace(plain, out=tmp_path / "agent", tracker=(guest.name,))
    with pytest.raises(SettingError, match=rf"'{guest.name}' cannot begin: no connection"):
        train(run, rows.append)
    assert rows == []
    assert not run.out.exists()


def test_the_run_is_over_for_a_tracker_also_when_it_breaks_off(guest: Guest, tmp_path: Path):
    about = Tracked(name="a", identity="b", folder=tmp_path, settings={})

    def broken() -> None:
        with watched(lambda _: None, (guest.name,), about) as tell:
            tell({"step": 1, "loss": 2.0})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert [told["what"] for told in guest.told] == ["init", "log", "finish"]


@pytest.mark.parametrize("name", TRACKERS.names())
def test_a_package_that_is_not_there_is_named_with_the_command_that_installs_it(
    plain: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], name: str,
):  # fmt: skip
    if find_spec(name) is not None:
        pytest.skip(f"{name} is installed here")
    (tmp_path / name).mkdir()  # a folder that the package itself would leave is not the package
    monkeypatch.syspath_prepend(tmp_path)
    given = ["train", "--data", str(plain.data[0]), "--method", "sft", "--tracker", name]
    assert oreo([*given, "--out", str(tmp_path / "agent")]) == 2
    said = capsys.readouterr().err
    assert said == f"error: tracker {name!r} needs the package {name}, which is not installed: " \
        f"pip install {name}\n"  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_mistyped_tracker_is_answered_with_the_nearest():
    with pytest.raises(SettingError, match="did you mean 'wandb'"):
        check_trackers(["wanbd"])


def test_figures_are_flat_and_numbers():
    row = {"step": 3, "steps": 9, "loss": 0.5, "held_out": {"auc": math.nan, "n": 4}, "said": "x"}
    found = numbers(row)
    assert math.isnan(found.pop("held_out/auc"))
    assert found == {"loss": 0.5, "held_out/n": 4}


def test_tensorboard_writes_beside_the_bundle(plain: TrainRun, tmp_path: Path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    rows: list[dict[str, Any]] = []
    run = replace(plain, out=tmp_path / "agent", tracker=("tensorboard",))
    train(run, rows.append)
    events = EventAccumulator(str(tmp_path / "agent.tensorboard"))
    events.Reload()
    told = {event.step: event.value for event in events.Scalars("nll")}
    assert told == pytest.approx({row["step"]: row["nll"] for row in rows if "nll" in row})
    assert events.Scalars("held_out/nll")[0].value == pytest.approx(rows[-1]["held_out"]["nll"])
