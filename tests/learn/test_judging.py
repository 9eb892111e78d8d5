"""A value judged on stored episodes: the figures that its training reported, and who is refused."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stirring import drawn, stirred

from oreo_agent.cli import run
from oreo_agent.errors import BundleError, DataError, RecordError, SettingError
from oreo_agent.learn import judging
from oreo_agent.learn.batch import Batch, Tokens
from oreo_agent.learn.data import read_episodes, split
from oreo_agent.learn.head import Chosen
from oreo_agent.learn.judging import Judgement, judge_bundle, judged, residuals
from oreo_agent.learn.objectives import Objective
from oreo_agent.learn.objectives.dpo import Dpo
from oreo_agent.learn.objectives.kto import Kto
from oreo_agent.learn.objectives.oreo import Oreo
from oreo_agent.learn.objectives.rejection import Rejection
from oreo_agent.learn.objectives.sft import Sft
from oreo_agent.learn.settings import TrainRun, TrainSettings
from oreo_agent.learn.train import train
from oreo_agent.model.bundle import fingerprint, read_card
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.prompt import load_prompt
from oreo_agent.model.trust import LEAST_INSTANCES, PAPERS_BETA, Choice
from oreo_agent.records.store import Store

LITTLE = TrainSettings(epochs=0.5, value_warmup=1.0, batch=16, held_out=0.5, seed=3, discount=0.9)


@pytest.fixture(scope="module")
def store(an_episode, a_store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores") / "episodes"
    parting = [an_episode(number, id=f"p{number}", turns=1) for number in range(24)]
    return a_store(folder, [an_episode(number) for number in range(48)] + parting)


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
    found, facts = judge_bundle(bundle, [kept])
    assert facts["episodes"] == len(held) > 0
    card = read_card(bundle)
    told = dict(card.metrics)
    assert told.pop("value_residual") > 0  # what the bundle started from is not known to it
    assert found.figures == pytest.approx(told, rel=1e-4)
    assert found.calibration is not None
    assert card.calibration is not None
    assert found.calibration.values == pytest.approx(card.calibration.values, rel=1e-4)
    assert found.calibration.chances == pytest.approx(card.calibration.chances)
    assert card.calibration.source == "held out of its training"
    again, facts = judge_bundle(bundle, [store], only_held_out=True)
    assert facts["episodes"] == len(held)
    assert again.figures == pytest.approx(told, rel=1e-4)


def test_every_state_in_which_v_was_asked_is_calibrated_by():
    ids = tuple(range(1, 11))
    some = Tokens(id="a", instance="i", ids=ids, actions=(2, 3, 6, 8, 9), ends=(3, 6, 9), reward=1)
    branch = replace(some, id="b", instance="j", lent=1, reward=0)
    found = judged(_Even(), _Places(), [some, branch], TrainSettings())
    assert found.valued is not None
    first, second = found.valued
    assert (first.instance, first.won, first.lent) == ("i", True, 0)
    assert (second.instance, second.won, second.lent) == ("j", False, 1)
    assert (first.begins, first.ends) == ([1, 5, 7], [3, 6, 9])


def test_evidence_is_written_into_the_bundle_but_not_that_of_its_own_lessons(
    bundle: Path, store: Path, tmp_path: Path
):
    mine = tmp_path / "mine"
    shutil.copytree(bundle, mine)
    with pytest.raises(SettingError, match=r"trained on these very episodes.*--held-out"):
        judge_bundle(mine, [store], write=True)
    assert read_card(mine) == read_card(bundle)
    found, _ = judge_bundle(mine, [store], only_held_out=True, write=True)
    card = read_card(mine)
    assert (card.calibration, card.trust) == (found.calibration, found.trust)
    assert found.trust is not None
    assert found.trust.source.startswith("held out of episodes (")
    assert found.trust.sentence[1:] in (mine / "README.md").read_text()
    assert card.metrics == read_card(bundle).metrics
    assert fingerprint(mine) == fingerprint(bundle)
    judge_bundle(bundle, [store])
    assert read_card(bundle).trust != card.trust


def test_a_verdict_is_kept_with_the_weight_that_it_was_found_with(
    bundle: Path, store: Path, tmp_path: Path
):
    mine = tmp_path / "mine"
    shutil.copytree(bundle, mine)
    for asked, kept in ((None, 0.0), (0.2, 0.2)):
        judge_bundle(mine, [store], only_held_out=True, write=True, weight=asked)
        trust = read_card(mine).trust
        assert trust is not None
        assert trust.weight == kept
        assert ("V + 0.2 log-probability" in (mine / "README.md").read_text()) == bool(kept)


def test_episodes_that_never_part_say_nothing_against_what_is_known_of_v(
    bundle: Path, a_store, an_episode, tmp_path: Path
):
    mine = tmp_path / "mine"
    shutil.copytree(bundle, mine)
    known = read_card(mine)
    assert known.trust is not None
    assert known.trust.states > 0
    alone = a_store(tmp_path / "alone", [an_episode(7)])
    found, _ = judge_bundle(mine, [alone], write=True)
    assert found.trust is not None
    assert found.trust.states == 0
    assert read_card(mine).trust == known.trust
    assert read_card(mine).calibration == found.calibration != known.calibration


def test_a_bundle_that_held_nothing_out_of_a_store_says_so(
    bundle: Path, store: Path, a_store, an_episode, tmp_path: Path
):
    episodes, prompt, _ = read_episodes((store,), LITTLE)
    shown = split(episodes, LITTLE, load_prompt(prompt)).train[0]
    kept = a_store(tmp_path / "shown", [e for e in Store.open(store) if e.id == shown.id])
    with pytest.raises(DataError, match=r"seed 3, train\.held_out 0\.5.*without --held-out"):
        judge_bundle(bundle, [kept], only_held_out=True)


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

    def forward(self, batch: Batch, places: torch.Tensor, *asked: Any, **more: Any) -> Any:
        even = torch.full((len(places),), -2.0)
        return Chosen(even, None, None, even), None, None


def test_each_reply_is_judged_where_it_ends_and_where_its_answer_has_been_seen(
    monkeypatch: pytest.MonkeyPatch,
):
    told: list[Any] = []
    monkeypatch.setattr(judging, "parted", lambda *figures: told.extend(figures) or [])
    ids = tuple(range(1, 11))
    some = Tokens(id="a", instance="i", ids=ids, actions=(2, 3, 6, 8, 9), ends=(3, 6, 9), reward=1)
    other = Tokens(id="b", instance="i", ids=ids[:4], actions=(3,), ends=(3,), reward=0)
    judged(_Even(), _Places(), [some, other], TrainSettings())
    _, ends, seen, logps = told
    assert ends == [[3, 6, 9], [3]]
    assert seen == [[5, 7, 9], [3]]
    assert logps == [[-4, -2, -4], [-2]]


def test_replies_are_compared_by_v_plus_a_weight_times_their_log_probability():
    ids = tuple(range(1, 11))
    some = Tokens(id="a", instance="i", ids=ids, actions=(2, 3, 6), ends=(3, 6), reward=1)
    other = Tokens(
        id="b", instance="i", ids=(1, 2, 9, 9, 9), actions=(2, 3, 4), ends=(4,), reward=0
    )
    plain, mixed = (
        judged(_Even(), _Places(), [some, other], TrainSettings(), choice=Choice(weight))
        for weight in (0.0, 0.5)
    )
    (state,), (weighed,) = plain.states, mixed.states
    for one, two in zip(state.replies, weighed.replies, strict=True):
        assert two.value == one.value + 0.5 * one.logp
        assert one.logp < 0
    assert plain.valued == mixed.valued


def test_an_open_weight_is_found_on_whole_solutions_and_kept_beside_the_verdict():
    """V, the place, is for longer solutions, and right are the shorter ones, which are likelier."""
    right, wrong = (
        Tokens(id="", instance="", ids=ids, actions=ids[:-1], ends=(ids[-2],), reward=reward)
        for ids, reward in (((1, 2, 3), 1.0), ((1, 2, 3, 4), 0.0))
    )
    episodes = [
        replace(one, id=f"{at} {one.reward}", instance=f"{at}")
        for at in range(LEAST_INSTANCES)
        for one in (right, wrong)
    ]
    open_one = Choice(weight=PAPERS_BETA, whole=True, open=True)
    for choice, weight, won in (
        (open_one, 1.0, 1.0),
        (open_one._replace(open=False), PAPERS_BETA, 0.0),
    ):
        found = judged(_Even(), _Places(), episodes, TrainSettings(), choice=choice)
        assert found.trust is not None
        assert found.trust.weight == found.figures["logp_weight"] == weight
        assert found.figures["chosen_value"] == won
        assert found.figures["chosen_logp"] == 1.0


def test_without_a_value_there_is_only_the_likelihood():
    some = Tokens(id="a", instance="i", ids=(1, 2, 3), actions=(2,), ends=(2,), reward=1)
    assert judged(_Even(), None, [some], TrainSettings()) == Judgement(figures={"nll": 2.0})
    assert judged(_Even(), _Places(), [], TrainSettings()) == Judgement(figures={})


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
    stirred(nets.reference, 0.5, drawn(2))  # so far off that KTO's baseline is above 0
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
    for weight in (math.nan, math.inf):
        with pytest.raises(SettingError, match=f"--weight is a finite number, got {weight}"):
            judge_bundle(bundle, [store], weight=weight)
    with pytest.raises(SettingError, match="threads must be 1 or more, got 0"):
        judge_bundle(bundle, [store], threads=0)
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
    estimates = {name for name, figure in told["trust"].items() if isinstance(figure, dict)}
    turns = {f"auc_turn_{at['turn']}" for at in told["calibration"]["auc_by_turn"]}
    errors = {"brier_raw", "brier"}
    assert set(lines) == {*told["figures"], "trusted", "calibration"} | estimates | turns | errors
    assert float(lines["brier"]) == pytest.approx(told["calibration"]["brier"], abs=1e-3)
    assert not told["written"]
    assert lines["trusted"].startswith(told["trust"]["trusted"])
    assert told["calibration"]["episodes"] == 72
    assert float(lines["auc_50"]) == pytest.approx(told["figures"]["auc_50"], abs=1e-3)
    assert lines["episodes"] == "72"
