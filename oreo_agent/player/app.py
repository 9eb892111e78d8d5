"""The player in a terminal: Textual draws snapshots and turns keys into the session's verbs."""

import asyncio
from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.timer import Timer

from oreo_agent.errors import OreoError
from oreo_agent.player.dialogs import ActionDialog, GameDialog, HelpDialog, TurnDialog
from oreo_agent.player.screen import ScreenApp
from oreo_agent.player.session import Session
from oreo_agent.player.snapshot import Option, Snapshot
from oreo_agent.player.what_if_dialog import WhatIfDialog
from oreo_agent.player.widgets.candidates import Candidates
from oreo_agent.player.widgets.eval_bar import EvalBar
from oreo_agent.player.widgets.masthead import Masthead
from oreo_agent.player.widgets.status import Keys, Status
from oreo_agent.player.widgets.transcript import Transcript
from oreo_agent.player.widgets.value_line import ValueLine

PACE = 0.4
"""Seconds between the turns of a game that runs by itself."""


class PlayerApp(ScreenApp[None]):
    """One session on a screen; the session works in a thread, one verb at a time."""

    CSS = """
    Masthead { border-bottom: solid $panel; height: 3; }
    #stage { height: 1fr; }
    #mind { height: auto; border-top: solid $panel; }
    Transcript { height: 1fr; }
    Status { border-top: solid $panel; height: 2; }
    Screen.-wide #stage { layout: horizontal; }
    Screen.-wide Transcript { width: 1fr; height: 100%; }
    Screen.-wide #mind { width: 1fr; max-width: 90; height: 100%; }
    Screen.-wide #mind { border-top: none; border-left: solid $panel; }
    Screen.-wide ValueLine { height: 1fr; max-height: 10; margin-top: 1; }
    Screen.-low Keys { display: none; }
    Screen.-low Masthead { height: 1; border: none; }
    Screen.-low Status { height: 1; border: none; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's own type
        Binding("space,enter", "step", show=False),
        Binding("r", "run", show=False),
        *(Binding(str(n), f"take({n})", show=False) for n in range(1, 10)),
        Binding("a", "type", show=False),
        Binding("b,backspace,left", "take_back", show=False),
        Binding("B", "back_to", show=False),
        Binding("w", "what_if", show=False),
        Binding("n", "next", show=False),
        Binding("g", "pick", show=False),
        Binding("R", "restart", show=False),
        Binding("t", "toggle_theme", show=False),
    ]

    def __init__(
        self, session: Session, *, pace: float = PACE, replies: int = 5, games: int = 8
    ) -> None:
        """Show a session whose first game has begun; the caller closes it.

        Args:
            session: what is shown.
            pace: seconds between the turns of a game that runs by itself.
            replies: that a what-if tries.
            games: that it plays from each.
        """
        super().__init__()
        self.title = "oreo-agent play"
        self._session = session
        self._snapshot: Snapshot = session.snapshot()
        self._pace = pace
        self._replies, self._games = replies, games
        self._acting = False
        self._auto = False
        self._next_turn: Timer | None = None

    def compose(self) -> ComposeResult:
        """From top to bottom; what the agent thinks stands at the side of a wide screen."""
        yield Masthead()
        with Container(id="stage"):
            yield Transcript()
            with Vertical(id="mind"):
                yield EvalBar()
                yield Candidates()
                yield ValueLine()
        yield Status()
        yield Keys()

    def on_mount(self) -> None:
        """Dress up and draw."""
        self.dress()
        self.query_one(Transcript).focus()
        self._draw()

    def action_step(self) -> None:
        """Take the agent's choice."""
        self._pause()
        self._begin(self._session.step)

    def action_run(self) -> None:
        """Run by itself, or pause."""
        if self._auto:
            self._pause()
            self._draw()
        elif self._snapshot.end is None:
            self._auto = True
            self._begin(self._session.step)

    def action_take(self, number: int) -> None:
        """Take a candidate."""
        self._pause()
        if number <= len(self._snapshot.options):
            self._begin(lambda: self._session.take(number))

    def action_next(self) -> None:
        """Play the next game."""
        self._pause()
        self._begin(self._session.next_game)

    def action_restart(self) -> None:
        """Play this game again."""
        self._pause()
        self._begin(self._session.restart)

    def action_take_back(self) -> None:
        """Take the last turn back."""
        self._pause()
        if turns := len(self._snapshot.moves):
            self._begin(lambda: self._session.back(turns))

    def action_back_to(self) -> None:
        """Ask for a turn, then stand before it."""
        self._pause()
        turns = len(self._snapshot.moves)
        if self._acting or not turns:
            return

        def chosen(turn: str | None) -> None:
            if turn is not None:
                self._begin(lambda: self._session.back(int(turn)))

        self.push_screen(TurnDialog(turns), chosen)

    def action_what_if(self) -> None:
        """Play on from several replies, and see what V had said."""
        self._pause()
        snapshot = self._snapshot
        if self._acting or snapshot.end is not None:
            return
        dialog = WhatIfDialog(
            snapshot.turn,
            lambda stop: self._session.what_if(self._replies, self._games, stop),
            calibrated=snapshot.calibrated,
        )
        self.push_screen(dialog)

    def action_type(self) -> None:
        """Ask for an action, then play it."""
        self._pause()
        if self._acting or self._snapshot.end is not None:
            return

        def played(command: str | None) -> None:
            if command is not None:
                self._begin(lambda: self._session.act(command))

        dialog = ActionDialog(self._snapshot.admissible, self._appraise)
        self.push_screen(dialog, played)

    def action_pick(self) -> None:
        """Ask for a game, then play it."""
        self._pause()
        if self._acting:
            return

        def picked(instance: str | None) -> None:
            if instance is not None:
                self._begin(lambda: self._session.pick(instance))

        self.push_screen(GameDialog([*self._session.types, *self._session.instances]), picked)

    def action_help(self) -> None:
        """Show the keys."""
        self._pause()
        self.push_screen(HelpDialog())

    async def _appraise(self, command: str) -> Option:
        return await asyncio.to_thread(self._session.appraise, command)

    def _pause(self) -> None:
        self._auto = False
        if self._next_turn is not None:
            self._next_turn.stop()
            self._next_turn = None

    def _begin(self, verb: Callable[[], None]) -> None:
        """Let the session do something, unless it is at something already."""
        if not self._acting:
            self._acting = True
            self.run_worker(self._do(verb))

    async def _do(self, verb: Callable[[], None]) -> None:
        self._draw()
        try:
            await asyncio.to_thread(verb)
        except OreoError as error:
            self._pause()
            self.tell(error)
        finally:
            self._acting = False
        self._snapshot = self._session.snapshot()
        if self._snapshot.end is not None:
            self._pause()
        self._draw()
        if self._auto:
            self._next_turn = self.set_timer(
                max(self._pace, 0.01), lambda: self._begin(self._session.step)
            )

    def _draw(self) -> None:
        snapshot = self._snapshot
        for part in (Masthead, Transcript, EvalBar, Candidates, ValueLine):
            self.query_one(part).show(snapshot)
        doing = "running" if self._auto else "thinking" if self._acting else "your move"
        self.query_one(Status).show(snapshot, doing=doing)
