"""What a list shows: which episodes, in which order, with which text in them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from oreo_agent.errors import SettingError, nearest
from oreo_agent.records.episode import ENDS
from oreo_agent.records.listing import BY_ID, EVERYTHING, Column, Filter, Order

Facet = Literal["end", "task_type", "policy", "split"]
"""What has few enough values to choose one of them from a list."""
FACETS: tuple[Column, ...] = ("end", "task_type", "policy", "split")
NOT_WON = ("lost", "step_limit", "token_limit")
"""Ends that a policy answers for, unlike a fault."""
OUTCOMES: Mapping[str, str] = {
    "won": "won",
    "lost": "lost",
    "step_limit": "step limit",
    "token_limit": "token limit",
    "fault": "fault",
}
"""Ends as a person reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked of a store."""

    where: Filter = EVERYTHING
    order: Order = BY_ID
    text: str = ""
    """What the episodes have in them; ``""`` for any."""

    @property
    def base(self) -> Filter:
        """The part of the filter that is about no facet."""
        return replace(self.where, ends=None, task_type=None, policy=None, split=None)

    def choosing(self, facet: Facet, value: str | None) -> "Query":
        """The same with another value of a facet; None takes any. ``not won`` is an outcome too."""
        if facet != "end":
            return replace(self, where=replace(self.where, **{facet: value}))
        ends = None if value is None else NOT_WON if value == "not won" else (value,)
        return replace(self, where=replace(self.where, ends=ends))

    def chosen(self, facet: Facet) -> str | None:
        """The value of a facet as `choosing` takes it; None if any will do."""
        if facet != "end":
            return getattr(self.where, facet)
        ends = self.where.ends
        return None if ends is None else "not won" if ends == NOT_WON else ", ".join(ends)

    def conditions(self) -> list[tuple[str, str]]:
        """What is asked, each as (what, value); empty if everything is shown."""
        where = self.where
        outcome = self.chosen("end")
        told = [
            ("outcome", None if outcome is None else OUTCOMES.get(outcome, outcome)),
            ("type", where.task_type),
            ("instance", where.instance_part),
            ("policy", where.policy),
            ("split", where.split),
            ("reward", None if where.least_reward is None else f"≥ {where.least_reward:g}"),
            ("text", f"“{self.text}”" if self.text else None),
        ]
        return [(what, value) for what, value in told if value is not None]


@dataclass(frozen=True, slots=True)
class Facets:
    """How many episodes have which values, whatever is chosen of the others."""

    counts: Mapping[tuple[str, ...], int]
    """Of each combination of `FACETS`."""

    def of(self, facet: Facet, where: Filter) -> dict[str, int]:
        """Episodes for each value of a facet that meet ``where`` but for that facet itself."""
        found: dict[str, int] = {}
        for values, number in self.counts.items():
            at: dict[str, str] = dict(zip(FACETS, values, strict=True))
            others = [name for name in FACETS if name != facet]
            value = at[facet]
            found.setdefault(value, 0)
            if all(_meets(name, at[name], where) for name in others):
                found[value] += number
        return found

    @property
    def varied(self) -> frozenset[str]:
        """Facets that are not the same for all episodes."""
        return frozenset(
            name
            for at, name in enumerate(FACETS)
            if len({values[at] for values in self.counts}) > 1
        )

    def refuse_unknown(self, where: Filter, store: str) -> None:
        """Raise a `SettingError` that names the nearest value if one asked for is nowhere."""
        for end in where.ends or ():
            if end not in ENDS:
                raise SettingError(f"no episode ends with {end!r}; {nearest(end, ENDS)}")
        for at, facet in enumerate(FACETS[1:], 1):
            known = {values[at] for values in self.counts}
            wanted = getattr(where, facet)
            if wanted is not None and not any(_meets(facet, value, where) for value in known):
                what = facet.replace("_", " ")
                raise SettingError(f"{store} has no {what} {wanted!r}; {nearest(wanted, known)}")


def _meets(facet: str, value: str, where: Filter) -> bool:
    """Whether a value is one that is asked for, as `Filter.sql` has it."""
    if facet == "end":
        return where.ends is None or value in where.ends
    wanted = getattr(where, facet)
    return wanted in (None, value) or (facet == "policy" and value.startswith(f"{wanted} "))
