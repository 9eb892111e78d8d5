"""The gate: a value that is known to choose badly does not choose, unless it is told to."""

from dataclasses import replace
from typing import Any

from oreo_agent.agent.strategies import Strategy
from oreo_agent.agent.strategies.beam import Beam
from oreo_agent.agent.strategies.best_of_k import BestOfK
from oreo_agent.agent.strategies.best_of_n import BestOfN
from oreo_agent.model.trust import Trust

_WITHOUT_VALUE = {"value": "logp", "weighted-majority": "majority"}
"""What chooses in the value's place."""


def objection(strategy: Strategy, trust: Trust | None) -> str:
    """Why V should not choose; empty if it is not to choose, or nothing is known against it.

    Of strategies that do not come with this package nobody knows what they choose by: there is no
    objection to them.

    Args:
        strategy: as it was asked for.
        trust: the verdict that the value's bundle keeps. It is on V with one weight of the
            log-probability beside it, and on no other; and on replies or on whole solutions.
    """
    if not isinstance(strategy, BestOfK | Beam | BestOfN) or strategy.score not in _WITHOUT_VALUE:
        return ""
    if trust is None or trust.trusted != "no" or trust.weight != strategy.weight:
        return ""
    if trust.whole == isinstance(strategy, BestOfK):
        return ""
    return trust.sentence


def by_policy(strategy: Strategy) -> Strategy:
    """The same strategy, choosing by the policy; V is still told if it can.

    Args:
        strategy: to which there is an `objection`.
    """
    known: Any = strategy
    if isinstance(known, BestOfN):
        return replace(known, by=_WITHOUT_VALUE[known.by])  # pyright: ignore[reportArgumentType]
    watched = {"values": True} if isinstance(known, BestOfK) else {}
    return replace(known, score=_WITHOUT_VALUE[known.score], **watched)
