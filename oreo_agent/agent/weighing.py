"""What the policy and its reference say of candidates, whoever proposed them."""

from collections.abc import Sequence
from dataclasses import replace

from oreo_agent.agent.engines import Engine, Request
from oreo_agent.agent.strategies import Candidate


def with_logps(
    engine: Engine, requests: Sequence[Request], lines: Sequence[Sequence[Candidate]]
) -> list[list[Candidate]]:
    """The candidates, those that no policy drew with the log-probabilities that it gives them.

    Args:
        engine: asked only where log-probabilities are missing.
        requests: distinct sessions.
        lines: candidates of each.
    """
    lacking = [[one.ids for one in line if not one.logps] for line in lines]
    rows = [i for i, line in enumerate(lacking) if any(line)]
    told: dict[int, list[tuple[float, ...]]] = {}
    if rows:
        found = engine.logps([requests[i] for i in rows], [lacking[i] for i in rows])
        told = dict(zip(rows, found, strict=True))
    filled: list[list[Candidate]] = []
    for i, line in enumerate(lines):
        known = iter(told.get(i, ()))
        filled.append([one if one.logps else replace(one, logps=next(known, ())) for one in line])
    return filled


def implicit_advantages(
    engine: Engine,
    requests: Sequence[Request],
    lines: Sequence[Sequence[Candidate]],
    beta: float | None,
) -> list[list[float | None]]:
    """Of each candidate beta * log(pi / pi_ref) (arXiv:2412.16145, fig. 1).

    Args:
        engine: knows the reference, unless ``beta`` is None.
        requests: distinct sessions.
        lines: candidates of each, with their log-probabilities.
        beta: reward units per nat; None tells nothing.
    """
    if beta is None:
        return [[None] * len(line) for line in lines]
    known = engine.logps(requests, [[one.ids for one in line] for line in lines], reference=True)
    return [
        [beta * (one.logp - sum(logps)) for one, logps in zip(line, told, strict=True)]
        for line, told in zip(lines, known, strict=True)
    ]
