"""Whole solutions of one problem side by side: what best-of-n asks of a value, and how a beam ends.

V is not alone there: the likelihood of a solution knows something of its own. How much it counts
beside V is found on the problems on which V is judged, and each of them is judged at a weight that
was found without it (decision 0013).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.ranking import Reply, State
from oreo_agent.model.trust import LEAST_INSTANCES, PAPERS_BETA

WEIGHTS = (PAPERS_BETA, 0.0, 0.01, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 3.0)
"""Of log-probability beside V, from which one is found; where none is better, the paper's."""
FOLDS = 5
"""Parts of the instances, each judged by a weight that was found on the others."""


def solutions(
    episodes: Sequence[Tokens],
    ends: Sequence[Sequence[float]],
    logps: Sequence[Sequence[float]],
) -> list[State]:
    """The problems that one player answered twice or more, each draw one reply.

    Args:
        episodes: any, in any order. Left out are branches, whose parents were taken for how they
            ended, and what a limit cut: nothing that ended by itself loses to it in play.
        ends: for each episode, V at the end of each step.
        logps: for each episode, the log-probability of each step, in nats.
    """
    found: dict[tuple[str, str], list[Reply]] = defaultdict(list)
    for episode, line, said in zip(episodes, ends, logps, strict=True):
        if episode.cut or episode.lent is not None:
            continue
        reply = Reply(line[-1], line[-1], sum(said), [episode.reward])
        found[episode.instance, episode.player].append(reply)
    return [State(name, drawn) for (name, _), drawn in sorted(found.items()) if len(drawn) > 1]


def mixed(states: Sequence[State], weight: float) -> list[State]:
    """The same states, their values with ``weight`` times the log-probability added."""

    def one(reply: Reply) -> Reply:
        more = weight * reply.logp
        return replace(reply, value=reply.value + more, seen=reply.seen + more)

    return [State(state.instance, list(map(one, state.replies))) for state in states]


def crossed(states: Sequence[State]) -> tuple[list[State], float]:
    """The same states as `mixed`, each at the weight found on others, and the weight found on all.

    A weight of `WEIGHTS` is found by what its choices win, each state alike. So what is said of
    the choices is said of problems that had no part in finding how to choose.

    Args:
        states: whose instances are put into `FOLDS` parts; where they are fewer than
            `LEAST_INSTANCES` the weight is the paper's.
    """
    names = sorted({state.instance for state in states})
    if len(names) < LEAST_INSTANCES:
        return mixed(states, PAPERS_BETA), PAPERS_BETA
    lines = [mixed(states, weight) for weight in WEIGHTS]
    wins = np.array([[state.taken("value") for state in line] for line in lines])
    part = {name: at % FOLDS for at, name in enumerate(names)}
    own = np.array([part[state.instance] for state in states])
    best = [_best_weight(wins[:, own != each]) for each in range(FOLDS)]
    judged = [lines[best[part[state.instance]]][at] for at, state in enumerate(states)]
    return judged, WEIGHTS[_best_weight(wins)]


def _best_weight(wins: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> int:
    """The place in `WEIGHTS` of the row with the largest sum; of equal ones the first."""
    return int(wins.sum(1).round(9).argmax())


def choice_figures(problems: Sequence[State]) -> dict[str, float]:
    """What taking one of the solutions of a problem comes to, by V, by the policy and by chance.

    Returns:
        ``problems``, with more than one solution drawn; ``chosen_value``, ``chosen_logp`` and
        ``chosen_chance``: the share of them in which the solution that each would take is right.
        Empty without such problems.
    """
    if not problems:
        return {}
    return {
        "problems": len(problems),
        "chosen_value": fmean([problem.taken("value") for problem in problems]),
        "chosen_logp": fmean([problem.taken("logp") for problem in problems]),
        "chosen_chance": fmean([problem.chance for problem in problems]),
    }
