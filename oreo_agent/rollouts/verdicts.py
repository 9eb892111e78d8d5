"""What reports and comparisons come to, in tables of at most 80 columns and in plain sentences."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table

from oreo_agent.rollouts.comparison import Comparison
from oreo_agent.rollouts.power import POWER, SEEDS, PowerPlan
from oreo_agent.rollouts.report import Report, Totals
from oreo_agent.rollouts.statistics import CONFIDENCE, Difference, Rate

if TYPE_CHECKING:
    from oreo_agent.rollouts.seeds import SeedComparison

FEW_SEEDS = 3
"""Below so many seeds their spread is hardly known."""


def report_table(report: Report) -> Table:
    """Success by task type and over all games, and what it cost."""
    all_of_it = report.totals
    table = Table(
        title=f"{report.settings.label} (contract {report.contract.hash})",
        caption=f"a game: {all_of_it.policy_tokens:.0f} tokens drawn, {all_of_it.value_tokens:.0f} "
        f"read by the value, {all_of_it.seconds:.2f} s; {all_of_it.faults} faults",
    )
    for column in ("task type", "games", "won", f"success [{CONFIDENCE:.0%}]", "steps", "valid"):
        table.add_column(column, justify="left" if column == "task type" else "right")
    rows: Mapping[str, Totals] = report.by_task_type
    for name, row in [*rows.items(), ("all", report.totals)] if len(rows) > 1 else rows.items():
        table.add_row(
            name or "all",
            str(row.success.n),
            str(row.success.wins),
            f"{_percent(row.success.share)} {_range(row.success, sign='')}",
            f"{row.steps:.1f}",
            f"{100 * row.valid:.1f} %",
            end_section=name == max(rows),
        )
    return table


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """One row for each agent; comparisons share their first, which stands at the top."""
    first = comparisons[0]
    table = _table(
        f"{first.pairs} games (contract {first.contract})",
        ("agent", "success", "difference", "bootstrap", "+ / -", "p"),
        "difference in points, with Tango's interval and the paired bootstrap's; + and -: games "
        f"that only this, or only the first, won; p: exact McNemar{_holm_note(comparisons)}",
    )
    table.add_row(first.first_settings.label, _rate(first.first), "", "", "", "")
    for one in comparisons:
        table.add_row(
            one.second_settings.label,
            _rate(one.second),
            f"{_points(one.difference.value)}\n{_range(one.difference)}",
            f"\n{_range(one.bootstrap)}",
            f"+{one.only_second} -{one.only_first}",
            _p(one),
        )
    return table


def verdict(comparison: Comparison) -> str:
    """What can be concluded from it and what cannot, in plain words."""
    one = comparison
    lead = (
        f"{one.second.wins} against {one.first.wins} of {one.pairs} games won, "
        f"{_points(one.difference.value)} points ({CONFIDENCE:.0%} interval "
        f"{_points(one.difference.low)} to {_points(one.difference.high)}), "
        f"exact McNemar p = {_told(one)}"
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


def in_plain_words(one: "Comparison | SeedComparison") -> str:
    """One sentence for somebody who knows no statistics: who won more, and was it luck?"""
    if isinstance(one, Comparison):
        names = one.first_settings.label, one.second_settings.label
        rates = one.first.share, one.second.share
        over = with_these = ""
    else:
        names = one.first_seeds.label, one.second_seeds.label
        rates = one.first_seeds.mean, one.second_seeds.mean
        over = f", on average over {len(one.seeds)} seeds" if len(one.seeds) > 1 else ""
        with_these = " with these seeds" if over else ""
    (low, less), (high, more) = sorted(zip(rates, names, strict=True), key=lambda side: side[0])
    if one.only_first == one.only_second:
        return f"{names[1]} and {names[0]} won equally many games ({_percent(high)}){over}."
    shown = one.p_adjusted <= 1 - CONFIDENCE
    luck = "luck alone" if one.p_adjusted == one.p else "luck alone, tried several times,"
    return (
        f"{more} won {100 * (high - low):.1f} points more than {less} ({_percent(high)} of the "
        f"games against {_percent(low)}){over}; were they equally good{with_these}, {luck} would "
        f"open so wide a gap, one way or the other, {_odds(one.p_adjusted)}: "
        + ("too seldom to put it down to luck." if shown else "so it may well be luck.")
    )


def seeds_table(comparisons: "Sequence[SeedComparison]") -> Table:
    """Each way of training over its seeds; comparisons share their first, which is on top."""
    first = comparisons[0]
    table = _table(
        f"{first.games} games, seeds: {len(first.seeds)}",
        ("agent", "success", "sd", "each seed"),
        "success in percent: mean and standard deviation over seeds",
    )
    for side in (first.first_seeds, *(one.second_seeds for one in comparisons)):
        table.add_row(
            side.label,
            f"{100 * side.mean:.1f}",
            "-" if side.deviation is None else f"{100 * side.deviation:.1f}",
            "  ".join(f"{100 * share:.1f}" for share in side.shares),
        )
    return table


def seed_differences_table(comparisons: "Sequence[SeedComparison]") -> Table:
    """What each way of training wins more than the first, with three intervals."""
    table = _table(
        f"against {comparisons[0].first_seeds.label}",
        ("agent", "points", "over games", "bootstrap", "games and seeds", "p"),
        "intervals: Student's over games, the paired bootstrap's over games, and over both games "
        f"and seeds; p: exact, over games{_holm_note(comparisons)}",
    )
    for one in comparisons:
        table.add_row(
            one.second_seeds.label,
            _points(one.difference.value),
            _range(one.difference),
            _range(one.bootstrap),
            _range(one.crossed),
            _p(one),
        )
    return table


def seeds_verdict(comparison: "SeedComparison") -> list[str]:
    """A line for each seed, one for all of them, and what must not be read out of it."""
    one = comparison
    together = (
        f"all {len(one.seeds)} together: {one.first} and {one.second} of "
        f"{one.games * len(one.seeds)} won (+{one.only_second} -{one.only_first}), "
        f"{_points(one.difference.value)} points ({CONFIDENCE:.0%} interval over the {one.games} "
        f"games {_points(one.difference.low)} to {_points(one.difference.high)}), exact p over "
        f"games = {_told(one)}"
    )
    if one.detectable is None:
        together += "; so few games cannot show any difference"
    elif one.p_adjusted > 1 - CONFIDENCE:
        together += (
            f"; with {one.games} games for each seed a true difference below about "
            f"{100 * one.detectable:.0f} points would be missed more often than {1 - POWER:.0%} "
            "of the time"
        )
    return [
        *(
            f"{seed.first_settings.label} against {seed.second_settings.label}: "
            f"{seed.first.wins} and {seed.second.wins} of {seed.pairs} games won "
            f"(+{seed.only_second} -{seed.only_first})"
            for seed in one.seeds
        ),
        f"{together}.",
        _beyond_the_seeds(one),
    ]


def _beyond_the_seeds(one: "SeedComparison") -> str:
    """What the seeds say about seeds that were not run."""
    few = f"{len(one.seeds)} seed{'s' if len(one.seeds) > 1 else ''}"
    if one.crossed is None:
        return f"caution: {few} says nothing about other seeds; train {FEW_SEEDS} or more."
    span = f"{_points(one.crossed.low)} to {_points(one.crossed.high)}"
    if len(one.seeds) < FEW_SEEDS:
        return (
            f"caution: {few} say hardly anything about other seeds (interval over games and seeds "
            f"{span}); train {FEW_SEEDS} or more."
        )
    return (
        f"p is about these seeds; for other seeds on other games the {CONFIDENCE:.0%} interval is "
        f"{span} points."
    )


def sentences(one: "Comparison | SeedComparison") -> list[str]:
    """The plain sentence, then what it stands on, a line each."""
    if isinstance(one, Comparison):
        figures, note = [verdict(one)], one.note
    else:
        figures, note = seeds_verdict(one), one.seeds[0].note
    return [in_plain_words(one), *figures, *([note] if note else [])]


def document(one: "Comparison | SeedComparison") -> dict[str, Any]:
    """Plain data, with the sentences for other readers."""
    plainly, *figures = sentences(one)
    return msgspec.to_builtins(one) | {"plainly": plainly, "verdict": " ".join(figures)}


def power_table(plan: PowerPlan) -> Table:
    """Games that a difference needs, by how often the two part and by the number of seeds."""
    rate = "" if plan.success is None else f" from a success of {_percent(plan.success)}"
    table = _table(
        f"games that show a true difference of {100 * plan.difference:g} points{rate}",
        (
            "games that only one of the two wins",
            *(f"{n} seed{'s' if n > 1 else ''}" for n in SEEDS),
        ),
        f"{plan.power:.0%} power, exact tests at p < {1 - plan.confidence:.2g}; games that each "
        "seed of each agent plays, the same for all; seeds are taken to play independently",
    )
    for one in plan.assumptions:
        table.add_row(
            f"{100 * one.split_share:.3g} %, {one.why}",
            *(f"{one.games[seeds]:,}" for seeds in SEEDS),
        )
    return table


def power_in_plain_words(plan: PowerPlan) -> str:
    """What to do, in a sentence."""
    likeliest = plan.assumptions[0]
    one, several = (likeliest.games[seeds] for seeds in SEEDS[:2])
    return (
        f"Play about {one:,} games with each of the two agents, or about {several:,} with each of "
        f"{SEEDS[1]} seeds of both: if one is truly {100 * plan.difference:g} points better, "
        f"`oreo-agent compare` then shows it {plan.power:.0%} of the time."
    )


def _table(title: str, head: Sequence[str], caption: str) -> Table:
    table = Table(title=title, caption=caption, caption_justify="left", box=SIMPLE_HEAD)
    table.collapse_padding, table.pad_edge = True, False
    for index, name in enumerate(head):
        figures = 0 < index < len(head) - 1
        table.add_column(name, justify="right" if index else "left", no_wrap=figures)
    return table


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _rate(rate: Rate) -> str:
    return f"{_percent(rate.share)}\n{_range(rate, sign='')}"


def _range(interval: Difference | Rate | None, sign: str = "+") -> str:
    """An interval in percent or points; a dash where there is none."""
    if interval is None:
        return "-"
    return f"[{100 * interval.low:{sign}.1f}, {100 * interval.high:{sign}.1f}]"


def _told(one: "Comparison | SeedComparison") -> str:
    """Its p in a sentence."""
    after = f" ({one.p_adjusted:.3g} after Holm)" if one.p_adjusted != one.p else ""
    return f"{one.p:.3g}{after}"


def _p(one: "Comparison | SeedComparison") -> str:
    return f"{one.p:.3g}" + (f"\n({one.p_adjusted:.3g})" if one.p_adjusted != one.p else "")


def _holm_note(comparisons: "Sequence[Comparison] | Sequence[SeedComparison]") -> str:
    adjusted = any(one.p_adjusted != one.p for one in comparisons)
    return " (in brackets: after Holm)" if adjusted else ""


def _odds(p: float) -> str:
    """A chance in words: ``about 1 time in 1,500``."""
    if p > 0.5:
        return "more often than not"
    if p < 1e-6:
        return "less than 1 time in a million"
    return f"about 1 time in {float(f'{1 / p:.2g}'):,.0f}"
