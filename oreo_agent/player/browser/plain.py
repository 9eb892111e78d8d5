"""The browser without a terminal: the same as lines, or as plain data."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from oreo_agent.player.browser.columns import DAMAGED, marked
from oreo_agent.player.browser.listing import Listing
from oreo_agent.player.browser.query import OUTCOMES
from oreo_agent.player.browser.telling import counted
from oreo_agent.player.harmless import one_line
from oreo_agent.records.episode import Episode

_HEAD = ("id", "outcome", "steps", "tokens", "reward", "split", "policy", "type", "instance")
_RIGHT = (2, 3, 4)


def list_lines(listing: Listing, limit: int) -> Iterator[str]:
    """A filled listing: what is asked, how it ended, and a table of the first ``limit`` rows."""
    total = counted(listing.total or 0, "episode")
    yield f"{one_line(str(listing.reader.folder))}: {total}"
    asked = "; ".join(f"{what} {one_line(value)}" for what, value in listing.query.conditions())
    yield f"asked for: {asked or 'everything'}; by {listing.query.order}"
    yield _ends_line(listing)
    if listing.damaged:
        yield f"{counted(len(listing.damaged), 'episode')} cannot be read; they are left out"
    yield ""
    shown = min(limit, len(listing.ids))
    yield from _table([_HEAD, *(_cells(listing, index) for index in range(shown))])
    yield ""
    yield f"{shown:,} of {len(listing.ids):,} shown (--limit); STORE:ID tells all of one"


def _ends_line(listing: Listing) -> str:
    ends, rate = listing.ends() or {}, listing.rate()
    parts = [f"{OUTCOMES[end]} {ends[end]:,}" for end in OUTCOMES if ends.get(end)]
    if rate is not None:
        span = f"[{100 * rate.low:.1f}, {100 * rate.high:.1f}]"
        parts.insert(0, f"{rate.share:.1%} of {rate.n:,} won, 95 % interval {span}")
    return "; ".join(parts) or "none"


def _cells(listing: Listing, index: int) -> tuple[str, ...]:
    row, name = listing.row(index), listing.ids[index]
    if row is None:
        return (name, DAMAGED, *[""] * (len(_HEAD) - 2))
    end = DAMAGED if name in listing.damaged else marked(row.end)
    figures = (str(row.steps), str(row.tokens), f"{row.reward:.3g}")
    return (name, end, *figures, row.split, row.policy, row.task_type, row.instance)


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    told = [[one_line(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*told, strict=True)]
    for row in told:
        cells = [
            text.rjust(width) if at in _RIGHT else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def list_data(listing: Listing, limit: int) -> dict[str, Any]:
    """A filled listing as plain data, with its first ``limit`` rows."""
    rate, facets = listing.rate(), listing.facets
    rows = [listing.row(index) for index in range(min(limit, len(listing.ids)))]
    return {
        "store": str(listing.reader.folder),
        "asked": dict(listing.query.conditions()),
        "sort": str(listing.query.order),
        "total": listing.total,
        "matching": len(listing.ids),
        "ends": listing.ends(),
        "task_types": None if facets is None else facets.of("task_type", listing.query.where),
        "won": None
        if rate is None
        else {"share": rate.share, "n": rate.n, "low": rate.low, "high": rate.high},
        "damaged": sorted(listing.damaged),
        "episodes": [
            {"id": name, "damaged": True}
            if row is None
            else {key: getattr(row, key) for key in row.__struct_fields__}
            for name, row in zip(listing.ids, rows, strict=False)
        ],
    }


def episode_data(episode: Episode, *, tokens: bool) -> Mapping[str, Any]:
    """An episode as plain data; ids and log-probabilities of tokens only if asked for."""
    told = msgspec.to_builtins(episode)
    if not tokens:
        for segment in told["segments"]:
            segment.pop("ids", None)
            segment.pop("logps", None)
            for candidate in segment.get("decision", {}).get("candidates", ()):
                candidate.pop("ids", None)
    return told
