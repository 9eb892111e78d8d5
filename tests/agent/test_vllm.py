"""What vLLM says, beside what the transformers engine says of the same networks.

Without vLLM a stand-in with its interface takes its place; `make test-vllm` runs the same with
vLLM itself.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from stirring import drawn, stirred
from word_questions import PROMPT, QUESTIONS, requests

from oreo_agent.agent.engines import ENGINES, Parts
from oreo_agent.agent.engines import vllm as engine_file
from oreo_agent.agent.engines.local import LocalEngine
from oreo_agent.agent.engines.vllm import VllmEngine
from oreo_agent.errors import EngineError, SettingError
from oreo_agent.model.networks import ValueNetwork, new_policy
from oreo_agent.model.vocabulary import END

REAL = find_spec("vllm") is not None
CLOSE = 1e-3


@dataclass(frozen=True, kw_only=True)
class StandInParams:
    """The fields of ``vllm.SamplingParams`` that are used, refused where vLLM refuses them."""

    n: int = 1
    temperature: float = 1.0
    max_tokens: int = 16
    seed: int | None = None
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    stop_token_ids: Sequence[int] = ()
    ignore_eos: bool = False
    detokenize: bool = True

    def __post_init__(self) -> None:
        assert self.max_tokens >= 1
        assert self.n == 1 or self.temperature > 0
        assert not self.detokenize, "there is no tokenizer"


@dataclass
class StandIn:
    """``vllm.LLM`` without a cache, by plain forwards."""

    policy: Any

    def generate(self, prompts: Any, params: Any, *, use_tqdm: bool) -> list[Any]:
        assert not use_tqdm
        how = params if isinstance(params, list) else [params] * len(prompts)
        return [
            self._one(p["prompt_token_ids"], each) for p, each in zip(prompts, how, strict=True)
        ]

    @torch.no_grad()
    def _logps(self, ids: list[int]) -> torch.Tensor:
        return self.policy(torch.tensor([ids])).logits[0].float().log_softmax(-1)

    def _one(self, prompt: list[int], how: StandInParams) -> Any:
        told = None
        if how.prompt_logprobs is not None:
            at = self._logps(prompt)
            told = [None, *({t: _Told(float(at[i, t]))} for i, t in enumerate(prompt[1:]))]
        outputs: list[Any] = []
        for k in range(how.n):
            dice = torch.Generator().manual_seed((how.seed or 0) + k)
            ids: list[int] = []
            logps: list[dict[int, _Told]] = []
            while len(ids) < how.max_tokens and not (ids and ids[-1] in how.stop_token_ids):
                at = self._logps([*prompt, *ids])[-1]
                if how.temperature == 0:
                    token = int(at.argmax())
                else:
                    token = int(
                        torch.multinomial((at / how.temperature).softmax(-1), 1, generator=dice)
                    )
                ids.append(token)
                logps.append({token: _Told(float(at[token]))})
            outputs.append(SimpleNamespace(token_ids=ids, logprobs=logps))
        return SimpleNamespace(outputs=outputs, prompt_logprobs=told)


@dataclass(frozen=True)
class _Told:
    logprob: float


@pytest.fixture(scope="module")
def networks():
    """64x2, whose steps are short and whose values differ."""
    torch.set_num_threads(1)
    policy = new_policy(len(PROMPT.tokens), "64x2", bos=1, eos=END, pad=0, seed=0)
    rng = drawn(3)
    stirred(policy, 0.2, rng)
    return policy, stirred(ValueNetwork.of_policy(policy), 0.2, rng)


@pytest.fixture(scope="module")
def local(networks) -> LocalEngine:
    return LocalEngine(*networks, stop_ids=PROMPT.stop_ids, max_context=600, steps=PROMPT.steps)


@pytest.fixture(scope="module")
def engine(networks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmEngine]:
    policy, value = networks
    if not REAL:
        yield VllmEngine(
            StandIn(policy),
            StandInParams,
            value,
            stop_ids=PROMPT.stop_ids,
            max_context=600,
            steps=PROMPT.steps,
        )
        return
    folder = tmp_path_factory.mktemp("bundle")
    policy.save_pretrained(folder / "policy")
    value.save(folder / "value")
    made = ENGINES.load("vllm")(
        Parts(
            policy=folder / "policy",
            value=folder / "value",
            stop_ids=PROMPT.stop_ids,
            steps=PROMPT.steps,
            max_context=600,
        )
    )
    assert isinstance(made, VllmEngine)
    yield made


@pytest.mark.parametrize("whole", [False, True])
def test_the_likeliest_replies_are_those_of_the_transformers_engine(
    engine: VllmEngine, local: LocalEngine, whole: bool
):
    draw: dict[str, Any] = {"samples": 1, "temperature": 0.0, "max_tokens": 24, "whole": whole}
    for (said,), (known,) in zip(
        engine.generate(requests(), **draw), local.generate(requests(), **draw), strict=True
    ):
        assert (said.ids, said.ended) == (known.ids, known.ended)
        assert said.logps == pytest.approx(known.logps, abs=CLOSE)


def test_at_temperature_zero_all_samples_are_the_same(engine: VllmEngine):
    for line in engine.generate(requests(), samples=3, temperature=0.0, max_tokens=9):
        assert len(line) == 3
        assert len(set(line)) == 1


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_drawn_ends_as_it_should_and_has_the_policys_log_probabilities(
    engine: VllmEngine, local: LocalEngine, whole: bool
):
    drawn = engine.generate(requests(), samples=8, temperature=0.7, max_tokens=24, whole=whole)
    known = local.logps(requests(), [[reply.ids for reply in line] for line in drawn])
    steps = 0
    for line, expected in zip(drawn, known, strict=True):
        assert len(line) == 8
        assert len(set(line)) > 1
        for reply, logps in zip(line, expected, strict=True):
            assert reply.logps == pytest.approx(logps, abs=CLOSE)  # at temperature 1
            assert END not in reply.ids[:-1]
            closed = local.steps.ends(reply.ids) if local.steps else []
            if whole:
                assert reply.ended == (reply.ids[-1] == END)
                steps += len(closed) > 1
            else:
                assert closed in ([], [len(reply.ids)])
                assert reply.ended == bool(closed or reply.ids[-1] == END)
                steps += bool(closed)
            assert reply.ended or len(reply.ids) == 24
    assert steps


def test_a_seed_decides_whoever_else_is_asked(engine: VllmEngine):
    draw: dict[str, Any] = {"samples": 2, "temperature": 1.0, "max_tokens": 24}
    together = engine.generate(requests(), **draw)
    alone = [engine.generate([request], **draw)[0] for request in requests()]
    assert [[r.ids for r in line] for line in together] == [[r.ids for r in line] for line in alone]
    other = engine.generate([replace(r, seed=r.seed + 50) for r in requests()], **draw)
    assert [[r.ids for r in line] for line in other] != [[r.ids for r in line] for line in together]


def test_replies_of_no_tokens_are_empty_and_a_full_context_is_refused(engine: VllmEngine):
    first, *rest = requests()
    lines = engine.generate(
        [replace(first, limit=0), *rest], samples=2, temperature=1.0, max_tokens=3
    )
    assert [reply.ids for reply in lines[0]] == [(), ()]
    assert not any(reply.ended for reply in lines[0])
    assert all(reply.ids for line in lines[1:] for reply in line)
    long = replace(first, ids=first.ids * 600, limit=None)
    with pytest.raises(EngineError, match="no room"):
        engine.generate([long], samples=1, temperature=1.0, max_tokens=3)


def test_likelihoods_and_values_of_any_reply_are_those_of_the_transformers_engine(
    engine: VllmEngine, local: LocalEngine
):
    replies = [[(7, 8, 9), (), (5,)], [], [(6, 6)], [(END,)], [()]]
    said, known = engine.logps(requests(), replies), local.logps(requests(), replies)
    assert [list(map(len, line)) for line in said] == [list(map(len, line)) for line in replies]
    for line, expected in zip(said, known, strict=True):
        for one, other in zip(line, expected, strict=True):
            assert one == pytest.approx(other, abs=CLOSE)
    assert engine.values(requests(), replies) == [
        pytest.approx(line, abs=1e-5) for line in local.values(requests(), replies)
    ]
    engine.fork("q0", "other")
    engine.close("q0")
    engine.close("nobody")
    with pytest.raises(EngineError, match="reference"):
        engine.logps(requests(), replies, reference=True)


def test_vllm_that_broke_ends_the_run_and_no_episode(networks):
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("CPU Generator does not use offset\nand more")

    engine = VllmEngine(
        SimpleNamespace(generate=broken),
        SimpleNamespace,
        None,
        stop_ids=PROMPT.stop_ids,
        max_context=600,
    )
    told = "vLLM broke: RuntimeError: CPU Generator does not use offset; run the same command again"
    with pytest.raises(EngineError, match=told):
        engine.generate(requests(), samples=1, temperature=1.0, max_tokens=3)
    with pytest.raises(EngineError, match=told):
        engine.logps(requests(), [[(5,)]] * len(QUESTIONS))


@pytest.mark.skipif(REAL, reason="vLLM is here; what is told where it is not cannot be seen")
def test_without_vllm_it_is_said_what_to_install(networks, tmp_path: Path):
    networks[0].save_pretrained(tmp_path)
    parts = Parts(policy=tmp_path, stop_ids=frozenset((END,)))
    with pytest.raises(SettingError, match="pip install vllm"):
        ENGINES.load("vllm")(parts)
    with pytest.raises(SettingError, match="CUDA_VISIBLE_DEVICES=1"):
        ENGINES.load("vllm")(replace(parts, device="cuda:1"))


@pytest.mark.skipif(REAL, reason="vLLM is here, and no stand-in is loaded in its place")
@pytest.mark.parametrize("stored", ["float32", "bfloat16"])
def test_vllm_is_given_the_policy_as_it_is_stored(
    networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str
):
    policy, value = networks
    policy.save_pretrained(tmp_path / "policy")
    value.save(tmp_path / "value")
    config = tmp_path / "policy" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"dtype": stored}))
    given: dict[str, Any] = {}

    def make(**settings: Any) -> Any:
        given.update(settings)
        context = SimpleNamespace(model_config=SimpleNamespace(max_model_len=77))
        return SimpleNamespace(llm_engine=context)

    fake = SimpleNamespace(LLM=make, SamplingParams=StandInParams)
    monkeypatch.setattr(engine_file, "_library", lambda: fake)
    parts = Parts(policy=tmp_path / "policy", stop_ids=frozenset((END,)), max_context=77)
    made = ENGINES.load("vllm")(parts)
    assert made.max_context == 77
    assert given["dtype"] == ("float32" if stored == "float32" else "auto")
    assert given["skip_tokenizer_init"]
    ENGINES.load("vllm")(replace(parts, dtype="float16"))
    assert given["dtype"] == "float16"
    assert given.get("enable_chunked_prefill", True) == torch.cuda.is_available()
    alone = given["gpu_memory_utilization"]
    ENGINES.load("vllm")(replace(parts, value=tmp_path / "value"))
    assert given["gpu_memory_utilization"] < alone
