"""The list without a screen: it knows more of what is asked for bit by bit, and reads by pages."""

from collections import Counter
from collections.abc import Iterator

from oreo_agent.player.browser.query import FACETS, Facets, Query
from oreo_agent.records.listing import EVERYTHING, EpisodeRow
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.search import search
from oreo_agent.rollouts.statistics import Rate, wilson

PAGE = 128
"""Rows that are read at a time."""
PAGES = 64
"""Pages that are kept."""


class Listing:
    """The episodes of a store that meet a query.

    `fill` does the work, in steps that are each a fraction of a second; between two of them all
    else here can be asked, from another thread too.
    """

    def __init__(self, reader: StoreReader, query: Query) -> None:
        """Nothing is read yet."""
        self.reader, self.query = reader, query
        self.ids: list[str] = []
        """Of the episodes, in their order; of a search, those found so far."""
        self.facets: Facets | None = None
        """None until they are counted."""
        self.total: int | None = None
        """Episodes of the whole store; None until they are counted."""
        self.damaged: set[str] = set()
        """Episodes whose records were found to be damaged."""
        self.looked = 0
        """Episodes that a search has looked through."""
        self.to_look = 0
        """Episodes that it will have looked through."""
        self.filled = False
        """Whether everything is known."""
        self._found: Counter[str] = Counter()
        self._pages: dict[int, list[EpisodeRow | None]] = {}

    def asking(self, query: Query) -> "Listing":
        """A listing of another query that keeps what is known of the store."""
        other = Listing(self.reader, query)
        other.total, other.damaged = self.total, self.damaged
        if query.base == self.query.base:
            other.facets = self.facets
        return other

    def fill(self) -> Iterator[None]:
        """Get to know the rest; each step that ends has made more known.

        Raises:
            RecordError: the database cannot be read.
            SettingError: the text to search for is blank.
        """
        names = self.reader.listed(self.query.where, self.query.order)
        if not self.query.text:
            self.ids = names
            yield
        if self.total is None:
            self.total = self.reader.count()
        if self.facets is None:
            self.facets = Facets(self.reader.counts(FACETS, self.query.base))
            yield
        if self.query.text:
            yield from self._search(names)
        self.filled = True

    def complete(self) -> None:
        """All of `fill` at once."""
        for _ in self.fill():
            pass

    def refuse_unknown(self) -> None:
        """Raise a `SettingError` if a value is asked for that no episode of the store has.

        The nearest one is named. The facets are counted for it, unless nothing is asked, and kept
        if they are the listing's own.
        """
        where = self.query.where
        if any((where.ends, where.task_type, where.policy, where.split)):
            everything = Facets(self.reader.counts(FACETS))
            everything.refuse_unknown(where, f"store {self.reader.folder}")
            if self.query.base == EVERYTHING:
                self.facets = everything

    def _search(self, names: list[str]) -> Iterator[None]:
        self.to_look = len(names)
        yield
        for step in search(self.reader, names, self.query.text):
            rows = self.reader.rows(step.found)
            self._found.update(row.end for row in rows.values())
            self.ids += step.found
            self.damaged.update(step.damaged)
            self.looked = step.looked
            yield

    def row(self, index: int) -> EpisodeRow | None:
        """What the columns say of the episode at that place; None if they cannot be read.

        Raises:
            RecordError: the database is gone.
        """
        page, at = divmod(index, PAGE)
        rows = self._pages.get(page, [])
        if at >= len(rows):
            names = self.ids[page * PAGE : (page + 1) * PAGE]
            found = self.reader.rows(names)
            rows = [found.get(name) for name in names]
            if len(self._pages) >= PAGES:
                self._pages.clear()
            self._pages[page] = rows
        return rows[at]

    def ends(self) -> dict[str, int] | None:
        """Episodes for each end, as `FACETS` counts them; of a search, those found so far."""
        if self.query.text:
            return dict(self._found)
        return None if self.facets is None else self.facets.of("end", self.query.where)

    def rate(self) -> Rate | None:
        """Share of the won, without faults and whatever outcome is asked for.

        None until they are counted, if there are none, and in a search for one outcome alone.
        """
        ends = self.ends()
        if ends is None or (self.query.text and self.query.where.ends is not None):
            return None
        played = sum(ends.values()) - ends.get("fault", 0)
        return wilson(ends.get("won", 0), played) if played else None
