"""A run says when its own figures speak of trouble, once, and what to do."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oreo_agent.learn.settings import OptimiserSettings, TrainRun, TrainSettings
from oreo_agent.learn.train import train
from oreo_agent.learn.warnings import met, thin, trouble

FINE = {"spread": 0.2, "auc_75": 0.9, "mse": 0.1}


def report(**figures: float) -> dict[str, Any]:
    calm = {"v_first_won": 0.5, "v_last_lost": 0.1, "entropy": 1.0, "ratio_won": 0.5}
    return {"tokens_per_second": 1.0, "value_mse": 0.1, **calm, **figures}


@pytest.mark.parametrize(
    ("rows", "kind", "words"),
    [
        ([{"held_out": FINE | {"spread": 0.001, "auc_75": 0.52}}], "collapsed", "train.value.lr"),
        ([report(value_mse=0.01), {"held_out": FINE}], "memorises", "train.best=true"),
        ([report(v_first_won=1.4)] * 3, "unbounded", "a mean of 1.40"),
        ([report(v_last_lost=-0.3)] * 3, "unbounded", "objective.alpha"),
        ([report(), report(entropy=0.01)], "certain", "from 1.000 to 0.010"),
        ([report(ratio_won=-5.0, data_mass=0.25)] * 3, "leaves", "-5.0 now (25% of it"),
    ],
)
def test_each_kind_of_trouble_is_told_once_with_its_figures_and_a_remedy(
    rows: list[dict[str, Any]], kind: str, words: str
):
    found = trouble(rows)
    assert list(found) == [kind]
    assert words in found[kind]
    assert trouble([*rows, {"warning": found[kind], "kind": kind}, rows[-1]]) == {}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [report(), {"held_out": FINE}],
        [report(v_first_won=1.4), report(), report(v_first_won=1.4)],
        [report(ratio_won=-5.0)] * 2,
        [{"held_out": {"nll": 1.0, "episodes": 1, "auc_75": None, "spread": 0.0, "mse": None}}],
        [{"tokens_per_second": 1.0, "nll": 0.4, "entropy": 0.2}] * 4,
        [{"held_out": FINE | {"spread": 0.001}}],
        [report(value_mse=0.001), {"held_out": FINE | {"mse": 0.01}}],
    ],
)
def test_chance_and_missing_figures_are_no_trouble(rows: list[dict[str, Any]]):
    assert trouble(rows) == {}


@pytest.mark.parametrize(
    ("episodes", "won", "words"),
    [
        (600, 7, "593 of 600 episodes were lost: how the other 7 differ"),
        (600, 17, "imitate an expert for longer"),
        (600, 583, "583 of 600 episodes were won: how the other 17 differ"),
        (600, 1, "599 of 600 episodes were lost: how the other one differs can hardly"),
        (8, 0, "all 8 episodes were lost: there is nothing to tell them from. To learn"),
        (600, 600, "take harder instances before you collect"),
        (12, 6, "hardly be learned from so few. To learn from outcomes raise --episodes"),
    ],
)
def test_episodes_that_nearly_all_ended_alike_are_told_with_a_remedy(episodes, won, words):
    assert words in thin(episodes, won)


@pytest.mark.parametrize(("episodes", "won"), [(600, 18), (600, 582), (20, 10), (20_000, 5_000)])
def test_enough_of_both_is_no_trouble(episodes, won):
    assert thin(episodes, won) == ""


def test_only_what_learns_from_outcomes_says_so(run: TrainRun, a_store: Any, an_episode: Any):
    store = a_store(
        run.out.parent / "thin", [an_episode(i, reward=float(i == 0)) for i in range(9)]
    )
    thin_run = replace(
        run, data=(store,), size="32x1", train=TrainSettings(epochs=1.0, value_warmup=1.0, batch=4)
    )
    rows: list[dict[str, Any]] = []
    train(thin_run, rows.append)
    assert [row["kind"] for row in rows if "warning" in row] == ["thin"]
    rows.clear()
    train(replace(thin_run, method="sft", out=run.out.parent / "sft"), rows.append)
    assert not any("warning" in row for row in rows)


def test_a_value_that_may_know_its_judges_is_told_of(run: TrainRun, a_store: Any, an_episode: Any):
    store = a_store(
        run.out.parent / "many", [an_episode(i, reward=float(i % 2)) for i in range(20)]
    )
    first = replace(
        run,
        data=(store,),
        size="32x1",
        train=TrainSettings(epochs=0.0, value_warmup=1.0, batch=10, held_out=0.5, seed=3),
    )
    assert "met" not in told(first)
    again = replace(first, model=str(first.out), out=run.out.parent / "again")
    assert "met" not in told(again)
    settings = replace(first.train, seed=4)
    said = told(replace(again, train=settings, out=run.out.parent / "other"))["met"]
    assert "trained with seed 3 and train.held_out 0.5" in said
    assert "take --seed 3 and train.held_out=0.5 again" in said


@pytest.mark.parametrize(("unsure", "words"), [(0, ""), (3, "did not hold out 3 of the 8")])
def test_judges_that_were_set_apart_before_too_are_no_trouble(unsure: int, words: str):
    found = met(8, unsure, 1, 0.1)
    assert words in found if words else found == ""


def told(run: TrainRun) -> dict[str, str]:
    rows: list[dict[str, Any]] = []
    train(run, rows.append)
    written = (run.out / "metrics.jsonl").read_text().splitlines()
    assert sum("warning" in json.loads(line) for line in written) == sum(
        "warning" in r for r in rows
    )
    return {row["kind"]: row["warning"] for row in rows if "warning" in row}


@pytest.fixture
def run(an_episode: Any, a_store: Any, tmp_path: Path) -> TrainRun:
    """V alone learns from outcomes that nothing foretells."""
    episodes = [
        an_episode(i, turns=4, instance=f"dens/{i}", reward=float(i % 3 == 0)) for i in range(60)
    ]
    store = a_store(tmp_path / "store", episodes)
    settings = TrainSettings(
        epochs=0.0, value_warmup=60.0, batch=12, held_out=0.4, report_every=10,
        value=OptimiserSettings(lr=1e-2, muon=True, muon_lr=0.03),
    )  # fmt: skip
    return TrainRun(method="oreo", data=(store,), out=tmp_path / "out", size="64x2", train=settings)


def test_a_value_that_learns_by_heart_is_reported(run: TrainRun):
    found = told(run)
    assert "memorises" in found
    assert "collapsed" not in found


def test_a_value_that_says_the_same_of_everything_is_reported(run: TrainRun):
    still = replace(run.train, value_warmup=1.0, value=OptimiserSettings(lr=1e-9))
    found = told(replace(run, train=still))
    assert list(found) == ["collapsed"]
