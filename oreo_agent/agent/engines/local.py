"""The transformers engine: policy and value on this machine, with a cache for each session."""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from oreo_agent.agent.engines import Reply, Request
from oreo_agent.agent.engines.tree import TreeReader
from oreo_agent.errors import EngineError
from oreo_agent.model.networks import ValueNetwork, output_weight


class LocalEngine:
    """Samples replies and reads values in batches; only new tokens are encoded."""

    def __init__(
        self,
        policy: PreTrainedModel,
        value: ValueNetwork | None,
        *,
        stop_ids: frozenset[int],
        max_context: int,
    ) -> None:
        self.policy = policy.eval().requires_grad_(False)
        self.value = value.eval().requires_grad_(False) if value is not None else None
        self.stop_ids = stop_ids
        self.max_context = max_context
        self._reader = TreeReader(cast(PreTrainedModel, policy.base_model))
        self._judge = TreeReader(value.body) if value is not None else None

    def close(self, session: str) -> None:
        """Forget a session."""
        self._reader.close(session)
        if self._judge is not None:
            self._judge.close(session)

    @torch.inference_mode()
    def generate(
        self, requests: Sequence[Request], *, samples: int, temperature: float, max_tokens: int
    ) -> list[list[Reply]]:
        """``samples`` replies a request, all drawn side by side.

        Raises:
            EngineError: a history leaves no room for a reply.
        """
        for request in requests:
            if len(request.ids) + max_tokens > self.max_context:
                raise EngineError(
                    f"a history of {len(request.ids)} tokens leaves no room for a reply of "
                    f"{max_tokens} in a context of {self.max_context}; lower the step limit"
                )
        sessions = [r.session for r in requests]
        lengths = [len(r.ids) for r in requests]
        noise = torch.from_numpy(
            np.stack([_noise(r.seed, samples, max_tokens) for r in requests])
        ).to(self.policy.device)
        hidden, _ = self._reader.read(sessions, [r.ids for r in requests])
        hidden = hidden[:, None].expand(-1, samples, -1)
        stop = torch.tensor(sorted(self.stop_ids), device=self.policy.device)
        alive = torch.ones(len(requests), samples, dtype=torch.bool, device=self.policy.device)
        drawn: list[_Drawn] = []
        for step in range(max_tokens):
            tokens, logps = self._draw(hidden, temperature, noise[:, :, step])
            drawn.append(_Drawn(tokens.tolist(), logps.tolist()))
            alive = alive & ~torch.isin(tokens, stop)
            if step + 1 == max_tokens or not bool(alive.any()):
                break
            hidden = self._reader.grow(sessions, lengths, tokens, step)
        return [[self._reply(drawn, r, k) for k in range(samples)] for r in range(len(requests))]

    @torch.inference_mode()
    def values(
        self, requests: Sequence[Request], replies: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[list[float]]:
        """V at the end of each reply; an empty reply asks for V of the history.

        Raises:
            EngineError: the agent has no value network.
        """
        if self.value is None or self._judge is None:
            raise EngineError(
                "this agent has no value network; train one with `oreo-agent train --method oreo`, "
                "or take a strategy that asks for no value"
            )
        sessions, histories = [r.session for r in requests], [r.ids for r in requests]
        _, ends = self._judge.read(sessions, histories, replies)
        flat = [hidden for line in ends for hidden in line]
        if not flat:
            return [[] for _ in replies]
        found = iter(self.value.head(torch.stack(flat)).tolist())
        return [[next(found) for _ in line] for line in ends]

    def _draw(self, hidden: Tensor, temperature: float, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(R, K, H) states and (R, K) uniform numbers to tokens and their log-probabilities."""
        logits = functional.linear(hidden, output_weight(self.policy)).float()
        full = functional.log_softmax(logits, dim=-1)
        if temperature <= 0:
            tokens = full.argmax(-1)
        else:
            heap = functional.softmax(full / temperature, dim=-1, dtype=torch.float64).cumsum(-1)
            aim = noise[..., None] * heap[..., -1:]
            tokens = torch.searchsorted(heap, aim, right=True).squeeze(-1)
            tokens = tokens.clamp(max=heap.shape[-1] - 1)
        return tokens, full.gather(-1, tokens[..., None]).squeeze(-1)

    def _reply(self, drawn: Sequence["_Drawn"], row: int, branch: int) -> Reply:
        ids: list[int] = []
        logps: list[float] = []
        for step in drawn:
            ids.append(step.tokens[row][branch])
            logps.append(step.logps[row][branch])
            if ids[-1] in self.stop_ids:
                return Reply(ids=tuple(ids), logps=tuple(logps), ended=True)
        return Reply(ids=tuple(ids), logps=tuple(logps), ended=False)


class _Drawn(NamedTuple):
    """One step's (R, K) tokens and log-probabilities."""

    tokens: list[list[int]]
    logps: list[list[float]]


def _noise(seed: int, samples: int, tokens: int) -> np.ndarray:
    """(K, T) uniform numbers that follow from the seed alone, whatever else is in the batch."""
    return np.random.Generator(np.random.Philox(key=seed % 2**64)).random((samples, tokens))
