"""The browser in a terminal: Textual draws a listing and turns keys into queries."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.content import Content

from oreo_agent.errors import OreoError, RecordError
from oreo_agent.player.browser.choices import Choice, facet_choices, sort_choices
from oreo_agent.player.browser.dialogs import BrowserHelp, ChoiceDialog, TextDialog
from oreo_agent.player.browser.head import Asked, BrowserKeys, Counts, Where
from oreo_agent.player.browser.listing import Listing
from oreo_agent.player.browser.preview import Preview, glance, trouble
from oreo_agent.player.browser.query import Facet, Query
from oreo_agent.player.browser.table import EpisodeTable
from oreo_agent.player.screen import ScreenApp
from oreo_agent.records.listing import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An episode to open, and the list that it was chosen from."""

    id: str
    ids: tuple[str, ...]
    """Of all episodes of the list, in its order: what comes before and after."""


class BrowserApp(ScreenApp[Opened | None]):
    """One store on a screen; a thread of its own reads it. Ends with what is to be opened."""

    CSS = """
    #stage { height: 1fr; border-top: solid $panel; }
    EpisodeTable { height: 1fr; }
    Preview { display: none; height: 1fr; border-top: solid $panel; }
    Where { border-top: solid $panel; height: 2; }
    .-glance Preview { display: block; }
    Screen.-wide #stage { layout: horizontal; }
    Screen.-wide EpisodeTable { width: 3fr; height: 100%; }
    Screen.-wide Preview { display: block; width: 2fr; height: 100%; }
    Screen.-wide Preview { border-top: none; border-left: solid $panel; }
    Screen.-wide .-hidden Preview { display: none; }
    Screen.-low BrowserKeys { display: none; }
    Screen.-low #stage { border: none; }
    Screen.-low Counts { height: 1; }
    Screen.-low Where { height: 1; border: none; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]  # noqa: RUF012 - Textual's own type
    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("enter", "open", show=False),
        Binding("space", "glance", show=False),
        Binding("f", "choose('end', 'outcome')", show=False),
        Binding("t", "choose('task_type', 'task type')", show=False),
        Binding("p", "choose('policy', 'policy')", show=False),
        Binding("d", "choose('split', 'split')", show=False),
        Binding("i", "instance", show=False),
        Binding("w", "reward", show=False),
        Binding("slash", "search", show=False),
        Binding("s", "sort", show=False),
        Binding("escape", "clear", show=False),
        Binding("R", "reload", show=False),
        Binding("T", "toggle_theme", show=False),
    ]

    def __init__(self, listing: Listing, *, cursor: int = 0) -> None:
        """Show a listing, which is filled if it is not.

        Args:
            listing: what to begin with.
            cursor: place in it.
        """
        super().__init__()
        self.title = "oreo-agent data show"
        self.listing = listing
        """What is shown; outlives the app, to begin another one with."""
        self._first_cursor = cursor
        self._busy = self._stopped = False
        self._trouble = ""
        self._reading = ThreadPoolExecutor(1)

    @property
    def cursor(self) -> int:
        """Place of the episode that the cursor is on."""
        return self.query_one(EpisodeTable).cursor

    def compose(self) -> ComposeResult:
        """From top to bottom; the glance stands at the side of a wide screen."""
        yield Counts()
        yield Asked()
        with Container(id="stage"):
            yield EpisodeTable(self.listing, self._first_cursor)
            yield Preview()
        yield Where()
        yield BrowserKeys()

    def on_mount(self) -> None:
        """Dress up, draw and begin to read."""
        self.dress()
        self.query_one(EpisodeTable).focus()
        if self.listing.filled:
            self._draw()
        else:
            self._ask(self.listing)

    def on_unmount(self) -> None:
        """Let go of the thread."""
        self._reading.shutdown(wait=False, cancel_futures=True)

    def _asking(self, query: Query) -> None:
        """Show another query, unless it is the same; one in another order from its beginning."""
        before = self.listing.query
        if query != before:
            self._ask(self.listing.asking(query), from_top=query.order != before.order)

    def _ask(self, listing: Listing, *, from_top: bool = False) -> None:
        table = self.query_one(EpisodeTable)
        if from_top:
            table.cursor = 0
        keep = None if from_top else table.current
        self.listing, self._busy, self._stopped, self._trouble = listing, True, False, ""
        self.run_worker(self._fill(listing, keep), exclusive=True, group="fill")

    async def _fill(self, listing: Listing, keep: str | None) -> None:
        """Get to know the listing; what is known is drawn after each step."""
        steps = listing.fill()
        loop = asyncio.get_running_loop()
        self._draw(keep=None)
        try:
            while await loop.run_in_executor(self._reading, next, steps, steps) is not steps:
                self._draw(keep=keep)
                if listing.ids:
                    keep = None  # from here on the cursor is the person's
        except OreoError as error:
            self._trouble = str(error)
            self.tell(error)
        if listing is self.listing:
            self._busy = False
            self._draw(keep=keep)

    def _draw(self, *, keep: str | None = None) -> None:
        listing = self.listing
        self.query_one(Counts).show(listing)
        self.query_one(Asked).show(listing, stopped=self._stopped)
        self.query_one(EpisodeTable).show(listing, keep=keep)

    def on_episode_table_moved(self) -> None:
        """Show the episode that the cursor is on."""
        table, preview = self.query_one(EpisodeTable), self.query_one(Preview)
        name, text = table.current, self.listing.query.text
        if name is None:
            preview.show(None, Content(""))
        elif preview.display and preview.showing != (name, text):
            try:
                episode = self.listing.reader.get(name)
                preview.show((name, text), glance(episode, text=text))
            except RecordError as error:
                self.listing.damaged.add(name)
                preview.show((name, text), trouble(str(error)))
                table.refresh()
        where = self.query_one(Where)
        where.show(self.listing, table.cursor, busy=self._busy, trouble=self._trouble)

    def action_open(self) -> None:
        """End with the episode that the cursor is on."""
        name = self.query_one(EpisodeTable).current
        if name is None:
            return
        try:
            self.listing.reader.get(name)
        except RecordError as error:
            self.listing.damaged.add(name)
            self.tell(error)
            self._draw()
            return
        self.exit(Opened(id=name, ids=tuple(self.listing.ids)))

    def action_glance(self) -> None:
        """Show or hide the episode at a glance."""
        stage = self.query_one("#stage")
        stage.toggle_class("-hidden" if self.screen.has_class("-wide") else "-glance")
        self.query_one(EpisodeTable).focus()
        self.call_after_refresh(self.on_episode_table_moved)

    def action_choose(self, facet: Facet, title: str) -> None:
        """Ask for a value of a facet."""
        facets, query = self.listing.facets, self.listing.query
        if facets is None:
            return

        def chosen(choice: Choice | None) -> None:
            if choice is not None:
                self._asking(self.listing.query.choosing(facet, choice.value))

        choices = facet_choices(facets, facet, query)
        self.push_screen(ChoiceDialog(title, choices, query.chosen(facet)), chosen)

    def action_sort(self) -> None:
        """Ask for an order."""

        def chosen(choice: Choice | None) -> None:
            if choice is not None and choice.value is not None:
                self._asking(replace(self.listing.query, order=Order.of(choice.value)))

        order = str(self.listing.query.order)
        self.push_screen(ChoiceDialog("sort by", sort_choices(), order), chosen)

    def action_instance(self) -> None:
        """Ask for a part of an instance's id."""

        def typed(part: str | None) -> None:
            if part is not None:
                where = replace(self.listing.query.where, instance_part=part.strip() or None)
                self._asking(replace(self.listing.query, where=where))

        hint = "a part of the instance's id · enter shows those · nothing: all"
        self._type("instance", hint, self.listing.query.where.instance_part or "", typed)

    def action_reward(self) -> None:
        """Ask for the least reward."""

        def typed(number: str | None) -> None:
            if number is None:
                return
            try:
                least = float(number) if number.strip() else None
            except ValueError:
                self.tell(f"{number!r} is no number; write one from 0 to 1")
                return
            where = replace(self.listing.query.where, least_reward=least)
            self._asking(replace(self.listing.query, where=where))

        least = self.listing.query.where.least_reward
        hint = "from 0 to 1 · enter shows episodes that got as much or more · nothing: all"
        self._type("least reward", hint, "" if least is None else f"{least:g}", typed)

    def action_search(self) -> None:
        """Ask for a text to search for."""

        def typed(text: str | None) -> None:
            if text is not None:
                self._asking(replace(self.listing.query, text=text if text.strip() else ""))

        hint = (
            "in what was shown, said and done, of the episodes that meet the filters; small and "
            "capital letters are alike · enter searches, esc stops it · nothing: no search"
        )
        self._type("text", hint, self.listing.query.text, typed)

    def _type(self, title: str, hint: str, value: str, typed: Callable[[str | None], None]) -> None:
        self.push_screen(TextDialog(title, hint, value), typed)

    def action_clear(self) -> None:
        """Stop a search that runs; else show everything, in the same order."""
        if self._busy and self.listing.query.text:
            self.workers.cancel_group(self, "fill")
            self._busy, self._stopped = False, True
            self._draw()
        else:
            self._asking(Query(order=self.listing.query.order))

    def action_reload(self) -> None:
        """Read the store anew."""
        self._ask(Listing(self.listing.reader, self.listing.query))

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(BrowserHelp())
