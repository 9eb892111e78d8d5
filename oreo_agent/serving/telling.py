"""Decisions and judgements as clients read them: plain data, every candidate with its reasons."""

from typing import Any

from oreo_agent.agent.strategies import Candidate, Decision
from oreo_agent.serving.mind import Answer, Appraisal
from oreo_agent.serving.served import Plan, Served


def decision(answer: Answer, plan: Plan, served: Served, seed: int) -> dict[str, Any]:
    """The answer of ``/v1/decide``."""
    told = answer.told
    assert isinstance(told, Decision)
    return {
        "object": "oreo.decision",
        "model": served.name,
        "fingerprint": served.agent.fingerprint,
        "command": told.choice.command,
        "text": told.choice.text,
        **reasons(told, plan, seed),
        "prompt_tokens": answer.prompt_tokens,
    }


def reasons(told: Decision, plan: Plan, seed: int) -> dict[str, Any]:
    """Why a reply was chosen; also what a chat's answer holds under ``oreo``."""
    return {
        "strategy": told.strategy,
        "settings": dict(plan.settings),
        "objection": plan.objection or None,
        "seed": seed,
        "chosen": told.chosen,
        "value": told.value,
        "probability": told.probability,
        "candidates": [candidate(one) for one in told.candidates],
        "policy_tokens": drawn(told),
        "seconds": told.seconds,
    }


def drawn(told: Decision) -> int:
    """Tokens that were drawn for a decision; where nobody counted, those of its candidates."""
    return told.policy_tokens or sum(len(one.ids) for one in told.candidates)


def judgement(answer: Answer, served: Served) -> dict[str, Any]:
    """The answer of ``/v1/values``."""
    told = answer.told
    assert isinstance(told, Appraisal)
    return {
        "object": "oreo.values",
        "model": served.name,
        "fingerprint": served.agent.fingerprint,
        "value": told.value,
        "probability": told.probability,
        "candidates": [candidate(one) for one in told.candidates],
        "prompt_tokens": answer.prompt_tokens,
        "seconds": told.seconds,
    }


def candidate(one: Candidate) -> dict[str, Any]:
    """A reply that was considered."""
    return {
        "text": one.text,
        "command": one.command,
        "ids": one.ids,
        "tokens": len(one.ids),
        "logp": one.logp,
        "value": one.value,
        "probability": one.probability,
        "advantage": one.advantage,
        "implicit_advantage": one.implicit_advantage,
        "admissible": one.admissible,
        "ended": one.ended,
    }
