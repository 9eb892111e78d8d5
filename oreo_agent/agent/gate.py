"""The gate: a value that is known to choose badly does not choose, unless it is told to."""

from collections.abc import Mapping
from typing import Any

from oreo_agent.model.trust import PAPERS_BETA, Trust

_SCORES = {"best-of-k": "score", "beam": "score", "best-of-n": "by"}
"""Strategies that choose by a score, and what they call it."""
_WITHOUT_VALUE = {"value": "logp", "weighted-majority": "majority"}
"""What chooses in the value's place."""


def objection(strategy: str, settings: Mapping[str, Any], trust: Trust | None) -> str:
    """Why V should not choose; empty if it is not to choose, or nothing is known against it.

    Args:
        strategy: how is decided.
        settings: those of its settings that are given.
        trust: the verdict that the bundle keeps. It is on V with one weight of the log-probability
            beside it, and on no other.
    """
    if strategy not in _SCORES or settings.get(_SCORES[strategy], "value") not in _WITHOUT_VALUE:
        return ""
    usual = 0.0 if strategy == "best-of-k" else PAPERS_BETA
    if trust is None or trust.trusted != "no" or trust.weight != settings.get("weight", usual):
        return ""
    return trust.sentence


def by_policy(strategy: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with which the same strategy chooses by the policy; V is still told if it can.

    Args:
        strategy: to which there is an `objection`.
        settings: those that are given.
    """
    name = _SCORES[strategy]
    watched = {"values": True} if strategy == "best-of-k" else {}
    return {**settings, name: _WITHOUT_VALUE[settings.get(name, "value")], **watched}
