"""A value judged on stored episodes: the figures that its training reported, and who is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from oreo_agent.cli import run
from oreo_agent.errors import BundleError, RecordError
from oreo_agent.learn import judging
from oreo_agent.learn.batch import Batch, Tokens
from oreo_agent.learn.data import read_episodes, split
from oreo_agent.learn.judging import judge_bundle, judged, residuals
from oreo_agent.learn.objectives import Objective
from oreo_agent.learn.objectives.dpo import Dpo
from oreo_agent.learn.objectives.kto import Kto
from oreo_agent.learn.objectives.oreo import Oreo
from oreo_agent.learn.objectives.rejection import Rejection
from oreo_agent.learn.objectives.sft import Sft
from oreo_agent.learn.settings import TrainRun, TrainSettings
from oreo_agent.learn.train import train
from oreo_agent.model.bundle import read_card
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.prompt import load_prompt
from oreo_agent.records.store import Store

LITTLE = TrainSettings(epochs=0.5, value_warmup=1.0, batch=16, held_out=0.5, seed=3, discount=0.9)


@pytest.fixture(scope="module")
def store(an_episode, a_store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores") / "episodes"
    return a_store(folder, [an_episode(number) for number in range(48)])


@pytest.fixture(scope="module")
def bundle(store: Path) -> Path:
    out = store.with_name("oreo")
    train(TrainRun(method="oreo", data=(store,), out=out, size="32x1", train=LITTLE))
    return out


def test_the_held_out_episodes_give_the_figures_of_the_training_run(
    bundle: Path, store: Path, a_store, tmp_path: Path
):
    episodes, prompt, _ = read_episodes((store,), LITTLE)
    held = {e.id for e in split(episodes, LITTLE, load_prompt(prompt)).held_out}
    kept = a_store(tmp_path / "held", [e for e in Store.open(store) if e.id in held])
    figures, facts = judge_bundle(bundle, [kept])
    assert facts["episodes"] == len(held) > 0
    told = dict(read_card(bundle).metrics)
    assert told.pop("value_residual") > 0  # what the bundle started from is not known to it
    assert figures == pytest.approx(told, rel=1e-4)


class _Places(torch.nn.Module):
    """Says of each place where it stands in its episode."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, batch: Batch, places: torch.Tensor, seen: None = None) -> Any:
        at = batch.position.flatten()[places].float()
        return at, None


class _Even(_Places):
    """Gives every token the same log-probability."""

    def forward(self, batch: Batch, places: torch.Tensor, seen: None = None) -> Any:
        return torch.full((len(places), 50), -2.0), None


def test_each_reply_is_judged_where_it_ends_and_where_its_answer_has_been_seen(
    monkeypatch: pytest.MonkeyPatch,
):
    told: list[Any] = []
    monkeypatch.setattr(judging, "parted", lambda *figures: told.extend(figures) or [])
    ids = tuple(range(1, 11))
    some = Tokens(id="a", instance="i", ids=ids, actions=(2, 3, 6, 8, 9), ends=(3, 6, 9), reward=1)
    other = Tokens(id="b", instance="i", ids=ids[:4], actions=(3,), ends=(3,), reward=0)
    judged(_Even(), _Places(), [some, other], TrainSettings(row=16))
    _, ends, seen, logps = told
    assert ends == [[3, 6, 9], [3]]
    assert seen == [[5, 7, 9], [3]]
    assert logps == [[-4, -2, -4], [-2]]


def test_without_a_value_there_is_only_the_likelihood():
    some = Tokens(id="a", instance="i", ids=(1, 2, 3), actions=(2,), ends=(2,), reward=1)
    assert judged(_Even(), None, [some], TrainSettings()) == {"nll": 2.0}
    assert judged(_Even(), _Places(), [], TrainSettings()) == {}


def test_the_residual_of_eq_8_by_hand():
    values = torch.tensor([[0.5, 0.2, 9.0], [1.0, 0.0, 0.5]])
    ratio = torch.tensor([[1.0, -2.0, 9.0], [0.5, 0.5, 1.0]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    reward = torch.tensor([1.0, 0.0])
    found = residuals(values, ratio, reward, mask, 0.1)
    # V - R + beta * (what is still to come)
    first = ((0.5 - 1 - 0.1) ** 2 + (0.2 - 1 - 0.2) ** 2) / 2
    second = ((1.0 + 0.2) ** 2 + (0.0 + 0.15) ** 2 + (0.5 + 0.1) ** 2) / 3
    torch.testing.assert_close(found, torch.tensor([first, second]))


@pytest.mark.parametrize("normalise", ["episode", "token"])
@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_the_held_out_residual_is_the_values_loss_on_the_same_episodes(
    a_trainer, an_episode, normalise: str, discount: float
):
    episodes = [Tokens.of(an_episode(number)) for number in range(7)]
    trainer = a_trainer(
        episodes,
        objective=Oreo(beta=0.2, end_weight=0.0),
        held_out=episodes,
        normalise=normalise,
        discount=discount,
        micro_tokens=60,
    )
    trainer.gradients(0)
    loss = trainer.means.take()["value_loss"]
    assert trainer.judge()["value_residual"] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize(
    "objective",
    [Sft(observations=0.3), Rejection(), Dpo(), Kto(), Oreo(level="response", value="group-mean")],
)
def test_without_a_value_the_held_out_loss_is_the_policys_on_the_same_episodes(
    a_trainer, an_episode, some_networks, objective: Objective
):
    episodes = [Tokens.of(an_episode(n, instance=f"dens/{n % 3}")) for n in range(9)]
    nets = some_networks(stir=0.0)
    rng = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in nets.reference.parameters():  # so far off that KTO's baseline is above 0
            weight += 0.5 * torch.randn(weight.shape, generator=rng)
    trainer = a_trainer(
        episodes, objective=objective, nets=nets, held_out=episodes, best=True, micro_tokens=60
    )
    trainer.batch = lambda step: objective.units(episodes)
    trainer.gradients(0)
    loss = trainer.means.take()["policy_loss"]
    assert trainer.selection.by == "policy_loss"
    assert trainer.judge()["policy_loss"] == pytest.approx(loss, rel=1e-4)


def test_who_cannot_be_judged_is_refused(bundle: Path, store: Path, an_episode, tmp_path, prompt):
    other = CompactPrompt(prompt.lexicon | {"words": [*prompt.lexicon["words"], "more"]})
    settings = {"tokenizer": other.tokenizer_fingerprint, "settings": other.settings()}
    with Store.create(tmp_path / "other", prompt=other.name, **settings) as foreign:
        foreign.append(an_episode(0, tokenizer=other.tokenizer_fingerprint))
    with pytest.raises(RecordError, match=r"ids of tokenizer.*its own prompt format"):
        judge_bundle(bundle, [tmp_path / "other"])
    with pytest.raises(RecordError, match="holds no episodes"):
        judge_bundle(bundle, [tmp_path / "none"])
    plain = tmp_path / "sft"
    train(TrainRun(method="sft", data=(store,), out=plain, size="32x1", train=LITTLE))
    with pytest.raises(BundleError, match=r"has no value.*--method oreo"):
        judge_bundle(plain, [store])


def test_the_verb_prints_the_figures(bundle: Path, store: Path, capsys: pytest.CaptureFixture[str]):
    asked = ["eval-value", "--agent", str(bundle), "--data", str(store)]
    assert run(asked) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert run([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(lines) == set(told["figures"])
    assert float(lines["auc_50"]) == pytest.approx(told["figures"]["auc_50"], abs=1e-3)
    assert lines["episodes"] == "48"
