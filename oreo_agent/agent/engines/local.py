"""The transformers engine: policy and value on this machine, with a cache for each session."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from oreo_agent.agent.engines import Parts, Reply, Request
from oreo_agent.agent.engines.judge import (
    Beside,
    Likelihood,
    Replies,
    check_room,
    limits_of,
    load_beside,
    place_of,
    precision_of,
)
from oreo_agent.agent.engines.tree import TreeReader
from oreo_agent.model.networks import ValueNetwork, load_policy, output_weight
from oreo_agent.model.steps import Steps
from oreo_agent.model.threads import use_threads


def open_engine(parts: Parts) -> "LocalEngine":
    """The networks in the folders of ``parts``, on its device.

    Raises:
        SettingError: there is no such device, or less than one thread.
        BundleError: weights cannot be read.
    """
    use_threads(parts.threads)
    place = place_of(parts.device)
    policy = load_policy(parts.policy, dtype=precision_of(parts.policy, parts.dtype, place))
    value, reference = load_beside(parts, place)
    most = parts.max_context or int(getattr(policy.config, "max_position_embeddings", 4096))
    return LocalEngine(
        policy.to(place),  # pyright: ignore[reportArgumentType]
        value,
        reference=reference,
        stop_ids=parts.stop_ids,
        max_context=most,
        steps=parts.steps,
    )


class LocalEngine(Beside):
    """Samples replies and reads values in batches; only new tokens are encoded."""

    def __init__(
        self,
        policy: PreTrainedModel,
        value: ValueNetwork | None,
        *,
        reference: PreTrainedModel | None = None,
        stop_ids: frozenset[int],
        max_context: int,
        steps: Steps | None = None,
    ) -> None:
        self.stop_ids = stop_ids
        self.max_context = max_context
        self.steps = steps
        super().__init__(value, reference)
        self._own = Likelihood(policy)

    @property
    def policy(self) -> PreTrainedModel:
        """Whose replies they are."""
        return self._own.policy

    @property
    def value(self) -> ValueNetwork | None:
        """Whose V it is; None if there is none."""
        return self._judge.value

    @property
    def _reader(self) -> TreeReader:
        return self._own.reader

    @property
    def _readers(self) -> list[TreeReader]:
        return [self._reader, *super()._readers]

    @property
    def encoded(self) -> int:
        """Tokens that all networks together have read so far, padding not counted."""
        return sum(reader.encoded for reader in self._readers)

    @torch.inference_mode()
    def generate(
        self,
        requests: Sequence[Request],
        *,
        samples: int,
        temperature: float,
        max_tokens: int,
        whole: bool = False,
    ) -> list[list[Reply]]:
        """``samples`` replies a request, all drawn side by side.

        Raises:
            EngineError: a history leaves no room for a reply.
        """
        limits = limits_of(requests, max_tokens)
        check_room(requests, limits, self.max_context)
        sessions = [r.session for r in requests]
        lengths = [len(r.ids) for r in requests]
        noise = torch.from_numpy(
            np.stack([_noise(r.seed, samples, max_tokens, r.drawn) for r in requests])
        ).to(self.policy.device)
        hidden, _ = self._reader.read(sessions, [r.ids for r in requests])
        hidden = hidden[:, None].expand(-1, samples, -1)
        steps = None if whole else self.steps
        branches = [[_Branch(limit, steps) for _ in range(samples)] for limit in limits]
        rows = list(range(len(requests)))  # in which something is still drawn, and a few others
        grown = [list(line) for line in branches]  # of these rows the branches that are grown
        for step in range(max(limits)):
            tokens, logps = self._draw(hidden, temperature, noise[:, :, step])
            self._take(grown, tokens, logps)
            alive = [i for i, line in enumerate(grown) if any(b.open for b in line)]
            if not alive:
                break
            if 2 * len(alive) <= len(rows):
                rows, grown = [rows[i] for i in alive], [grown[i] for i in alive]
                tokens, noise = tokens[alive], noise[alive]
            names, known = [sessions[r] for r in rows], [lengths[r] for r in rows]
            kept = _open_first(grown)
            if 2 * len(kept[0]) <= len(grown[0]):
                where = torch.tensor(kept, device=tokens.device)
                self._reader.narrow(names, known, where, len(grown[0]), step)
                tokens = tokens.gather(1, where)
                noise = noise.gather(1, where[:, :, None].expand(-1, -1, noise.shape[2]))
                grown = [[line[k] for k in at] for line, at in zip(grown, kept, strict=True)]
            hidden = self._reader.grow(names, known, tokens, step)
        return [[branch.reply() for branch in line] for line in branches]

    def _take(self, branches: Sequence[Sequence["_Branch"]], tokens: Tensor, logps: Tensor) -> None:
        """Give each branch that is open its next token."""
        for line, ids, chances in zip(branches, tokens.tolist(), logps.tolist(), strict=True):
            for branch, token, logp in zip(line, ids, chances, strict=True):
                if branch.open:
                    branch.add(token, logp, stops=token in self.stop_ids)

    def logps(
        self, requests: Sequence[Request], replies: Replies, *, reference: bool = False
    ) -> list[list[tuple[float, ...]]]:
        """Log-probability of each token of each reply.

        Raises:
            EngineError: the reference is asked for, and there is none.
        """
        ask = self._reference_logps if reference else self._own.logps
        return ask(requests, replies)

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


class _Branch:
    """A reply while it is drawn."""

    def __init__(self, limit: int, steps: Steps | None) -> None:
        self._limit, self._steps = limit, steps
        self._ids: list[int] = []
        self._logps: list[float] = []
        self._end: int | None = None
        self.open = limit > 0

    def add(self, token: int, logp: float, *, stops: bool) -> None:
        """One token more; whether a step closed before it may be known only now."""
        self._ids.append(token)
        self._logps.append(logp)
        if self._steps is not None:
            self._end = self._steps.first(self._ids)
        if self._end is None and stops:
            self._end = len(self._ids)
        self.open = self._end is None and len(self._ids) < self._limit

    def reply(self) -> Reply:
        """What was drawn, up to where it closed."""
        end = self._end
        ids, logps = tuple(self._ids[:end]), tuple(self._logps[:end])
        return Reply(ids=ids, logps=logps, ended=end is not None)


def _open_first(lines: Sequence[Sequence[_Branch]]) -> list[list[int]]:
    """Of each line so many places as the most open branches of any, its open ones first."""
    most = max(sum(branch.open for branch in line) for line in lines)
    return [sorted(range(len(line)), key=lambda k: (not line[k].open, k))[:most] for line in lines]


def _noise(seed: int, samples: int, tokens: int, drawn: int) -> np.ndarray:
    """(K, T) uniform numbers that follow from the seed alone, whatever else is in the batch."""
    key = np.array([seed % 2**64, 0 if samples == 1 else drawn], dtype=np.uint64)
    numbers = np.random.Generator(np.random.Philox(key=key))
    if samples == 1:
        numbers.random(drawn)
    return numbers.random((samples, tokens))
