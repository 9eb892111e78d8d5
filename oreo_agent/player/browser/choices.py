"""What the dialogs of the browser offer."""

from dataclasses import dataclass

from oreo_agent.player.browser.query import NOT_WON, OUTCOMES, Facet, Facets, Query
from oreo_agent.player.harmless import one_line
from oreo_agent.records.listing import SORT_KEYS


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values that a dialog offers."""

    value: str | None
    """None stands for any."""
    label: str
    count: int | None = None
    """Episodes that have it."""


def facet_choices(facets: Facets, facet: Facet, query: Query) -> list[Choice]:
    """The values of a facet, each with the episodes that it would show."""
    counts = facets.of(facet, query.where)
    choices = [Choice(None, "any", sum(counts.values()))]
    if facet != "end":
        return choices + [
            Choice(value, one_line(value) or "(none)", counts[value]) for value in counts
        ]
    choices += [Choice(end, OUTCOMES[end], counts.get(end, 0)) for end in OUTCOMES]
    lost = sum(counts.get(end, 0) for end in NOT_WON)
    return [*choices, Choice("not won", "not won, without faults", lost)]


def sort_choices() -> list[Choice]:
    """Orders, as `Order.of` reads them."""
    choices = [Choice("id", "id")]
    for key in SORT_KEYS[1:]:
        choices += [Choice(f"-{key}", f"{key}, most first"), Choice(key, f"{key}, least first")]
    return choices
