"""What is asked of networks about replies that are there: V at their ends, their likelihood."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig, PreTrainedModel

from oreo_agent.agent.engines import USUAL_DTYPE, Parts, Request
from oreo_agent.agent.engines.tree import TreeReader
from oreo_agent.errors import EngineError, SettingError
from oreo_agent.model.networks import ValueNetwork, load_policy, output_weight
from oreo_agent.model.reading import pretrained

Replies = Sequence[Sequence[tuple[int, ...]]]


def place_of(device: str) -> torch.device:
    """The device of that name; ``auto`` is a GPU if there is one.

    Raises:
        SettingError: nothing can be computed there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
        torch.zeros(1, device=place).item()
    except (RuntimeError, AssertionError, ImportError) as error:  # by backend of torch
        there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        why = str(error).partition("\n")[0]
        raise SettingError(
            f"nothing can be computed on the device {device!r} ({why}); here is "
            f"{', '.join(there)}: take one of those, or auto"
        ) from error
    return place


def precision_of(folder: Path, dtype: str, place: torch.device) -> torch.dtype:
    """Of the weights of the model in ``folder``, on that device.

    Raises:
        BundleError: ``auto`` was asked for and its configuration cannot be read.
    """
    if dtype != USUAL_DTYPE:
        return cast(torch.dtype, getattr(torch, dtype))
    if place.type == "cpu":  # few compute in bfloat16 faster than in float32
        return torch.float32
    stored = stored_precision(folder)
    return stored if stored in (torch.bfloat16, torch.float16) else torch.float32


def stored_precision(folder: Path) -> torch.dtype | None:
    """Of the weights of the model in ``folder``; None if its configuration does not tell.

    Raises:
        BundleError: that cannot be read.
    """
    return cast(torch.dtype | None, pretrained(AutoConfig, folder, "model").dtype)


def check_room(requests: Sequence[Request], limits: Sequence[int], most: int) -> None:
    """See that each history leaves room for its reply.

    Args:
        requests: with their histories.
        limits: the longest reply to each, in tokens.
        most: the context, in tokens.

    Raises:
        EngineError: one does not.
    """
    for request, limit in zip(requests, limits, strict=True):
        if len(request.ids) + limit > most:
            raise EngineError(
                f"a history of {len(request.ids)} tokens leaves no room for a reply of "
                f"{limit} in a context of {most}; lower the step limit"
            )


def limits_of(requests: Sequence[Request], max_tokens: int) -> list[int]:
    """The longest reply to each request, in tokens."""
    return [max_tokens if r.limit is None else min(max_tokens, r.limit) for r in requests]


class Judge:
    """V at the ends of replies; keeps what it has read of each session."""

    def __init__(self, value: ValueNetwork | None) -> None:
        self.value = value.eval().requires_grad_(False) if value is not None else None
        self.reader = TreeReader(value.body) if value is not None else None

    @torch.inference_mode()
    def values(self, requests: Sequence[Request], replies: Replies) -> list[list[float]]:
        """V at the end of each reply; an empty reply asks for V of the history.

        Raises:
            EngineError: there is no value network.
        """
        if self.value is None or self.reader is None:
            raise EngineError(
                "this agent has no value network; train one with `oreo-agent train --method oreo`, "
                "or take a strategy that asks for no value"
            )
        sessions, histories = [r.session for r in requests], [r.ids for r in requests]
        _, ends = self.reader.read(sessions, histories, replies)
        flat = [hidden for line in ends for hidden in line]
        if not flat:
            return [[] for _ in replies]
        found = iter(self.value.head(torch.stack(flat)).tolist())
        return [[next(found) for _ in line] for line in ends]


class Likelihood:
    """Log-probabilities of replies under one policy; keeps what it has read of each session."""

    def __init__(self, policy: PreTrainedModel) -> None:
        self.policy = policy.eval().requires_grad_(False)
        self.reader = TreeReader(cast(PreTrainedModel, policy.base_model))

    @torch.inference_mode()
    def logps(self, requests: Sequence[Request], replies: Replies) -> list[list[tuple[float, ...]]]:
        """Log-probability of each token of each reply at temperature 1, in nats."""
        sessions, histories = [r.session for r in requests], [r.ids for r in requests]
        along = self.reader.along(sessions, histories, replies)
        weight = output_weight(self.policy)
        return [
            [_scored(states, ids, weight) for states, ids in zip(*line, strict=True)]
            for line in zip(along, replies, strict=True)
        ]


class Beside:
    """V and the reference: what every engine reads beside the replies that it draws."""

    def __init__(self, value: ValueNetwork | None, reference: PreTrainedModel | None) -> None:
        self._judge = Judge(value)
        self._reference = None if reference is None else Likelihood(reference)

    @property
    def _readers(self) -> list[TreeReader]:
        """All that keeps something of a session."""
        also = None if self._reference is None else self._reference.reader
        return [reader for reader in (self._judge.reader, also) if reader is not None]

    def close(self, session: str) -> None:
        """Forget a session."""
        for reader in self._readers:
            reader.close(session)

    def fork(self, session: str, other: str) -> None:
        """Copy what the networks have read of ``session`` to ``other``."""
        for reader in self._readers:
            reader.fork(session, other)

    def values(self, requests: Sequence[Request], replies: Replies) -> list[list[float]]:
        """V at the end of each reply; an empty reply asks for V of the history.

        Raises:
            EngineError: the agent has no value network.
        """
        return self._judge.values(requests, replies)

    def _reference_logps(
        self, requests: Sequence[Request], replies: Replies
    ) -> list[list[tuple[float, ...]]]:
        if self._reference is None:
            raise EngineError(
                "this agent does not know the policy that it learned from; name its folder as "
                "reference when it is loaded"
            )
        return self._reference.logps(requests, replies)


def load_beside(
    parts: Parts, place: torch.device
) -> tuple[ValueNetwork | None, PreTrainedModel | None]:
    """The value network and the reference in the folders of ``parts``, as far as they are named.

    Raises:
        BundleError: weights cannot be read.
    """
    value = reference = None
    if parts.value is not None:
        dtype = precision_of(parts.value, parts.dtype, place)
        value = ValueNetwork.load(parts.value, dtype=dtype).to(place)
    if parts.reference is not None:
        dtype = precision_of(parts.reference, parts.dtype, place)
        reference = load_policy(parts.reference, dtype=dtype).to(place)  # pyright: ignore[reportArgumentType]
    return value, reference


def _scored(states: Tensor, ids: tuple[int, ...], weight: Tensor) -> tuple[float, ...]:
    """(T, H) states, each before one of the ids, to the log-probabilities of the ids."""
    if not ids:
        return ()
    logits = functional.linear(states, weight).float()
    tokens = torch.tensor(ids, device=logits.device)[:, None]
    return tuple(functional.log_softmax(logits, dim=-1).gather(-1, tokens)[:, 0].tolist())
