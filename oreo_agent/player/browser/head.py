"""Above the list what is shown and how it went, below it where the cursor is, and the keys."""

from textual.content import Content
from textual.widgets import Static

from oreo_agent.player.browser.columns import MARKS
from oreo_agent.player.browser.listing import Listing
from oreo_agent.player.browser.query import OUTCOMES
from oreo_agent.player.harmless import one_line

KEYS = (
    ("enter", "open"),
    ("f", "outcome"),
    ("t", "type"),
    ("i", "instance"),
    ("/", "text"),
    ("s", "sort"),
    ("esc", "clear"),
    ("?", "help"),
    ("q", "quit"),
)
_ONE_LINE = "height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;"
_COLOURS = {"won": "$success", "lost": "$error", "fault": "$accent"}


class Counts(Static):
    """Two lines: the store, and how its episodes ended with Wilson's interval of the won share."""

    DEFAULT_CSS = """
    Counts { height: 2; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, listing: Listing) -> None:
        """Draw what is known of them."""
        total = "counting" if listing.total is None else f"{listing.total:,} episodes"
        line = Content.styled(total, "bold")
        if (rate := listing.rate()) is not None:
            span = f"[{100 * rate.low:.1f}, {100 * rate.high:.1f}]"
            line += Content.assemble(
                (" · ", "$secondary"), (f"won {rate.share:.1%} ", "bold"), span
            )
        line += Content.styled(f" · {one_line(str(listing.reader.folder))}", "$secondary")
        self.update(Content("\n").join([line, _ends(listing)]))


def _ends(listing: Listing) -> Content:
    ends = listing.ends()
    if ends is None:
        return Content.styled("counting how they ended ...", "$secondary")
    asked = listing.query.where.ends
    parts: list[Content] = []
    for end in (end for end in OUTCOMES if end in ends):
        style = _COLOURS.get(end, "$warning")
        mark = f"{MARKS[end]} " if end in MARKS else ""
        faint = asked is not None and end not in asked
        told = f"{mark}{OUTCOMES[end]} {ends[end]:,}"
        parts.append(Content.styled(told, "$secondary" if faint else style))
    return (
        Content("  ").join(parts)
        if parts
        else Content.styled("none" if listing.filled else "none yet", "$secondary")
    )


class Asked(Static):
    """One line: what is asked for, how far a search is, and what the list is sorted by."""

    DEFAULT_CSS = f"Asked {{ {_ONE_LINE} }}"

    def show(self, listing: Listing, *, stopped: bool) -> None:
        """Draw it; ``stopped`` tells of a search that was not to go on."""
        parts = [
            Content.assemble((f"{what} ", "$secondary"), (one_line(value), "bold $accent"))
            for what, value in listing.query.conditions()
        ]
        if listing.query.text:
            parts.append(Content.styled(_progress(listing, stopped=stopped), "$accent"))
        if not parts:
            parts = [Content.styled("every outcome, type and instance", "$secondary")]
        order = listing.query.order
        way = "most first" if order.descending else "least first"
        told = "id" if str(order) == "id" else f"{order.by}, {way}"
        parts.append(Content.styled(f"by {told}", "$secondary"))
        self.update(Content.styled(" · ", "$secondary").join(parts))


def _progress(listing: Listing, *, stopped: bool) -> str:
    found = f"{len(listing.ids):,} found"
    if listing.filled:
        return found
    done = listing.looked / listing.to_look if listing.to_look else 0
    if stopped:
        return f"{found}, stopped at {done:.0%}"
    return f"{found}, {done:.0%} looked through"


class Where(Static):
    """One line: the place of the cursor and the id of its episode, or why there is none."""

    DEFAULT_CSS = f"Where {{ {_ONE_LINE} }}"

    def show(self, listing: Listing, cursor: int, *, busy: bool, trouble: str) -> None:
        """Draw it.

        Args:
            listing: which may be empty.
            cursor: place in it.
            busy: whether the list is not complete yet.
            trouble: why it never will be; ``""`` if nothing is wrong.
        """
        if trouble:
            self.update(Content.styled(f"! {one_line(trouble)}", "$error"))
            return
        if not listing.ids:
            doing = "searching ..." if listing.to_look else "reading ..."
            told = doing if busy else "no episode is like that: esc clears what is asked"
            self.update(Content.styled(told, "$accent" if busy else "bold"))
            return
        parts = [
            (f"{cursor + 1:,} of {len(listing.ids):,}", "bold"),
            (f" · {one_line(listing.ids[cursor])}", "$secondary"),
        ]
        if listing.damaged:
            parts.append((f" · {len(listing.damaged):,} damaged", "$error"))
        self.update(Content.assemble(*parts))


class BrowserKeys(Static):
    """One line that names the keys; those that do not fit are in the help."""

    DEFAULT_CSS = f"BrowserKeys {{ {_ONE_LINE} }}"

    def on_mount(self) -> None:
        """Draw them."""
        told = [
            Content.assemble((f"{key} ", "bold $primary"), (does, "$secondary"))
            for key, does in KEYS
        ]
        self.update(Content("  ").join(told))
