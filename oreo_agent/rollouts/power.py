"""How many games show a difference, and what difference a number of games can show.

Normal approximations of the exact tests' power. For games that are played once they come within a
tenth (or two games) of what an exact count of the binomials gives; a test holds them against it.
"""

from functools import cache
from math import ceil

import msgspec

from oreo_agent.errors import SettingError
from oreo_agent.rollouts.statistics import CONFIDENCE, falling_root, mcnemar, normal_quantile

POWER = 0.8
SEEDS = (1, 3, 5)
"""Numbers of seeds that a plan tells apart."""
TYPICAL = 0.5
"""Of the games that would be won by only one of two independent agents, the share that in fact is.

Agents share the hard games and the easy ones. Two ways of training from one base, or two ways of
acting with one policy, come to about this share in docs/experiments.md.
"""


@cache
def least_significant_lead(confidence: float = CONFIDENCE) -> int:
    """How many games one must win alone, the other none, before `mcnemar` is significant."""
    lead = 1
    while mcnemar(0, lead) > 1 - confidence:
        lead += 1
    return lead


def needed_games(
    difference: float,
    square: float,
    plays: int = 1,
    confidence: float = CONFIDENCE,
    power: float = POWER,
) -> int:
    """How many paired games show a true difference of rates d with chance ``power``.

    With m the mean square lead and z the normal quantiles of the test and of its power,

        n = (z_test sqrt(m) + z_power sqrt(m - d^2))^2 / d^2  +  2 / (d k) - 2 / (m k^2)

    where each plays each game k times. The first part is Connor's (Biometrics 43, 1987). The rest
    corrects for continuity: an exact test loses about a step of the sum of leads, which is two
    games wide where leads go both ways; where all go one way, d = m k, nothing is lost. Never
    fewer than the exact test asks for in the best of cases.

    Args:
        difference: d, above 0, at most 1.
        square: m: the mean over games of the squared lead, as a share of the plays; for games
            that are played once this is the share that only one of the two wins.
        plays: k: how often each agent plays each game, once for each seed.
        confidence: of the test.
        power: chance of a significant result.
    """
    needed = _games(difference, square, plays, confidence, power)
    # what is 20 but for rounding is 20
    return max(least_significant_lead(confidence), ceil(needed - 1e-9))


def detectable_difference(
    n: int,
    square: float,
    plays: int = 1,
    confidence: float = CONFIDENCE,
    power: float = POWER,
) -> float | None:
    """The smallest true difference of rates that ``n`` paired games show with chance ``power``.

    `needed_games` solved for the difference (approximate), and never less than what the exact
    test asks for in the best of cases.

    Args:
        n: games that both played.
        square: the mean over games of the squared lead, as a share of the plays; for games that
            are played once this is the share that only one of the two wins.
        plays: how often each agent plays each game, once for each seed.
        confidence: of the test.
        power: chance of a significant result.

    Returns:
        In (0, 1], or None if no result of so few games is significant.
    """
    lead = least_significant_lead(confidence)
    if n < lead:
        return None

    def missing(difference: float) -> float:
        return _games(difference, square, plays, confidence, power) - n

    if missing(1.0) > 0:
        return 1.0
    return max(falling_root(missing, 1e-9, 1.0), lead / n / plays)


def _games(difference: float, square: float, plays: int, confidence: float, power: float) -> float:
    """The formula of `needed_games`."""
    z_test, z_power = normal_quantile(0.5 + confidence / 2), normal_quantile(power)
    # Leads that are d on average cannot be smaller than this.
    square = max(square, difference / plays, difference**2)
    spread = z_test * square**0.5 + z_power * (square - difference**2) ** 0.5
    correction = 2 / (difference * plays) - 2 / (square * plays**2)
    return (spread / difference) ** 2 + correction


def independent_split(success: float, difference: float) -> float:
    """Of the games, the share that only one of two independent agents wins.

    Args:
        success: rate of the one, 0 to 1.
        difference: by how much the other's is higher or lower; the larger share counts.

    Raises:
        ValueError: there is no such other rate.
    """
    others = [rate for rate in (success + difference, success - difference) if 0 <= rate <= 1]
    if not others:
        raise ValueError(f"no rate is {difference} away from {success}")
    return max(success * (1 - other) + other * (1 - success) for other in others)


class Assumption(msgspec.Struct, frozen=True, kw_only=True):
    """How many games are needed if so many are won by only one of the two."""

    split_share: float
    """Of the games that each plays once, the share that only one of the two wins."""
    why: str
    games: dict[int, int]
    """By the number of seeds: games that each seed of each agent plays, the same for all."""


class PowerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to show a difference; seeds are taken to play independently of each other."""

    difference: float
    success: float | None
    """The agent's own rate, if it was told."""
    confidence: float
    power: float
    assumptions: list[Assumption]
    """The likeliest first."""


def plan_games(
    points: float, *, success: float | None = None, split_share: float | None = None
) -> PowerPlan:
    """How many games a true difference of ``points`` in 100 needs; plays nothing.

    Args:
        points: of success, above 0, at most 100.
        success: the agent's own rate, 0 to 1; None takes the worst, rates around a half.
        split_share: of games played once, the share that only one of the two wins; None takes
            what is typical and, as the worst case, agents that are independent of each other.

    Raises:
        SettingError: a figure is out of range, or the figures contradict each other.
    """
    if not 0 < points <= 100:
        raise SettingError(f"a difference of {points:g} points: name one above 0, at most 100")
    difference = points / 100
    if success is not None and not 0 <= success <= 1:
        raise SettingError(f"a success rate of {success:g}: name a share between 0 and 1")
    try:
        apart = independent_split((1 - difference) / 2 if success is None else success, difference)
    except ValueError as error:
        raise SettingError(
            f"a success rate of {success:g} leaves no room for {points:g} points more or less; "
            "name a smaller difference"
        ) from error
    if split_share is not None:
        if not difference - 1e-9 <= split_share <= 1:
            raise SettingError(
                f"a split share of {split_share:g} cannot give {points:g} points: it lies between "
                f"{difference:g} and 1, since each point is won alone"
            )
        shares = {"as told": split_share}
    else:
        shares = {
            "typical: both find the same games hard": TYPICAL * apart,
            "worst case: independent of each other": apart,
        }
    return PowerPlan(
        difference=difference,
        success=success,
        confidence=CONFIDENCE,
        power=POWER,
        assumptions=[_assume(why, share, difference) for why, share in shares.items()],
    )


def _assume(why: str, split_share: float, difference: float) -> Assumption:
    """The games that are needed; a difference is made of games that only one wins."""
    share = max(difference, split_share)
    games = {
        seeds: needed_games(difference, _square(share, difference, seeds), seeds) for seeds in SEEDS
    }
    return Assumption(split_share=share, why=why, games=games)


def _square(split_share: float, difference: float, seeds: int) -> float:
    """Mean square of a game's lead over seeds that play independently of each other."""
    return (split_share - difference**2) / seeds + difference**2
