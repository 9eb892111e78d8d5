"""Packed rows: no episode sees another, and a model that reads them is otherwise as before."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    PreTrainedModel,
    Qwen3Config,
)
from transformers.models.gemma2 import Gemma2Config, Gemma2ForCausalLM

from oreo_agent.errors import SettingError
from oreo_agent.model.packed import Packing, attend_packed

SMALL: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
CONFIGS = {
    "llama": LlamaConfig(**SMALL),
    "qwen3": Qwen3Config(**SMALL, head_dim=8),
    "mistral, window": MistralConfig(**SMALL, sliding_window=5),
}


def made(name: str) -> PreTrainedModel:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(CONFIGS[name]).double().eval()


def packed(model: PreTrainedModel, episodes: list[Tensor], same: int = 0) -> Tensor:
    """(T, V) logits of the episodes in one row, what all begin with once and first."""
    begin, rest = episodes[0][:same], [e[same:] for e in episodes]
    places = [torch.arange(same), *(torch.arange(same, len(e)) for e in episodes)]
    out = model(
        input_ids=torch.cat([begin, *rest])[None],
        position_ids=torch.cat(places)[None],
        attention_mask=torch.ones(1, 1, 1, 1, dtype=torch.long),
        packing=Packing.of([len(e) for e in episodes], shared=same),
        use_cache=False,
    )
    return out.logits[0]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_every_token_of_a_row_is_in_one_line_and_found_again(lengths: list[int]):
    packing = Packing.of(lengths)
    flat = torch.cat([group.flatten() for group in packing.groups])
    assert flat[packing.back].tolist() == list(range(sum(lengths)))
    lines = [line.unique().tolist() for group in packing.groups for line in group]
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    assert sorted(lines) == [
        list(range(start, start + length)) for start, length in zip(starts, lengths, strict=True)
    ]
    for group in packing.groups:
        assert min(len(line.unique()) for line in group) >= 0.8 * group.shape[1]


@pytest.mark.parametrize("name", CONFIGS)
@settings(max_examples=10)
@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    same=st.integers(0, 9),
    seed=st.integers(0, 99),
)
def test_an_episode_of_a_row_is_as_it_is_alone_whatever_it_shares(
    name: str, lengths: list[int], same: int, seed: int
):
    rng = torch.Generator().manual_seed(seed)
    begin = torch.randint(0, 40, (same,), generator=rng)
    own = [torch.randint(0, 40, (length,), generator=rng) for length in lengths]
    episodes = [torch.cat([begin, one]) for one in own]
    model, plain = made(name), made(name)
    attend_packed(model)
    each = [plain(input_ids=e[None], use_cache=False).logits[0] for e in episodes]
    wanted = torch.cat([each[0][:same], *(one[same:] for one in each)])
    found = packed(model, episodes, same)
    torch.testing.assert_close(found, wanted, atol=1e-10, rtol=1e-10)
    # norms go back in float32: one sum of gradients is not the sum of several, to the last bit
    near = 1e-5 if same else 1e-10
    weights = torch.randn(found.shape, generator=rng, dtype=found.dtype)
    (found * weights).sum().backward()
    (wanted * weights).sum().backward()
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=near, rtol=near)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_model_that_reads_packed_rows_does_all_else_as_before(name: str):
    ids = torch.randint(1, 40, (3, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[0, :4], mask[1, :1] = 0, 0
    model, plain = made(name), made(name)
    attend_packed(model)
    asked: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
    found, wanted = model(**asked).logits, plain(**asked).logits
    torch.testing.assert_close(found[mask > 0], wanted[mask > 0], atol=1e-12, rtol=1e-12)
    told = [
        m.generate(**asked, max_new_tokens=5, do_sample=False, pad_token_id=0)
        for m in (model, plain)
    ]
    assert torch.equal(*told)


def test_which_attention_read_the_rows_is_not_stored(tmp_path):
    model = made("llama")
    attend_packed(model)
    model.save_pretrained(tmp_path)
    assert "oreo_packed" not in (tmp_path / "config.json").read_text()


def test_models_whose_attention_is_another_are_refused():
    capped = Gemma2ForCausalLM(Gemma2Config(**SMALL, head_dim=8))
    with pytest.raises(SettingError, match=r"gemma2.*cap the logits.*train\.packed=false"):
        attend_packed(capped)


def test_older_models_that_use_the_common_interface_are_read_too():
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        GPT2Config(vocab_size=40, n_embd=32, n_layer=1, n_head=4, bos_token_id=1, eos_token_id=2)
    )
    model = model.double().eval()
    episodes = [torch.tensor([1, 2, 3]), torch.tensor([4, 5])]
    wanted = torch.cat([model(input_ids=e[None]).logits[0] for e in episodes])
    attend_packed(model)
    torch.testing.assert_close(packed(model, episodes), wanted)
