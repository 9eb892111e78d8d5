"""The list on the screen: a line an episode, of which only those in sight are read."""

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from oreo_agent.errors import OreoError
from oreo_agent.player.browser.columns import Laid, cells, head, laid_out
from oreo_agent.player.browser.listing import Listing
from oreo_agent.records.listing import EpisodeRow

_CURSOR = "▸ "


class EpisodeTable(ScrollView, can_focus=True):
    """A line an episode, one of which the cursor is on; titles stand in the first line."""

    DEFAULT_CSS = """
    EpisodeTable { scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: scroll; }
    EpisodeTable > .won { color: $success; }
    EpisodeTable > .lost { color: $error; }
    EpisodeTable > .limit { color: $warning; }
    EpisodeTable > .fault { color: $accent; }
    EpisodeTable > .damaged { color: $error; text-style: bold; }
    EpisodeTable > .quiet { color: $secondary; }
    EpisodeTable > .cursor { background: $panel; text-style: bold; }
    """
    COMPONENT_CLASSES = {"won", "lost", "limit", "fault", "damaged", "quiet", "cursor"}  # noqa: RUF012 - Textual's own type
    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home,g", "go(0)", show=False),
        Binding("end,G", "go(-1)", show=False),
    ]

    class Moved(Message):
        """The cursor is on another episode, or none is left."""

    def __init__(self, listing: Listing, cursor: int = 0) -> None:
        super().__init__()
        self.cursor = cursor
        """Place of the episode that the cursor is on; beyond the list if that is empty."""
        self._listing = listing
        self._varied: frozenset[str] = frozenset()

    @property
    def current(self) -> str | None:
        """Id of the episode that the cursor is on."""
        ids = self._listing.ids
        return ids[self.cursor] if self.cursor < len(ids) else None

    def show(self, listing: Listing, *, keep: str | None) -> None:
        """Draw a listing; the cursor stays on the episode ``keep`` if that is in it.

        Args:
            listing: which may have grown since it was drawn.
            keep: an id; None leaves the cursor at its place.
        """
        self._listing = listing
        if keep is not None:
            self.cursor = listing.ids.index(keep) if keep in listing.ids else 0
        self.cursor = max(min(self.cursor, len(listing.ids) - 1), 0)
        if listing.facets is not None:
            self._varied |= listing.facets.varied
        self._measure()
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        """Lay the columns out anew."""
        self._measure()

    def _measure(self) -> None:
        self.virtual_size = Size(max(self.size.width - 1, 0), len(self._listing.ids) + 1)
        self._follow()
        self.refresh()

    def _follow(self) -> None:
        """Scroll so that the cursor is seen below the titles."""
        rows = self._rows
        top = min(self.scroll_offset.y, self.cursor)
        top = max(top, self.cursor - rows + 1)
        self.scroll_to(y=max(top, 0), animate=False, force=True, immediate=True)

    @property
    def _rows(self) -> int:
        """Episodes that are seen at a time."""
        return max(self.size.height - 1, 1)

    def action_move(self, by: int) -> None:
        """So many lines down."""
        self._go(self.cursor + by)

    def action_page(self, by: int) -> None:
        """So many screens down."""
        self._go(self.cursor + by * self._rows)

    def action_go(self, to: int) -> None:
        """To the first, or with -1 to the last episode."""
        self._go(to if to >= 0 else len(self._listing.ids) - 1)

    def on_click(self, event: Click) -> None:
        """The cursor goes where one clicks."""
        if event.y > 0:
            self._go(event.y - 1 + self.scroll_offset.y)

    def _go(self, to: int) -> None:
        to = max(min(to, len(self._listing.ids) - 1), 0)
        if to != self.cursor:
            self.cursor = to
            self._follow()
            self.refresh()
            self.post_message(self.Moved())

    def render_line(self, y: int) -> Strip:
        """Titles, or the episode that stands there."""
        width = self.scrollable_content_region.width
        columns = laid_out(max(width - len(_CURSOR), 1), self._listing.query.order, self._varied)
        if y == 0:
            text = " " * len(_CURSOR) + head(columns, self._listing.query.order)
            strip = Strip([Segment(text, self._style("quiet"))])
        elif (index := self.scroll_offset.y + y - 1) < len(self._listing.ids):
            strip = Strip(self._row(index, columns))
        else:
            strip = Strip([])
        return strip.adjust_cell_length(width, self.rich_style).crop(0, width)

    def _row(self, index: int, columns: tuple[Laid, ...]) -> list[Segment]:
        name = self._listing.ids[index]
        try:
            row = self._listing.row(index)
        except OreoError:
            row = None
        damaged = row is None or name in self._listing.damaged
        here = index == self.cursor
        base = self._style("cursor") if here else self.rich_style
        styles = {
            "outcome": self._style(_outcome(row, damaged=damaged)),
            "instance": Style.null(),
        }
        texts = cells(row, columns, name=name, damaged=damaged)
        parts = [Segment(_CURSOR if here else " " * len(_CURSOR), base)]
        for column, text in zip(columns, texts, strict=True):
            own = styles.get(column.name, self._style("quiet"))
            parts.append(Segment(text, base + _ink(own)))
            parts.append(Segment(" ", base))
        return parts[:-1]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name)


def _ink(style: Style) -> Style:
    """A style without its background, so that the cursor's is seen through it."""
    return Style(color=style.color, bold=style.bold or None)


def _outcome(row: EpisodeRow | None, *, damaged: bool) -> str:
    if row is None or damaged:
        return "damaged"
    if row.end in ("won", "lost", "fault"):
        return row.end
    return "limit"
