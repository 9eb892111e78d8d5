"""Networks: factors sum up exactly, a value starts at its base rate and comes back from disk."""

from pathlib import Path

import pytest
import torch
from stirring import drawn, stirred
from transformers import GPT2Config, GPT2LMHeadModel

from oreo_agent.errors import BundleError, SettingError
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.networks import (
    FactoredEmbedding,
    ValueNetwork,
    factor,
    load_policy,
    new_policy,
    output_weight,
    unfactor,
)
from oreo_agent.model.tokenizers import load_tokenizer

PROMPT = CompactPrompt(
    {"entities": {"den": 4, "key": 3}, "words": ["walk"], "commands": [], "sentences": []}
)
VOCABULARY = len(PROMPT.tokens)
IDS = torch.tensor([[1, 5, 6, 8, 9, 10, 12]])


def tiny(seed: int = 0):
    torch.set_num_threads(1)
    return new_policy(VOCABULARY, "32x1", bos=1, eos=4, pad=0, seed=seed).eval()


def test_a_new_policy_follows_from_its_seed_and_disturbs_no_other_chance():
    state = torch.get_rng_state()
    first, same, other = (tiny(seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["lm_head.weight"], other["lm_head.weight"])


@pytest.mark.parametrize("size", ["", "128", "100x2", "0x1", "64x0", "64x-1", "64 x 2", "x2"])
def test_a_size_that_cannot_be_built_is_refused_with_an_example(size: str):
    with pytest.raises(SettingError, match="for instance 128x4"):
        new_policy(VOCABULARY, size, bos=1, eos=4, pad=0, seed=0)


def test_a_table_that_is_a_sum_is_factored_without_loss_and_kin_share_what_is_learned():
    factors = PROMPT.factors()
    rng = torch.Generator().manual_seed(0)
    kinds = torch.randn(1 + max(kind for kind, _ in factors), 8, generator=rng)
    numbers = torch.randn(1 + max(n for _, n in factors), 8, generator=rng)
    table = torch.stack([kinds[kind] + numbers[n] for kind, n in factors])
    layer = FactoredEmbedding(table, factors)
    torch.testing.assert_close(layer.weight, table, atol=1e-5, rtol=0)
    torch.testing.assert_close(layer(IDS), table[IDS], atol=1e-5, rtol=0)
    layer.weight[PROMPT.ids["den_3"]].sum().backward()
    moved = layer.classes.grad.ne(0).any(1).sum(), layer.numbers.grad.ne(0).any(1).sum()
    assert moved == (1, 1)


def test_factoring_twice_changes_nothing_more_and_writing_out_changes_nothing_at_all():
    policy = stirred(tiny(), 0.1, drawn(1))
    factor(policy, PROMPT.factors())
    with torch.no_grad():
        factored = policy.base_model(IDS).last_hidden_state
        table = output_weight(policy).clone()
        unfactor(policy)
        assert torch.equal(policy.base_model(IDS).last_hidden_state, factored)
        assert torch.equal(output_weight(policy), table)
        assert policy.get_output_embeddings().weight is policy.get_input_embeddings().weight
        logits = policy(IDS).logits
        torch.testing.assert_close(logits, factored @ table.T, atol=1e-6, rtol=0)
        factor(policy, PROMPT.factors())
        torch.testing.assert_close(output_weight(policy), table, atol=1e-5, rtol=0)
        unfactor(policy)
    unfactor(policy)  # nothing is left to write out


def test_a_policy_that_was_factored_comes_back_from_disk_as_it_was(tmp_path: Path):
    policy = stirred(tiny(), 0.1, drawn(1))
    factor(policy, PROMPT.factors())
    stirred(policy, 0.1, drawn(1))
    unfactor(policy)
    policy.save_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(load_policy(tmp_path)(IDS).logits, policy(IDS).logits)


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_value_starts_at_the_base_rate_everywhere_with_a_float32_head(
    tmp_path: Path, rate: float, dtype: torch.dtype
):
    stirred(tiny(), 0.1, drawn(1)).save_pretrained(tmp_path)
    policy = load_policy(tmp_path, dtype=dtype)
    value = ValueNetwork.of_policy(policy, start=rate)
    assert value.model.score.weight.dtype == value.model.score.bias.dtype == torch.float32
    assert not value.model.score.weight.any()
    hidden = value.body(IDS).last_hidden_state
    assert hidden.dtype == dtype
    assert torch.equal(hidden, policy.base_model(IDS).last_hidden_state)
    values = value.head(hidden)
    assert values.dtype == torch.float32
    assert torch.equal(values, torch.full((1, IDS.shape[1]), rate))


def test_the_bodies_of_policy_and_value_are_two():
    policy = tiny()
    value = ValueNetwork.of_policy(policy)
    before = {name: weight.clone() for name, weight in policy.state_dict().items()}
    stirred(value, 0.1, drawn(1))
    assert all(torch.equal(policy.state_dict()[name], before[name]) for name in before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_value_comes_back_from_disk_with_its_head_bit_for_bit(tmp_path: Path, dtype: torch.dtype):
    value = stirred(ValueNetwork.of_policy(tiny().to(dtype), start=0.3), 0.1, drawn(1)).eval()
    value.save(tmp_path)
    again = ValueNetwork.load(tmp_path, dtype=dtype)
    for name, weight in value.state_dict().items():
        assert weight.dtype == again.state_dict()[name].dtype
        assert torch.equal(weight, again.state_dict()[name]), name
    with torch.no_grad():
        first, second = (v.head(v.body(IDS).last_hidden_state) for v in (value, again))
    assert torch.equal(first, second)
    assert first.std() > 0


def test_a_policy_and_its_copy_agree_in_every_bit_also_when_it_was_read_from_disk(tmp_path: Path):
    policy = stirred(tiny(), 0.1, drawn(1))
    value = stirred(ValueNetwork.of_policy(policy), 0.1, drawn(1)).eval()
    policy.save_pretrained(tmp_path / "policy")
    value.save(tmp_path / "value")
    loaded, judge = load_policy(tmp_path / "policy"), ValueNetwork.load(tmp_path / "value")
    with torch.no_grad():
        assert torch.equal(loaded(IDS).logits, policy(IDS).logits)
        hidden = value.body(IDS).last_hidden_state
        assert torch.equal(judge.head(hidden), value.head(hidden))
    weights = [*loaded.parameters(), *judge.parameters()]
    assert {weight.data_ptr() % 64 for weight in weights} == {0}


def test_a_policy_whose_type_makes_no_value_is_refused():
    config = GPT2Config(
        vocab_size=20, n_embd=32, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=2
    )
    with pytest.raises(SettingError, match="type 'gpt2' cannot be made a value network"):
        ValueNetwork.of_policy(GPT2LMHeadModel(config))


def test_a_folder_without_a_model_is_named(tmp_path: Path):
    with pytest.raises(BundleError, match=r"no model can be read from .*safetensors"):
        load_policy(tmp_path)


def test_what_is_no_folder_is_not_looked_for_elsewhere(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match=r"from stranger/value: there is no such folder"):
        load_policy("stranger/value")
    with pytest.raises(BundleError, match="no tokenizer can be read from stranger: there is no"):
        load_tokenizer("stranger")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "bundle.json").write_text("{}")
    with pytest.raises(BundleError, match=r"bundle mine lacks its folder value; copy the whole"):
        ValueNetwork.load("mine/value")
    with pytest.raises(BundleError, match=r"the bundle mine lacks its folder tokenizer"):
        load_tokenizer("mine")


@pytest.mark.parametrize("part", ["model.safetensors", "config.json"])
def test_a_damaged_model_is_named(tmp_path: Path, part: str):
    tiny().save_pretrained(tmp_path)
    data = (tmp_path / part).read_bytes()
    (tmp_path / part).write_bytes(data[: len(data) // 2])
    with pytest.raises(BundleError, match=rf"no model can be read from {tmp_path}: .*; name a"):
        load_policy(tmp_path)


@pytest.mark.parametrize("text", ["{}", "", '{"model": 3}'])
def test_a_damaged_tokenizer_is_named(tmp_path: Path, text: str):
    (tmp_path / "tokenizer.json").write_text(text)
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizer"}')
    with pytest.raises(BundleError, match="no tokenizer can be read from"):
        load_tokenizer(tmp_path)


def test_a_model_that_changes_its_logits_after_the_output_layer_is_refused(tmp_path):
    from transformers import Gemma2Config, Gemma2ForCausalLM

    small = {
        "vocab_size": 32, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 32,
    }  # fmt: skip
    Gemma2ForCausalLM(Gemma2Config(**small)).save_pretrained(tmp_path)
    with pytest.raises(SettingError, match="final_logit_softcapping"):
        load_policy(tmp_path)
