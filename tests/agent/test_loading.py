"""What an agent is put together from, and what does not belong together."""

from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
import torch
from made_agents import PROMPT, make_bundle

from oreo_agent.agent.engines.judge import precision_of
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies.best_of_k import BestOfK
from oreo_agent.agent.strategies.single import Greedy
from oreo_agent.errors import BundleError, EngineError, SettingError
from oreo_agent.model.bundle import read_card
from oreo_agent.model.networks import load_policy, new_policy

OPENING = "You see key 1, den 2."


def test_an_agent_with_a_value_goes_by_it_unless_told_and_one_without_is_greedy(bundles):
    sft, oreo = bundles
    best = Agent.load(oreo, device="cpu")
    assert best.strategy == BestOfK(max_tokens=PROMPT.max_reply_tokens)
    assert best.has_value
    assert best.beta is None
    plain = Agent.load(sft, device="cpu")
    assert plain.strategy == Greedy(max_tokens=PROMPT.max_reply_tokens)
    assert not plain.has_value
    assert plain.fingerprint != best.fingerprint
    judged = Agent.load(sft, value=oreo, device="cpu")
    assert judged.fingerprint == f"{plain.fingerprint}+{best.fingerprint}"
    assert isinstance(judged.strategy, BestOfK)
    with pytest.raises(EngineError, match="no value network"):
        plain.act(plain.begin(OPENING), strategy="best-of-k")


def test_a_reference_is_the_folder_that_was_learned_from(bundles, tmp_path: Path):
    sft, oreo = bundles
    stranger = make_bundle(tmp_path / "other", seed=5)
    with pytest.raises(BundleError, match=r"learned from bundle .* name the folder"):
        Agent.load(oreo, reference=stranger, device="cpu")
    with pytest.raises(SettingError, match="no reference and no beta"):
        Agent.load(sft, reference=oreo, device="cpu")
    model = tmp_path / "model"
    load_policy(sft / "policy").save_pretrained(model)
    raw = tmp_path / "learner"
    make_bundle(raw, seed=2, base=model)  # a model that is no bundle may be learned from too
    agent = Agent.load(raw, reference=model, device="cpu")
    assert agent.act(agent.begin(OPENING)).choice.implicit_advantage is not None
    assert read_card(raw).base.split()[1] != read_card(oreo).base.split()[1]


def test_weights_are_in_memory_as_it_is_asked(bundles, tmp_path: Path):
    oreo = bundles[1]
    agent = Agent.load(oreo, device="cpu", dtype="bfloat16")
    policy, value = agent.engine.policy, agent.engine.value
    assert {w.dtype for w in policy.parameters()} == {torch.bfloat16}
    assert {w.dtype for w in value.body.parameters()} == {torch.bfloat16}
    assert value.score.weight.dtype == torch.float32  # what V is read from stays fine
    decision = agent.act(agent.begin(OPENING))
    exact = Agent.load(oreo, device="cpu").act(agent.begin(OPENING))
    assert decision.value == pytest.approx(exact.value, abs=0.2)
    with pytest.raises(SettingError, match="called 'bfloat'; did you mean 'bfloat16'"):
        Agent.load(oreo, device="cpu", dtype="bfloat")


def test_by_itself_a_gpu_keeps_weights_as_they_are_stored_and_a_cpu_takes_float32(
    bundles, tmp_path: Path
):
    model = tmp_path / "model"
    load_policy(bundles[0] / "policy").to(torch.bfloat16).save_pretrained(model)
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert precision_of(model, "auto", gpu) == torch.bfloat16
    assert precision_of(model, "auto", cpu) == torch.float32
    assert precision_of(bundles[0] / "policy", "auto", gpu) == torch.float32
    assert precision_of(model, "float16", gpu) == torch.float16


def test_a_model_that_is_no_bundle_has_neither_value_nor_reference(bundles, tmp_path: Path):
    model = tmp_path / "model"
    load_policy(bundles[0] / "policy").save_pretrained(model)
    agent = Agent.load(model, prompt=PROMPT, device="cpu")
    assert agent.act(agent.begin(OPENING)).strategy == "greedy"
    for more in ({"value": bundles[1]}, {"reference": bundles[0]}):
        with pytest.raises(SettingError, match="neither a value nor a reference"):
            Agent.load(model, prompt=PROMPT, device="cpu", **more)


def test_a_model_with_its_tokenizer_takes_the_settings_of_a_prompt(
    tmp_path: Path, byte_tokenizer: Any
):
    model = tmp_path / "model"
    tokenizer = byte_tokenizer()
    policy = new_policy(len(tokenizer), "32x1", bos=1, eos=tokenizer.eos_token_id, pad=0, seed=0)
    policy.save_pretrained(model)
    told = {"format": "react", "instruction": "You keep house.", "max_reply_tokens": 4}
    with pytest.raises(SettingError, match="needs a tokenizer with a chat template"):
        Agent.load(model, prompt=told, device="cpu")
    tokenizer.save_pretrained(model)
    agent = Agent.load(model, prompt=told, device="cpu")
    history = agent.begin("A room.")
    assert "You keep house." in history.segments[0].text
    assert 0 < agent.act(history).choice.tokens <= 4
    with pytest.raises(BundleError, match=r"is a model that is no bundle.*`prompt`"):
        Agent.load(model, device="cpu")


@pytest.mark.parametrize("device", ["cuda:99", "gpu7", "meta", ""])
def test_a_device_that_is_not_there_is_told_with_those_that_are(bundles, device: str):
    with pytest.raises(SettingError, match=rf"the device '{device}' .*here is cpu.* or auto"):
        Agent.load(bundles[0], device=device)


@pytest.mark.parametrize("threads", [0, -1])
def test_less_than_one_thread_is_refused(bundles, threads: int):
    with pytest.raises(SettingError, match=f"threads must be 1 or more, got {threads}"):
        Agent.load(bundles[0], device="cpu", threads=threads)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "best-of-k", "kk": 3}, r"strategy best-of-k\.kk: no such setting"),
        ({"strategy": "best-off-k"}, "did you mean 'best-of-k'"),
        ({"k": 0}, "must be at least 1"),
        ({"k": "five"}, "wants an integer"),
        ({"temperature": nan}, r"temperature: wants a finite number, got nan"),
        ({"temperature": inf}, r"temperature: wants a finite number, got inf"),
        ({"weight": nan}, r"weight: wants a finite number, got nan"),
        ({"engine": "transformer"}, "did you mean 'transformers'"),
    ],
)
def test_a_wrong_name_or_setting_is_told_before_networks_are_loaded_or_when_it_is_asked(
    bundles, agent: Agent, settings: dict[str, Any], message: str
):
    with pytest.raises(SettingError, match=message):
        Agent.load(bundles[1], device="cpu", **settings)
    if "engine" not in settings:
        with pytest.raises(SettingError, match=message):
            agent.act(agent.begin(OPENING), **settings)
