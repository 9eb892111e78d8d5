"""The reference's log-probabilities are reckoned once, and are what they would be in each step."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from oreo_agent.learn import reference
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.forward import TokenScores
from oreo_agent.learn.objectives.dpo import Dpo
from oreo_agent.learn.objectives.oreo import Oreo
from oreo_agent.learn.reference import cache_folder, known_logps
from oreo_agent.learn.settings import TrainRun, TrainSettings
from oreo_agent.learn.train import train
from oreo_agent.learn.trainer import Networks


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OREO_AGENT_CACHE", str(tmp_path / "cache"))
    return cache_folder()


@pytest.fixture
def episodes(an_episode: Any) -> list[Tokens]:
    found = [Tokens.of(an_episode(number, instance="dens/0")) for number in range(6)]
    assert {episode.won for episode in found} == {True, False}
    return found


def known(episodes: list[Tokens], nets: Networks, weights: str = "w", **settings: Any) -> Any:
    assert nets.reference is not None
    scores = TokenScores(nets.reference.policy)
    return known_logps(scores, episodes, TrainSettings(**settings), weights=weights, pad=0)


def refuse(*_: Any) -> None:
    raise AssertionError("reckoned again")


@pytest.mark.parametrize("objective", [Dpo(), Oreo(kl="k3"), Oreo(alpha=0.0)])
@pytest.mark.parametrize("settings", [{}, {"packed": False}, {"micro_tokens": 20}])
def test_it_changes_neither_losses_nor_gradients(
    a_trainer: Any, some_networks: Any, episodes: list[Tokens], objective: Any, settings: Any
):
    def learned(nets: Networks) -> tuple[dict[str, float], list[torch.Tensor]]:
        trainer = a_trainer(episodes, nets=nets, objective=objective, **settings)
        rows: list[dict[str, float]] = []
        trainer.report = rows.append
        trainer.run()
        return rows[0], [p.detach().clone() for p in trainer.policy.parameters()]

    nets = some_networks(dtype=torch.float64)
    said = known(episodes, nets, dtype="float64")
    (first, weights), (second, others) = (
        learned(nets),
        learned(replace(some_networks(dtype=torch.float64), reference=None, known=said)),
    )
    for name in ("policy_loss", "ratio_won", "ratio_lost", "nll"):
        assert first[name] == pytest.approx(second[name], abs=1e-9)
    for one, other in zip(weights, others, strict=True):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=0)


def test_a_second_run_reads_them(
    some_networks: Any, episodes: list[Tokens], monkeypatch: pytest.MonkeyPatch
):
    first = known(episodes, some_networks())
    monkeypatch.setattr(reference, "_reckoned", refuse)
    again = known(episodes[::-1], some_networks())
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert [len(first[e.id]) for e in episodes] == [len(e.actions) for e in episodes]


@pytest.mark.parametrize(
    "other", ["weights", "episode", "packed", "dtype"], ids=lambda name: f"other {name}"
)
def test_what_would_change_them_is_another_file(
    some_networks: Any, episodes: list[Tokens], cache: Path, other: str
):
    known(episodes, some_networks())
    if other == "weights":
        known(episodes, some_networks(), "v")
    elif other == "episode":
        known(
            [*episodes[1:], replace(episodes[0], ids=(*episodes[0].ids[:-1], 3))], some_networks()
        )
    else:
        known(
            episodes,
            some_networks(),
            **{"packed": {"packed": False}, "dtype": {"dtype": "bfloat16"}}[other],
        )
    assert len(list(cache.glob("*.safetensors"))) == 2


def test_a_damaged_file_is_reckoned_again(some_networks: Any, episodes: list[Tokens], cache: Path):
    first = known(episodes, some_networks())
    (path,) = cache.glob("*.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    again = known(episodes, some_networks())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    some_networks: Any, episodes: list[Tokens], cache: Path
):
    cache.parent.mkdir(parents=True)
    cache.write_text("in the way")
    assert known(episodes, some_networks()).keys() == {e.id for e in episodes}
    assert cache.read_text() == "in the way"


def test_a_run_without_exact_kl_or_renaming_reckons_them_once(
    an_episode: Any, a_store: Any, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    store = a_store(tmp_path / "store", [an_episode(number) for number in range(24)])
    settings = TrainSettings(epochs=2.0, batch=8)

    def run(name: str, method: str, **changes: Any) -> Any:
        return TrainRun(
            method=method,
            data=(store,),
            out=tmp_path / name,
            size="32x1",
            train=settings,
            **changes,
        )

    train(run("exact", "oreo"))
    assert not cache.exists()
    train(run("first", "dpo"))
    train(run("k3", "oreo", objective={"kl": "k3"}))
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr(reference, "_reckoned", refuse)
    train(run("second", "dpo"))
    weights = [(tmp_path / name / "policy/model.safetensors") for name in ("first", "second")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
