"""OREO from a script of one's own: the same weights as the trainer's, and what is refused."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file
from stirring import drawn, stirred
from transformers import AutoModelForCausalLM

from oreo_agent import OREOConfig, OREOTrainer
from oreo_agent.errors import BundleError, DataError, SettingError
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.data import Data
from oreo_agent.learn.forward import ReferenceLogits, StateValues, TokenScores
from oreo_agent.learn.judging import judge_bundle
from oreo_agent.learn.objectives.oreo import Oreo
from oreo_agent.learn.settings import OptimiserSettings, TrainSettings
from oreo_agent.learn.trainer import Networks, Trainer
from oreo_agent.model.bundle import read_card
from oreo_agent.model.chat import BarePrompt
from oreo_agent.model.networks import ValueNetwork, new_policy
from oreo_agent.model.tokenizers import word_tokenizer
from oreo_agent.records.episode import Segment
from oreo_agent.records.store import Store

WORDS = ["<pad>", "<s>", "<unk>", "<t>", "<eos>", *"abcdefgh"]
ROWS = [
    {"prompt": f"{'abcd'[i % 4]} b ", "completion": "ef" if i % 3 else "g", "label": i % 3 == 0}
    for i in range(24)
]
"""g is right, an unknown word wrong."""
QUICK: dict[str, Any] = {
    "learning_rate": 3e-3, "beta": 0.1, "alpha": 0.02, "seed": 3, "threads": 1,
    "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "num_train_epochs": 2.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def letters() -> Any:
    """A word a letter: a is 5, b is 6, ..., the end token 4."""
    return word_tokenizer(WORDS, bos="<s>", eos="<eos>", unk="<unk>", pad="<pad>")


def a_policy(seed: int = 0) -> Any:
    """32x1, stirred: a new policy is nearly uniform."""
    policy = new_policy(len(WORDS), "32x1", bos=1, eos=4, pad=0, seed=seed)
    return stirred(policy, 0.3, drawn(seed)).eval()


MakeOreo = Callable[..., OREOTrainer]


@pytest.fixture
def an_oreo(letters, tmp_path: Path) -> MakeOreo:
    """A trainer over `ROWS`; keywords are its own, or settings of `OREOConfig`."""

    def make(model: Any = None, **told: Any) -> OREOTrainer:
        own = ("eval_dataset", "ref_model", "value_model", "peft_config", "report")
        given = {name: told.pop(name) for name in own if name in told}
        rows = told.pop("train_dataset", ROWS)
        words = told.pop("processing_class", letters)
        return OREOTrainer(
            a_policy() if model is None else model,
            args=OREOConfig(**{"output_dir": tmp_path / "out"} | QUICK | told),
            train_dataset=rows,
            processing_class=words,
            **{"report": lambda row: None} | given,
        )

    return make


def assert_same(one: torch.nn.Module, other: torch.nn.Module) -> None:
    theirs = other.state_dict()
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, theirs[name]), name


def moved(before: torch.nn.Module, after: torch.nn.Module) -> bool:
    theirs = after.state_dict()
    return any(
        not torch.equal(weight, theirs[name]) for name, weight in before.state_dict().items()
    )


def test_it_is_the_trainers_training_to_the_last_bit(an_oreo: MakeOreo, tmp_path: Path):
    oreo = an_oreo(value_learning_rate=1e-3, lr_scheduler_type="linear", warmup_ratio=0.25)
    oreo.train()
    episodes = []
    for i, row in enumerate(ROWS):
        reply = [11, 4] if row["label"] else [2, 4]  # g; an unknown word
        ids = (5 + i % 4, 6, *reply)
        episodes.append(
            Tokens(
                id=f"train_dataset[{i}]", instance="", ids=ids, actions=(2, 3), ends=(3,),
                reward=float(row["label"]),
            )
        )  # fmt: skip
    policy = a_policy()
    value = ValueNetwork.of_policy(policy, start=8 / 24)
    mover = {"schedule": "trapezoid", "warmup": 0.25, "decay": 0.75}
    settings = TrainSettings(
        epochs=2.0, batch=8, seed=3, held_out=0.0,
        policy=OptimiserSettings(lr=3e-3, **mover), value=OptimiserSettings(lr=1e-3, **mover),
    )  # fmt: skip
    networks = Networks(
        policy=TokenScores(policy),
        value=StateValues(value),
        reference=ReferenceLogits(copy.deepcopy(policy)).eval().requires_grad_(False),
    )
    data = Data(train=episodes, held_out=[], relabel=None, pad=0)
    objective = Oreo(beta=0.1, alpha=0.02)
    Trainer(objective, networks, data, settings, tmp_path / "plain", lambda _: None).run()
    assert_same(oreo.model, policy)
    assert_same(oreo.value_model, value)
    assert moved(a_policy(), oreo.model)


def test_the_best_weights_are_kept_where_that_is_asked_for(an_oreo: MakeOreo, tmp_path: Path):
    told = {"num_train_epochs": 6.0, "learning_rate": 3e-2, "held_out": 0.5, "eval_steps": 1}
    best, last = (
        an_oreo(**told, output_dir=tmp_path / name, load_best_model_at_end=name == "best")
        for name in ("best", "last")
    )
    figures, over = best.train(), last.train()
    rows = map(json.loads, (tmp_path / "best.training/metrics.jsonl").read_text().splitlines())
    residuals = {r["step"]: r["held_out"]["value_residual"] for r in rows if "held_out" in r}
    assert figures["value_residual"] == min(residuals.values()) < over["value_residual"]
    assert residuals[figures["best_step"]] == figures["value_residual"]
    with pytest.raises(SettingError, match=r"no instance is held out; set held_out higher"):
        an_oreo(**told | {"held_out": 0.0}, load_best_model_at_end=True)


def test_warnings_name_settings_as_a_script_does(an_oreo: MakeOreo):
    rows: list[dict[str, Any]] = []
    oreo = an_oreo(report=rows.append)
    oreo.trainer.report({"warning": "Raise objective.alpha, or lower train.policy.lr", "step": 3})
    assert rows == [{"warning": "Raise alpha, or lower learning_rate", "step": 3}]


def test_policy_and_value_learn_what_is_right(an_oreo: MakeOreo):
    oreo = an_oreo(num_train_epochs=12.0, learning_rate=1e-2, eval_dataset=ROWS[:12])
    before = oreo.evaluate()
    after = oreo.train()
    assert before["last_won"] - before["last_lost"] == pytest.approx(0, abs=1e-6)
    assert after["last_won"] - after["last_lost"] > 0.5
    assert after["won"] == pytest.approx(1 / 3)
    ids = torch.tensor([[5, 6]])
    right, wrong = (m(ids).logits[0, -1].softmax(-1)[[11, 2]] for m in (oreo.model, a_policy()))
    assert right[0] / right[1] > 2 * wrong[0] / wrong[1]


@pytest.mark.parametrize("loaded", [True, False])
def test_v_starts_from_the_value_model_that_is_named(an_oreo, tmp_path: Path, loaded: bool):
    body = a_policy(seed=7)
    body.save_pretrained(tmp_path / "body")
    named = body if loaded else tmp_path / "body"
    value = an_oreo(value_model=named).value_model
    assert_same(value.body, body.base_model)
    assert value.score.bias.item() == pytest.approx(8 / 24)  # the rate of success
    assert_same(an_oreo().value_model.body, a_policy().base_model)


def test_a_value_that_has_learned_goes_on(an_oreo: MakeOreo, tmp_path: Path):
    first = an_oreo()
    first.train()
    first.save_model()
    again = an_oreo(value_model=tmp_path / "out" / "value")
    assert_same(again.value_model, first.value_model)
    assert_same(an_oreo(value_model=first.value_model.model).value_model, first.value_model)


def test_another_reference_is_what_the_policy_is_pulled_to(an_oreo: MakeOreo):
    rows: list[dict[str, Any]] = []
    other = a_policy(seed=5)
    before = copy.deepcopy(other)
    told: dict[str, Any] = {"report": rows.append, "logging_steps": 1}
    an_oreo(ref_model=other, **told).train()
    assert rows[1]["kl"] > 0.1
    assert_same(other, before)
    an_oreo(**told).train(resume_from_checkpoint=False)
    assert [row["kl"] for row in rows if row.get("step") == 1 and "kl" in row][-1] == 0.0


def test_another_reference_is_asked_once_where_its_likelihoods_are_enough(
    an_oreo: MakeOreo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OREO_AGENT_CACHE", str(tmp_path / "cache"))
    rows: list[dict[str, Any]] = []
    an_oreo(ref_model=a_policy(seed=5), kl="k3", logging_steps=1, report=rows.append).train()
    assert abs(rows[1]["ratio_won"]) > 0.1


@pytest.mark.parametrize("loaded", [True, False])
def test_weights_are_bfloat16_if_asked(an_oreo: MakeOreo, tmp_path: Path, loaded: bool):
    policy = a_policy()
    policy.save_pretrained(tmp_path / "policy")
    oreo = an_oreo(policy if loaded else tmp_path / "policy", bf16=True)
    assert oreo.model.dtype == oreo.value_model.body.dtype == torch.bfloat16
    assert oreo.settings.dtype == "bfloat16"
    assert (oreo.model is policy) == loaded


@pytest.mark.parametrize("targets", [None, "all-linear"])
def test_peft_trains_adapters_and_writes_plain_models(an_oreo, tmp_path: Path, targets: Any):
    config = LoraConfig(r=4, lora_alpha=8, target_modules=targets, task_type="CAUSAL_LM")
    oreo = an_oreo(peft_config=config, num_train_epochs=4.0)
    assert (oreo.settings.networks, oreo.settings.lora.rank) == ("shared", 4)
    oreo.train()
    oreo.save_model()
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "policy")
    ids = torch.tensor([[5, 6, 11]])
    torch.testing.assert_close(plain(ids).logits, oreo.model(ids).logits, atol=1e-5, rtol=1e-5)
    assert (plain(ids).logits - a_policy()(ids).logits).abs().max() > 1e-3


@pytest.mark.parametrize(
    "odd",
    [
        {"lora_dropout": 0.1},
        {"use_rslora": True},
        {"target_modules": ["q_proj"]},
        {"modules_to_save": ["lm_head"]},
        {"init_lora_weights": "pissa"},
    ],
)
def test_what_of_a_peft_config_cannot_be_had_is_refused(an_oreo: MakeOreo, odd: dict[str, Any]):
    with pytest.raises(SettingError, match=f"peft_config sets {next(iter(odd))}, which"):
        an_oreo(peft_config=LoraConfig(**odd))


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(an_oreo: MakeOreo, tmp_path: Path):
    whole = an_oreo(output_dir=tmp_path / "whole")
    whole.train()

    def stop(row: dict[str, Any]) -> None:
        if row.get("step") == 4:
            raise KeyboardInterrupt

    told: dict[str, Any] = {"save_steps": 3, "logging_steps": 1}
    halved = an_oreo(report=stop, **told)
    with pytest.raises(KeyboardInterrupt):
        halved.train()
    rows: list[dict[str, Any]] = []
    resumed = an_oreo(report=rows.append, **told)
    resumed.train()
    assert rows[1]["step"] == 4
    assert_same(resumed.model, whole.model)
    assert_same(resumed.value_model, whole.value_model)
    other = an_oreo(learning_rate=1e-3, **told)
    words = r"checkpoints of another run.*drop them with resume_from_checkpoint=False"
    with pytest.raises(SettingError, match=words):
        other.train()
    other.train(resume_from_checkpoint=False)


def test_a_folder_of_somebody_else_is_left_alone(an_oreo: MakeOreo, tmp_path: Path):
    theirs = tmp_path / "out.training"
    theirs.mkdir()
    (theirs / "notes.txt").write_text("years of work")
    for anew in (False, True):
        with pytest.raises(SettingError, match="not made by a training run"):
            an_oreo().train(resume_from_checkpoint=not anew)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis").write_text("more of it")
    with pytest.raises(BundleError, match="no bundle"):
        an_oreo().save_model()
    assert (theirs / "notes.txt").exists()


def test_what_is_saved_is_a_bundle(an_oreo: MakeOreo, letters, tmp_path: Path):
    oreo = an_oreo(held_out=0.5)
    figures = oreo.train()
    (tmp_path / "elsewhere").mkdir()
    oreo.save_model(tmp_path / "elsewhere")
    card = read_card(tmp_path / "elsewhere")
    assert (card.method, card.has_value, card.max_context) == ("oreo", True, 4096)
    assert card.data["episodes"] + card.data["held_out"] == 24
    assert card.data["held_out"] % 6 == 0  # a prompt's rows stay together
    assert card.metrics["mse"] == pytest.approx(figures["mse"])
    names = {path.name for path in (tmp_path / "elsewhere").iterdir()}
    folders = {"policy", "value", "tokenizer"}
    assert names == folders | {"bundle.json", "README.md", "metrics.jsonl"}
    saved = load_file(tmp_path / "elsewhere" / "policy" / "model.safetensors")
    assert torch.equal(saved["model.norm.weight"], oreo.model.model.norm.weight)


def test_a_bundle_that_knows_its_prompt_format_is_judged_on_a_store(
    byte_tokenizer, an_oreo: MakeOreo, an_episode, tmp_path: Path
):
    words = byte_tokenizer()
    prompt = BarePrompt(words, "Act.")
    rows = []
    with Store.create(
        tmp_path / "store", prompt=prompt.name, tokenizer=prompt.tokenizer_fingerprint,
        settings=prompt.settings(),
    ) as store:  # fmt: skip
        for i in range(4):
            reply = "look" if i % 2 else "go to drawer 2"
            segments = [*prompt.opening(f"room {i}")]
            segments.append(Segment(kind="action", ids=prompt.reply(reply), text=reply))
            store.append(
                an_episode(
                    i, segments=tuple(segments), reward=float(i % 2),
                    tokenizer=prompt.tokenizer_fingerprint, prompt=prompt.name,
                )
            )  # fmt: skip
            system = {"role": "system", "content": "Act."}
            asked = [system, {"role": "user", "content": f"room {i}"}]
            done = [{"role": "assistant", "content": reply}]
            rows.append({"prompt": asked, "completion": done, "label": bool(i % 2)})
    policy = new_policy(len(words), "32x1", bos=0, eos=words.eos_token_id, pad=0, seed=0)
    oreo = an_oreo(
        policy, train_dataset=rows, eval_dataset=rows, processing_class=words, num_train_epochs=1.0
    )
    figures = oreo.train()
    oreo.save_model(prompt={"format": "bare", "instruction": "Act."})
    judged, _ = judge_bundle(tmp_path / "out", [tmp_path / "store"])
    assert judged.figures["mse"] == pytest.approx(figures["mse"], abs=1e-6)
    assert judged.figures["nll"] == pytest.approx(figures["nll"], abs=1e-5)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"beta": 0.0}, "beta must be above 0"),
        ({"level": "tokn"}, "level: 'tokn' is not possible; did you mean 'token'"),
        ({"learning_rate": -1.0}, "learning rates must be above 0"),
        ({"report_to": "wandb"}, "report_to: 'wandb' is not supported"),
        ({"lr_scheduler_type": "polynomial"}, "no schedule is called 'polynomial'; known: const"),
        ({"max_length": 0}, "max_length must be at least 1"),
        ({"extra": {"train.normalize": "token"}}, "normalize: no such.*did you mean 'normalise'"),
        ({"extra": {"objective.lam": 2.0}}, "lam is a share"),
        ({"extra": {"objective.beta": 0.1}}, "objective.beta has a field of its own"),
        ({"extra": {"train.policy.lr": 0.1}}, "train.policy.lr has a field of its own"),
        ({"extra": {"train.policy": {}}}, "train.policy has a field of its own"),
        ({"extra": {"train": {}}}, "train has a field of its own"),
        ({"extra": {"train.batch.size.x": 1}}, "train.batch is a value, it has no settings"),
        ({"extra": {"lam": 0.5}}, "'lam' is no setting.*begin with train. or objective."),
        ({"extra": {"train.relabel": True}}, "train.relabel is for the names in a world"),
        ({"extra": {"objective.value": "first"}}, "objective.value is for methods that keep no V"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_once(told: dict[str, Any], message: str):
    with pytest.raises(SettingError, match=message):
        OREOConfig(output_dir="out", **told)


def test_extra_settings_are_those_of_the_command(an_oreo: MakeOreo):
    told = {
        "train.normalise": "token",
        "train.value.muon": True,
        "objective.lam": 0.5,
        "objective.last_weight": 2,
    }
    args = OREOConfig(output_dir="out", learning_rate=1e-3, beta=0.1, extra=told)
    settings, objective = args.settings(processes=1), args.objective()
    assert (settings.normalise, settings.value.muon, settings.policy.muon) == ("token", True, False)
    assert (settings.value.lr, settings.policy.lr) == (1e-3, 1e-3)
    assert (objective.lam, objective.last_weight, objective.beta) == (0.5, 2.0, 0.1)
    plain, other = an_oreo(), an_oreo(extra={"objective.value_loss": "bce"})
    assert plain.identity != other.identity
    assert (plain.value_model.bounded, other.value_model.bounded) == (False, True)
    other.train()
    assert moved(a_policy(), other.model)


def test_a_setting_that_is_not_supported_is_no_setting():
    with pytest.raises(TypeError, match="fp16"):
        OREOConfig(output_dir="out", fp16=True)  # pyright: ignore


@pytest.mark.parametrize(
    ("told", "kind", "message"),
    [
        ({"max_length": 2}, DataError, "train_dataset: nothing to learn from"),
        ({"networks": "trunk", "value_model": "policy"}, SettingError, "a model of its own"),
        ({"peft_config": LoraConfig(), "value_model": "policy"}, SettingError, "own, and with"),
        ({"peft_config": LoraConfig(), "networks": "trunk"}, SettingError, "drop one of them"),
        (
            {"peft_config": LoraConfig(), "extra": {"train.lora.rank": 4}},
            SettingError,
            "leave train.lora out of extra",
        ),
        ({"ref_model": "same"}, SettingError, "the model itself"),
        ({"ref_model": "policy", "value_warmup_epochs": 1.0}, SettingError, "another one"),
        ({"value_model": "nowhere"}, BundleError, "no model can be read from nowhere"),
        ({"processing_class": None}, SettingError, "processing_class"),
        ({"model": 3}, SettingError, "a path or a transformers model, got int"),
    ],
)
def test_what_does_not_go_together_is_refused_and_leaves_nothing(
    an_oreo: MakeOreo, tmp_path: Path, told: dict[str, Any], kind: Any, message: str
):
    policy = a_policy()
    stand_ins = {"policy": a_policy(1), "same": policy}
    told = {name: stand_ins.get(x, x) if isinstance(x, str) else x for name, x in told.items()}
    with pytest.raises(kind, match=message):
        an_oreo(told.pop("model", policy), **told)
    assert list(tmp_path.iterdir()) == []


def test_models_must_know_the_tokens_of_the_rows(an_oreo: MakeOreo):
    small = new_policy(8, "32x1", bos=1, eos=4, pad=0, seed=0)
    with pytest.raises(SettingError, match="hold token 11, which a loaded Qwen3Model"):
        an_oreo(value_model=small)


def test_without_rows_to_judge_by_there_is_nothing_to_evaluate(an_oreo: MakeOreo):
    with pytest.raises(SettingError, match=r"eval_dataset.*held_out"):
        an_oreo().evaluate()
