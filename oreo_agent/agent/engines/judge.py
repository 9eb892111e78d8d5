"""What is asked of networks about replies that are there: V at their ends, their likelihood."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from oreo_agent.agent.engines import Request
from oreo_agent.agent.engines.tree import TreeReader
from oreo_agent.errors import EngineError, SettingError
from oreo_agent.model.networks import ValueNetwork, output_weight

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


def known(reference: Likelihood | None) -> Likelihood:
    """The reference.

    Raises:
        EngineError: there is none.
    """
    if reference is None:
        raise EngineError(
            "this agent does not know the policy that it learned from; name its folder as "
            "reference when it is loaded"
        )
    return reference


def _scored(states: Tensor, ids: tuple[int, ...], weight: Tensor) -> tuple[float, ...]:
    """(T, H) states, each before one of the ids, to the log-probabilities of the ids."""
    if not ids:
        return ()
    logits = functional.linear(states, weight).float()
    tokens = torch.tensor(ids, device=logits.device)[:, None]
    return tuple(functional.log_softmax(logits, dim=-1).gather(-1, tokens)[:, 0].tolist())
