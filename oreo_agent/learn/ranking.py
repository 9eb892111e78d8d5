"""Ranking within a state: what best-of-K asks of a value, which AUC over episodes does not show.

Episodes that begin alike and part at one reply tell how good the replies of one state are. The
figures ask which of them V would have taken, and how those that took it ended. V once the world
has answered is asked too: best-of-K cannot read it, but the distance between the two is what V
misses by not foreseeing answers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from oreo_agent.learn.batch import Tokens


@dataclass(slots=True)
class Reply:
    """One reply of a state, in all episodes that gave it there."""

    value: float
    """V at its end."""
    seen: float
    """V in the state that has seen the answer; at the end of an episode as ``value``."""
    logp: float
    """Its log-probability, in nats."""
    rewards: list[float] = field(default_factory=list[float])

    @property
    def success(self) -> float:
        """Mean reward of the episodes that gave it."""
        return sum(self.rewards) / len(self.rewards)


State = Mapping[tuple[int, ...], Reply]


def parted(
    episodes: Sequence[Tokens],
    ends: Sequence[Sequence[float]],
    seen: Sequence[Sequence[float]],
    logps: Sequence[Sequence[float]],
) -> list[State]:
    """The states in which episodes part: at least two replies, by ids.

    Args:
        episodes: any, in any order.
        ends: for each episode, V at the end of each reply.
        seen: for each episode, V where the next reply begins; after the last as in ``ends``.
        logps: for each episode, the log-probability of each reply, in nats.
    """
    states: dict[tuple[str, tuple[int, ...]], dict[tuple[int, ...], Reply]] = {}
    for episode, *figures in zip(episodes, ends, seen, logps, strict=True):
        for (begin, end), *of_reply in zip(_replies(episode), *figures, strict=True):
            state = states.setdefault((episode.instance, episode.ids[:begin]), {})
            said = state.setdefault(episode.ids[begin : end + 1], Reply(*of_reply))
            said.rewards.append(episode.reward)
    return [state for state in states.values() if len(state) > 1]


def ranking_figures(states: Sequence[State]) -> dict[str, float]:
    """How V orders the replies of one state, beside the policy and chance.

    Returns:
        ``states``, in which replies could be compared; ``concordance``: of two episodes that part
        there, one won and one lost, how often V prefers the winner's reply (ties half; chance
        gives .5), ``concordance_seen`` for V once the world has answered and ``concordance_logp``
        for the policy's own preference; ``taken_value``, ``taken_logp`` and ``taken_chance``: mean
        success after the reply that each would take.
        Empty without such states.
    """
    if not states:
        return {}
    lines = [list(state.values()) for state in states]
    return {
        "states": len(lines),
        "concordance": _concordance(lines, "value"),
        "concordance_seen": _concordance(lines, "seen"),
        "concordance_logp": _concordance(lines, "logp"),
        "taken_value": _mean([max(line, key=lambda r: r.value).success for line in lines]),
        "taken_logp": _mean([max(line, key=lambda r: r.logp).success for line in lines]),
        "taken_chance": _mean([_mean([r.success for r in line]) for line in lines]),
    }


def _concordance(lines: Sequence[Sequence[Reply]], by: str) -> float:
    """Over all pairs of a won and a lost episode whose replies differ; nan without any."""
    agreed = total = 0.0
    for line in lines:
        for better in line:
            for worse in line:
                pairs = sum(better.rewards) * sum(1 - r for r in worse.rewards)
                if better is worse or not pairs:
                    continue
                gap = getattr(better, by) - getattr(worse, by)
                agreed += pairs * (0.5 if gap == 0 else gap > 0)
                total += pairs
    return agreed / total if total else math.nan


def _replies(episode: Tokens) -> list[tuple[int, int]]:
    """First and last place of each reply."""
    acted = set(episode.actions)
    found: list[tuple[int, int]] = []
    for end in episode.ends:
        begin = end
        floor = found[-1][1] if found else -1
        while begin - 1 > floor and begin - 1 in acted:
            begin -= 1
        found.append((begin, end))
    return found


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
