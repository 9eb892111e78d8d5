"""Ways of training with several seeds each, on the same games: what holds beyond one run."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev

import msgspec

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.rollouts.comparison import Comparison, compare, refuse_unlike
from oreo_agent.rollouts.power import detectable_difference
from oreo_agent.rollouts.report import Report
from oreo_agent.rollouts.statistics import (
    Difference,
    bootstrap_difference,
    holm,
    sign_flips,
)
from oreo_agent.rollouts.student import crossed_difference, mean_difference


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How often one way of training won, and how much that hangs on the seed."""

    label: str
    shares: list[float]
    """Success rate of each seed, in the order given."""
    mean: float
    deviation: float | None
    """Standard deviation over seeds; None for one seed."""


class SeedComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two ways of training, each with several seeds, on the same games."""

    seeds: list[Comparison]
    """One by one."""
    games: int
    first: int
    """Wins over all seeds."""
    second: int
    first_seeds: Spread
    second_seeds: Spread
    only_first: int
    only_second: int
    p: float
    """Exact and two-sided, over games: a game counts once, however many seeds played it."""
    p_adjusted: float
    """The same, raised by Holm for the comparisons that were made together."""
    difference: Difference
    """In success rate, with an interval over games."""
    bootstrap: Difference | None
    """With the paired bootstrap's over games; None if every game has the same lead."""
    crossed: Difference | None
    """With an interval over games and seeds, new ones of both; None for one seed."""
    detectable: float | None
    """The smallest difference that these games, played by as many seeds, would likely have shown,
    whatever other seeds would do; None: not any."""


def compare_seeds(firsts: Sequence[Report], seconds: Sequence[Report]) -> SeedComparison:
    """Compare the first of ``firsts`` with the first of ``seconds``, and so on, and all together.

    Raises:
        SettingError: not as many firsts as seconds.
        RecordError: contracts that differ by more than the seed, unlike games, or seeds of one
            side that decide in unlike ways.
    """
    if len(firsts) != len(seconds):
        raise SettingError(
            f"{len(firsts)} reports stand against {len(seconds)}; name one --with for each, "
            "or all seeds of one method in one --with, with commas between them"
        )
    one_by_one = [compare(*pair) for pair in zip(firsts, seconds, strict=True)]
    for side in (firsts, seconds):
        _refuse_unlike_seeds(side)
    by_seed = [_leads(*pair) for pair in zip(firsts, seconds, strict=True)]
    leads = [sum(game) for game in zip(*by_seed, strict=True)]
    games, plays = len(leads), len(firsts)
    p = sign_flips(leads)
    return SeedComparison(
        seeds=one_by_one,
        games=games,
        first=sum(one.first.wins for one in one_by_one),
        second=sum(one.second.wins for one in one_by_one),
        first_seeds=_spread(firsts),
        second_seeds=_spread(seconds),
        only_first=sum(one.only_first for one in one_by_one),
        only_second=sum(one.only_second for one in one_by_one),
        p=p,
        p_adjusted=p,
        difference=mean_difference(leads, plays),
        bootstrap=bootstrap_difference(leads, plays),
        crossed=crossed_difference(by_seed) if plays > 1 else None,
        detectable=detectable_difference(games, mean((lead / plays) ** 2 for lead in leads), plays),
    )


def compare_methods(
    baseline: Sequence[Report], methods: Sequence[Sequence[Report]]
) -> list[SeedComparison]:
    """Compare the seeds of each method with the baseline's, p values adjusted for their number.

    Raises:
        SettingError: not as many seeds of a method as of the baseline.
        RecordError: as `compare_seeds`.
    """
    for first, second in combinations(methods, 2):
        _refuse_unlike_seeds((*first, *second))
    found = [compare_seeds(baseline, method) for method in methods]
    adjusted = holm([one.p for one in found])
    return [
        msgspec.structs.replace(one, p_adjusted=p) for one, p in zip(found, adjusted, strict=True)
    ]


def _refuse_unlike_seeds(reports: Sequence[Report]) -> None:
    """Raise a `RecordError` where contracts differ by more than the seed."""
    for report in reports[1:]:
        alike = msgspec.structs.replace(report.contract, seed=reports[0].contract.seed)
        refuse_unlike(reports[0], msgspec.structs.replace(report, contract=alike))


def _leads(first: Report, second: Report) -> list[int]:
    """For each game, in the order of their names, how many times more the second won it."""
    leads = Counter({game.instance: int(game.won) for game in second.games})
    leads.subtract({game.instance: int(game.won) for game in first.games})
    return [leads[instance] for instance in sorted(leads)]


def _spread(reports: Sequence[Report]) -> Spread:
    """One side's rates; refuses seeds that were asked to decide in unlike ways.

    Whether a value may choose, and how much likelihood counts beside it, is for its own evidence
    to say, so seeds are of one method whatever that says of each.
    """
    agent = _common_name([Path(report.settings.agent).name for report in reports])
    kinds = [
        msgspec.structs.replace(report.settings.asked, agent=agent, fingerprint="")
        for report in reports
    ]
    gated = sum(bool(report.settings.forbidden) for report in reports)
    for report, kind in zip(reports, kinds, strict=True):
        if kind != kinds[0]:
            raise RecordError(
                f"{reports[0].settings.label} and {report.settings.label} are no seeds of one "
                "method: they decide in unlike ways; compare each with its own kind"
            )
    shares = [report.totals.success.share for report in reports]
    trusted = f", {len(reports) - gated} of {len(reports)} trusted" if gated else ""
    return Spread(
        label=kinds[0].label + trusted,
        shares=shares,
        mean=mean(shares),
        deviation=stdev(shares) if len(shares) > 1 else None,
    )


def _common_name(names: Sequence[str]) -> str:
    """``oreo`` for ``oreo-1`` and ``oreo-2``; the first name where they have no more in common."""
    if len(set(names)) == 1:
        return names[0]
    stems = {name.rstrip("0123456789").rstrip("-_. ") for name in names}
    return stems.pop() or names[0] if len(stems) == 1 else names[0]
