"""Two agents on the same games: who won what the other lost, and what that can show."""

from collections.abc import Sequence
from itertools import combinations

import msgspec

from oreo_agent.errors import RecordError
from oreo_agent.rollouts.power import detectable_difference
from oreo_agent.rollouts.report import Report, Settings
from oreo_agent.rollouts.statistics import (
    Difference,
    Rate,
    bootstrap_difference,
    holm,
    mcnemar,
    paired_difference,
    wilson,
)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Paired outcomes; ``difference`` is the second's success rate minus the first's."""

    contract: str
    """Hash of the first's contract, which is the second's too but beside chance or the expert."""
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
    """With Tango's interval."""
    bootstrap: Difference | None
    """With the paired bootstrap's; None if no game, or every game alike, told the two apart."""
    detectable: float | None
    """The smallest difference that so many games would likely have shown; None: not any."""
    note: str = ""
    """What the two do not share, where they may be compared all the same."""


def compare(first: Report, second: Report) -> Comparison:
    """Compare two reports of the same games under the same contract.

    Raises:
        RecordError: unlike contracts (names the first line that differs), or games that only one
            of them has (names one).
    """
    refuse_unlike(first, second)
    won = {game.instance: game.won for game in first.games}
    leads = [int(game.won) - int(won[game.instance]) for game in second.games]
    only_first, only_second, n = leads.count(-1), leads.count(1), len(leads)
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
        bootstrap=bootstrap_difference(leads),
        detectable=detectable_difference(n, (only_first + only_second) / n),
        note=_note(first, second),
    )


def _note(first: Report, second: Report) -> str:
    """What a model does not share with chance or the expert."""
    if first.contract.reads == second.contract.reads:
        return ""
    told = second if first.contract.reads else first
    return (
        f"{told.settings.label} reads no prompt and may be given what a model has to find out, the "
        "admissible commands for one: only the lines of the contracts on the games were compared."
    )


def compare_all(baseline: Report, others: Sequence[Report]) -> list[Comparison]:
    """Compare each of ``others`` with ``baseline``, with p values adjusted for their number.

    Raises:
        RecordError: as `compare`, of any two of them: chance is like models that are unlike.
    """
    for pair in combinations(others, 2):
        refuse_unlike(*pair)
    found = [compare(baseline, other) for other in others]
    adjusted = holm([one.p for one in found])
    return [
        msgspec.structs.replace(one, p_adjusted=p) for one, p in zip(found, adjusted, strict=True)
    ]


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
