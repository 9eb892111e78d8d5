"""Two agents on the same games: who won what the other lost, and what that can show."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from rich.table import Table

from oreo_agent.errors import RecordError, SettingError
from oreo_agent.rollouts.report import Report, Settings, Totals
from oreo_agent.rollouts.statistics import (
    CONFIDENCE,
    POWER,
    Difference,
    Rate,
    detectable_difference,
    holm,
    mcnemar,
    mean_difference,
    paired_difference,
    sign_flips,
    wilson,
)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Paired outcomes; ``difference`` is the second's success rate minus the first's."""

    contract: str
    """Hash of the contract that both were scored under."""
    first_settings: Settings
    second_settings: Settings
    pairs: int
    first: Rate
    second: Rate
    both: int
    """Games that both won."""
    only_first: int
    only_second: int
    p: float
    """Exact McNemar, two-sided."""
    p_adjusted: float
    """The same, raised by Holm for the comparisons that were made together."""
    difference: Difference
    detectable: float | None
    """The smallest difference that so many games would likely have shown; None: not any."""


def compare(first: Report, second: Report) -> Comparison:
    """Compare two reports of the same games under the same contract.

    Raises:
        RecordError: unlike contracts (names the first line that differs), or games that only one
            of them has (names one).
    """
    refuse_unlike(first, second)
    won = {game.instance: game.won for game in first.games}
    only_first = sum(won[game.instance] and not game.won for game in second.games)
    only_second = sum(game.won and not won[game.instance] for game in second.games)
    n = len(won)
    both = sum(won.values()) - only_first
    p = mcnemar(only_first, only_second)
    return Comparison(
        contract=first.contract.hash,
        first_settings=first.settings,
        second_settings=second.settings,
        pairs=n,
        first=wilson(both + only_first, n),
        second=wilson(both + only_second, n),
        both=both,
        only_first=only_first,
        only_second=only_second,
        p=p,
        p_adjusted=p,
        difference=paired_difference(only_first, only_second, n),
        detectable=detectable_difference(n, (only_first + only_second) / n),
    )


def compare_all(baseline: Report, others: Sequence[Report]) -> list[Comparison]:
    """Compare each of ``others`` with ``baseline``, with p values adjusted for their number."""
    found = [compare(baseline, other) for other in others]
    adjusted = holm([one.p for one in found])
    return [
        msgspec.structs.replace(one, p_adjusted=p) for one, p in zip(found, adjusted, strict=True)
    ]


class SeedComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two ways of training, each with several seeds, on the same games."""

    seeds: list[Comparison]
    """One by one."""
    games: int
    first: int
    """Wins over all seeds."""
    second: int
    only_first: int
    only_second: int
    p: float
    """Exact and two-sided, over games: a game counts once, however many seeds played it."""
    difference: Difference
    """In success rate, with an interval over games."""


def compare_seeds(firsts: Sequence[Report], seconds: Sequence[Report]) -> SeedComparison:
    """Compare the first of ``firsts`` with the first of ``seconds``, and so on, and all together.

    Raises:
        SettingError: not as many firsts as seconds.
        RecordError: contracts that differ by more than the seed, or unlike games.
    """
    if len(firsts) != len(seconds):
        raise SettingError(
            f"{len(firsts)} reports stand against {len(seconds)}; name one --with for each"
        )
    one_by_one = [compare(*pair) for pair in zip(firsts, seconds, strict=True)]
    for report in firsts[1:]:
        alike = msgspec.structs.replace(report.contract, seed=firsts[0].contract.seed)
        refuse_unlike(firsts[0], msgspec.structs.replace(report, contract=alike))
    leads = Counter[str]()
    for first, second in zip(firsts, seconds, strict=True):
        leads.update({game.instance: int(game.won) for game in second.games})
        leads.subtract({game.instance: int(game.won) for game in first.games})
    return SeedComparison(
        seeds=one_by_one,
        games=len(leads),
        first=sum(one.first.wins for one in one_by_one),
        second=sum(one.second.wins for one in one_by_one),
        only_first=sum(one.only_first for one in one_by_one),
        only_second=sum(one.only_second for one in one_by_one),
        p=sign_flips(list(leads.values())),
        difference=mean_difference(list(leads.values()), len(firsts)),
    )


def refuse_unlike(first: Report, second: Report) -> None:
    """Raise a `RecordError` unless both have one contract and one set of games."""
    differs = first.contract.first_difference(second.contract)
    if differs is not None:
        line, mine, its = differs
        raise RecordError(
            f"these reports cannot be compared: {line} is {mine!r} in the first "
            f"(contract {first.contract.hash}) and {its!r} in the second "
            f"({second.contract.hash}); run `oreo-agent eval` for both under the same contract"
        )
    mine, its = ({game.instance for game in report.games} for report in (first, second))
    for have, lack, which in ((mine, its, "first"), (its, mine, "second")):
        if have - lack:
            raise RecordError(
                f"these reports cannot be compared: {len(have - lack)} games are in the {which} "
                f"only, for instance {min(have - lack)}; run `oreo-agent eval` for both with the "
                "same games"
            )


def verdict(comparison: Comparison) -> str:
    """What can be concluded from it and what cannot, in plain words."""
    one = comparison
    adjusted = f" ({one.p_adjusted:.3g} after Holm)" if one.p_adjusted != one.p else ""
    lead = (
        f"{one.second.wins} against {one.first.wins} of {one.pairs} games won, "
        f"{_points(one.difference.value)} points ({CONFIDENCE:.0%} interval "
        f"{_points(one.difference.low)} to {_points(one.difference.high)}), "
        f"exact McNemar p = {one.p:.3g}{adjusted}"
    )
    if one.detectable is None:
        return f"{lead}: so few games cannot show any difference; play more."
    limit = (
        f"with {one.pairs} games a true difference below about {100 * one.detectable:.0f} points "
        f"would be missed more often than {1 - POWER:.0%} of the time"
    )
    if one.p_adjusted <= 1 - CONFIDENCE:
        better = "second" if one.difference.value > 0 else "first"
        return (
            f"{lead}: the {better} is better on games like these; how much better is known only "
            "as well as the interval says, and nothing is said about other data or seeds."
        )
    return f"{lead}: no difference is shown, which does not show that there is none; {limit}."


def seeds_verdict(comparison: SeedComparison) -> list[str]:
    """A line for each seed, and one for all of them."""
    one = comparison
    lines = [
        f"{seed.first_settings.label} against {seed.second_settings.label}: {seed.first.wins} and "
        f"{seed.second.wins} of {seed.pairs} games won (+{seed.only_second} -{seed.only_first})"
        for seed in one.seeds
    ]
    return [
        *lines,
        f"all {len(one.seeds)} together: {one.first} and {one.second} of "
        f"{one.games * len(one.seeds)} won (+{one.only_second} -{one.only_first}), "
        f"{_points(one.difference.value)} points ({CONFIDENCE:.0%} interval over the {one.games} "
        f"games {_points(one.difference.low)} to {_points(one.difference.high)}), exact p over "
        f"games = {one.p:.3g}; nothing is said about other seeds.",
    ]


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _percent(rate: Rate) -> str:
    return f"{100 * rate.share:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"


def report_table(report: Report) -> Table:
    """Success by task type and over all games."""
    table = Table(title=f"{report.settings.label} (contract {report.contract.hash})")
    for column in ("task type", "games", "won", f"success [{CONFIDENCE:.0%}]", "steps", "valid"):
        table.add_column(column, justify="left" if column == "task type" else "right")
    rows: Mapping[str, Totals] = report.by_task_type
    for name, row in [*rows.items(), ("all", report.totals)] if len(rows) > 1 else rows.items():
        table.add_row(
            name or "all",
            str(row.success.n),
            str(row.success.wins),
            _percent(row.success),
            f"{row.steps:.1f}",
            f"{100 * row.valid:.1f} %",
            end_section=name == max(rows),
        )
    return table


def comparison_table(comparisons: Iterable[Comparison]) -> Table:
    """One row for each agent; comparisons share their first, which stands at the top."""
    comparisons = list(comparisons)
    table = Table(title=f"{comparisons[0].pairs} games (contract {comparisons[0].contract})")
    table.add_column("agent")
    for column in (f"success [{CONFIDENCE:.0%}]", "difference", "only first", "only this", "p"):
        table.add_column(column, justify="right")
    first = comparisons[0]
    table.add_row(first.first_settings.label, _percent(first.first), "", "", "", "")
    for one in comparisons:
        difference = one.difference
        table.add_row(
            one.second_settings.label,
            _percent(one.second),
            f"{_points(difference.value)} [{_points(difference.low)}, {_points(difference.high)}]",
            str(one.only_first),
            str(one.only_second),
            f"{one.p:.3g}" + (f" ({one.p_adjusted:.3g})" if one.p_adjusted != one.p else ""),
        )
    if any(one.p_adjusted != one.p for one in comparisons):
        table.caption = "p: exact McNemar against the first row (in brackets: after Holm)"
    else:
        table.caption = "p: exact McNemar against the first row"
    return table
