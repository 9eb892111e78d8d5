"""Student's intervals of a difference over games, and over games and seeds."""

from collections.abc import Sequence
from statistics import mean, variance

from scipy.special import stdtrit

from oreo_agent.rollouts.statistics import CONFIDENCE, Difference


def mean_difference(leads: Sequence[int], plays: int, confidence: float = CONFIDENCE) -> Difference:
    """Second rate minus first over games played several times each, with Student's interval.

    The interval is over games: two plays of one game are not taken for independent. Two games that
    each of them won alone are added for its width, so that it has one also where none was seen.

    Args:
        leads: for each game, how many times more the second won it than the first; at least one.
        plays: how often each agent played each game.
        confidence: chance that such an interval covers the true difference.
    """
    value = mean(leads) / plays
    error, freedom = _over_games(leads, plays)
    return _student_interval(value, error, freedom, confidence)


def crossed_difference(
    leads: Sequence[Sequence[int]], confidence: float = CONFIDENCE
) -> Difference:
    """Second rate minus first over seeds that all played the same games, for new ones of both.

    Seeds and games are crossed random effects. The squared error of the mean is taken as that over
    games (`mean_difference`) plus that over seeds, which counts the chance of single plays twice
    and so errs on the wide side; degrees of freedom as Satterthwaite's (Biometrics 2, 1946). With
    two or three seeds the interval is wide because so few say little about others.

    Args:
        leads: for each seed (two or more) and each game, in one order, 1 where only the second
            won, -1 where only the first did, else 0.
        confidence: chance that such an interval covers the true difference.
    """
    games, game_freedom = _over_games([sum(game) for game in zip(*leads, strict=True)], len(leads))
    seeds = variance([mean(seed) for seed in leads]) / len(leads)
    seed_freedom = len(leads) - 1
    error = games + seeds
    freedom = error**2 / (games**2 / game_freedom + seeds**2 / seed_freedom)
    return _student_interval(float(mean(map(mean, leads))), error, freedom, confidence)


def _over_games(leads: Sequence[int], plays: int) -> tuple[float, int]:
    """Squared error of the mean share over games, and its degrees of freedom."""
    widened = [*(lead / plays for lead in leads), 1.0, -1.0]
    return variance(widened) / len(widened), len(widened) - 1


def _student_interval(value: float, error: float, freedom: float, confidence: float) -> Difference:
    """Student's interval of a difference with a squared error, within [-1, 1]."""
    half = float(stdtrit(freedom, 0.5 + confidence / 2)) * error**0.5
    return Difference(value=value, low=max(-1.0, value - half), high=min(1.0, value + half))
