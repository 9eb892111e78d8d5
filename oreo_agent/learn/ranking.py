"""Ranking within a state: what best-of-K asks of a value, which AUC over episodes does not show.

Episodes that begin alike and part at one reply tell how good the replies of one state are. The
figures ask which of them V would have taken, and how those that took it ended. V once the world
has answered is asked too: best-of-K cannot read it, but the distance between the two is what V
misses by not foreseeing answers.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from scipy.stats import kendalltau

from oreo_agent.learn.batch import Tokens
from oreo_agent.model.trust import AMONG_REPLIES, Choice, Estimate, Trust, verdict

RESAMPLES = 2000
"""Of the instances, for an interval."""


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
        return _mean(self.rewards)

    @property
    def halves(self) -> tuple[float, float]:
        """Mean rewards of every other episode, and of the rest; of two episodes or more."""
        return _mean(self.rewards[::2]), _mean(self.rewards[1::2])


@dataclass(frozen=True, slots=True)
class State:
    """A state in which episodes part, or a problem with several solutions."""

    instance: str
    replies: Sequence[Reply]
    """Two or more."""

    def taken(self, by: str) -> float:
        """Success after the reply with the largest ``by``; of equal ones the mean."""
        top = max(getattr(reply, by) for reply in self.replies)
        return _mean([reply.success for reply in self.replies if getattr(reply, by) == top])

    @property
    def chance(self) -> float:
        """Success after a reply that is drawn blindly."""
        return _mean([reply.success for reply in self.replies])


def parted(
    episodes: Sequence[Tokens],
    ends: Sequence[Sequence[float]],
    seen: Sequence[Sequence[float]],
    logps: Sequence[Sequence[float]],
) -> list[State]:
    """The states in which episodes of one player part: at least two replies, by ids.

    A reply is judged by how those went on who gave it: not by branches that only repeat it, as
    their parents were taken for how they ended, and where branches were tried, by these alone.

    Args:
        episodes: any, in any order.
        ends: for each episode, V at the end of each reply.
        seen: for each episode, V where the next reply begins; after the last as in ``ends``.
        logps: for each episode, the log-probability of each reply, in nats.
    """
    states: dict[object, dict[tuple[int, ...], Reply]] = {}
    instances: dict[object, str] = {}
    told = sorted(zip(episodes, ends, seen, logps, strict=True), key=lambda line: line[0].id)
    for episode, *figures in told:
        lines = zip(_replies(episode), *figures, strict=True)
        for turn, ((begin, end), *of_reply) in enumerate(lines):
            if turn < (episode.lent or 0):
                continue
            tried = turn == episode.lent
            place = (episode.instance, episode.player, tried, episode.ids[:begin])
            instances[place] = episode.instance
            state = states.setdefault(place, {})
            said = state.setdefault(episode.ids[begin : end + 1], Reply(*of_reply))
            said.rewards.append(episode.reward)
    return [
        State(instances[place], list(state.values()))
        for place, state in states.items()
        if len(state) > 1
    ]


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
    return {
        "states": len(states),
        "concordance": _concordance(states, "value"),
        "concordance_seen": _concordance(states, "seen"),
        "concordance_logp": _concordance(states, "logp"),
        "taken_value": _mean([state.taken("value") for state in states]),
        "taken_logp": _mean([state.taken("logp") for state in states]),
        "taken_chance": _mean([state.chance for state in states]),
    }


def weigh(states: Sequence[State], source: str, choice: Choice = AMONG_REPLIES) -> Trust:
    """What the states say of V's choices, each state alike, with intervals over instances.

    Args:
        states: of `parted` or `solutions`, which V was not trained on.
        source: where they are from, for people.
        choice: what their replies are, and what is in their values; its weight is kept.
    """
    rows: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for state in states:
        for name, figure in _gains(state).items():
            if not math.isnan(figure):
                rows[name].append((state.instance, figure))
    found = {name: _estimate(row) for name, row in rows.items()}
    instances = len({state.instance for state in states})
    return Trust(
        trusted=verdict(found.get("over_chance"), found.get("over_logp"), instances),
        states=len(states),
        instances=instances,
        source=source,
        weight=choice.weight,
        whole=choice.whole,
        **found,
    )


def _gains(state: State) -> dict[str, float]:
    """The figures of `Trust` in one state; nan where it has none."""
    value, logp, chance = state.taken("value"), state.taken("logp"), state.chance
    best = _best(state)
    flattered = max(reply.success for reply in state.replies)
    return {
        "over_chance": value - chance,
        "over_logp": value - logp,
        "tau": _tau(state, "value"),
        "tau_logp": _tau(state, "logp"),
        "regret": best - value,
        "regret_most": math.nan if math.isnan(best) else flattered - value,
        "regret_logp": best - logp,
        "regret_chance": best - chance,
    }


def _best(state: State) -> float:
    """Success after the best reply, found by one half of the continuations and judged by the other.

    The best of several noisy means flatters itself; this falls short instead, as half of the
    continuations may find another reply than the best. nan if a reply was continued only once.
    """
    if any(len(reply.rewards) < 2 for reply in state.replies):
        return math.nan
    halves = [reply.halves for reply in state.replies]
    judged: list[float] = []
    for finder, judge in ((0, 1), (1, 0)):
        top = max(half[finder] for half in halves)
        judged.append(_mean([half[judge] for half in halves if half[finder] == top]))
    return _mean(judged)


def _tau(state: State, by: str) -> float:
    """Kendall's tau-b of ``by`` and success; nan where one of the two is equal throughout."""
    said = [getattr(reply, by) for reply in state.replies]
    found = kendalltau(said, [reply.success for reply in state.replies])
    return float(cast("tuple[float, float]", found)[0])


def _concordance(states: Sequence[State], by: str) -> float:
    """Over all pairs of a won and a lost episode whose replies differ; nan without any."""
    agreed = total = 0.0
    for state in states:
        for better in state.replies:
            for worse in state.replies:
                pairs = sum(better.rewards) * sum(1 - r for r in worse.rewards)
                if better is worse or not pairs:
                    continue
                gap = getattr(better, by) - getattr(worse, by)
                agreed += pairs * (0.5 if gap == 0 else gap > 0)
                total += pairs
    return agreed / total if total else math.nan


def _estimate(row: Sequence[tuple[str, float]]) -> Estimate:
    """The mean of figures of states, and where it lies in 95 % of draws of their instances."""
    by_instance: dict[str, list[float]] = defaultdict(list)
    for instance, figure in row:
        by_instance[instance].append(figure)
    lines = [by_instance[name] for name in sorted(by_instance)]
    sums = np.array([sum(line) for line in lines])
    counts = np.array([len(line) for line in lines])
    draw = np.random.default_rng(0)
    means: list[float] = []
    for _ in range(RESAMPLES):
        drawn = draw.integers(len(lines), size=len(lines))
        means.append(float(sums[drawn].sum() / counts[drawn].sum()))
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(value=float(sums.sum() / counts.sum()), low=float(low), high=float(high))


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
