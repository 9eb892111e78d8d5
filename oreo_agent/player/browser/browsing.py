"""From the list to an episode and back."""

from collections.abc import Callable

from oreo_agent.player.browser.app import BrowserApp, Opened
from oreo_agent.player.browser.listing import Listing

OpenEpisode = Callable[[Opened], None]


def browse(listing: Listing, open_episode: OpenEpisode) -> int:
    """Look through a store until the person quits; returns the exit code.

    Args:
        listing: what to begin with.
        open_episode: takes over the terminal for an episode and comes back, to the same place in
            the list.
    """
    cursor = 0
    while True:
        app = BrowserApp(listing, cursor=cursor)
        opened = app.run()
        if opened is None:
            return app.return_code or 0
        listing, cursor = app.listing, opened.ids.index(opened.id)
        open_episode(opened)
