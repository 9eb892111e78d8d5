"""The head of the screen: the goal, and which game this is."""

from textual.content import Content
from textual.widgets import Static

from oreo_agent.player.snapshot import Snapshot


class Masthead(Static):
    """Two lines."""

    DEFAULT_CSS = """
    Masthead { height: 2; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, snapshot: Snapshot) -> None:
        """Draw the goal and the game."""
        goal = snapshot.goal or snapshot.instance
        game = f"{snapshot.split} {snapshot.game}/{snapshot.games}"
        where = [snapshot.task_type or snapshot.task, game, snapshot.agent]
        self.update(
            Content.assemble(
                ("goal  " if snapshot.goal else "problem  ", "$secondary"),
                (goal, "bold"),
                "\n",
                (" · ".join(where), "$secondary"),
            )
        )
