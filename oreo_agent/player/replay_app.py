"""The replay in a terminal: Textual draws snapshots and turns keys into the replay's verbs."""

import asyncio
from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical

from oreo_agent.errors import OreoError
from oreo_agent.player.replay.replay import Replay
from oreo_agent.player.replay_parts import EpisodeDialog, Place, ReplayHelp, ReplayKeys, Voice
from oreo_agent.player.screen import ScreenApp
from oreo_agent.player.snapshot import Snapshot
from oreo_agent.player.widgets.masthead import Masthead
from oreo_agent.player.widgets.transcript import Transcript

AT_ONCE = ("forward", "back", "first", "last")
"""Verbs that stay within the episode."""


class ReplayApp(ScreenApp[None]):
    """A replay on a screen; it works in a thread, one verb at a time."""

    CSS = """
    Masthead { border-bottom: solid $panel; height: 3; }
    #stage { height: 1fr; }
    #mind { height: auto; border-top: solid $panel; }
    Transcript { height: 1fr; min-height: 2; }
    Place { border-top: solid $panel; height: 2; }
    Screen.-wide #stage { layout: horizontal; }
    Screen.-wide Transcript { width: 1fr; height: 100%; }
    Screen.-wide #mind { width: 1fr; max-width: 100; height: 100%; border-top: none; }
    Screen.-wide #mind { border-left: solid $panel; }
    Screen.-wide #mind.two { width: 2fr; max-width: 180; layout: horizontal; }
    Screen.-wide #mind.two Voice { width: 1fr; height: 100%; }
    Screen.-wide ValueLine { height: 1fr; max-height: 10; margin-top: 1; }
    Screen.-narrow #mind.two Considered { min-height: 1; max-height: 5; }
    Screen.-low ReplayKeys { display: none; }
    Screen.-low Masthead { height: 1; border: none; }
    Screen.-low Place { height: 1; border: none; }
    Screen.-low #mind { max-height: 50%; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("space,right,enter", "verb('forward')", show=False, priority=False),
        Binding("left,backspace", "verb('back')", show=False),
        Binding("home", "verb('first')", show=False, priority=True),
        Binding("end", "verb('last')", show=False, priority=True),
        Binding("n", "verb('next_marked')", show=False),
        Binding("N,p", "verb('previous_marked')", show=False),
        Binding("right_square_bracket", "verb('next_episode')", show=False),
        Binding("left_square_bracket", "verb('previous_episode')", show=False),
        Binding("g", "pick", show=False),
        Binding("t", "toggle_theme", show=False),
    ]

    def __init__(self, replay: Replay) -> None:
        """Show a replay that stands at the beginning of an episode."""
        super().__init__()
        self.title = "oreo-agent play --replay"
        self._replay = replay
        self._snapshots: tuple[Snapshot, ...] = replay.snapshots()
        self._acting = False

    def compose(self) -> ComposeResult:
        """From top to bottom; the judges stand at the side of a wide screen."""
        yield Masthead()
        with Container(id="stage"):
            yield Transcript()
            with Vertical(id="mind", classes="two" if len(self._snapshots) > 1 else ""):
                for _ in self._snapshots:
                    yield Voice()
        yield Place()
        yield ReplayKeys()

    def on_mount(self) -> None:
        """Dress up and draw."""
        self.dress()
        self.query_one(Transcript).focus()
        self._draw()
        self._complain()

    def action_verb(self, name: str) -> None:
        """Let the replay do what the key stands for, unless it is at something already.

        Within an episode that is done at once, so that keys pressed in haste all count.
        """
        verb: Callable[[], None] = getattr(self._replay, name)
        if name not in AT_ONCE:
            self._begin(verb)
        elif not self._acting and len(self.screen_stack) == 1:
            verb()
            self._snapshots = self._replay.snapshots()
            self._draw()

    def action_pick(self) -> None:
        """Ask for an episode, then show it."""
        if self._acting:
            return

        def picked(wanted: str | None) -> None:
            if wanted is not None:
                self._begin(lambda: self._replay.pick(wanted))

        self.push_screen(EpisodeDialog(self._replay.ids), picked)

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(ReplayHelp())

    def _begin(self, verb: Callable[[], None]) -> None:
        if not self._acting and len(self.screen_stack) == 1:
            self._acting = True
            self.run_worker(self._do(verb))

    async def _do(self, verb: Callable[[], None]) -> None:
        shown = self._replay.episode.id
        try:
            await asyncio.to_thread(verb)
        except OreoError as error:
            self.tell(error, severity="warning")
        finally:
            self._acting = False
        self._snapshots = self._replay.snapshots()
        self._draw()
        if self._replay.episode.id != shown:
            self._complain()

    def _complain(self) -> None:
        """Say what a judge could not read of the episode."""
        for trouble in self._replay.troubles:
            self.tell(trouble, severity="warning")

    def _draw(self) -> None:
        first = self._snapshots[0]
        self.query_one(Masthead).show(first)
        self.query_one(Transcript).show(first)
        for voice, snapshot in zip(self.query(Voice), self._snapshots, strict=True):
            voice.show(snapshot)
        self.query_one(Place).show(first, self._replay)
