"""The foot of the screen: where the game stands, and the keys."""

from textual.content import Content
from textual.widgets import Static

from oreo_agent.player.snapshot import Snapshot

KEYS = (
    ("space", "step"),
    ("r", "run"),
    ("1-9", "take"),
    ("a", "type"),
    ("b", "back"),
    ("w", "what if"),
    ("n", "next"),
    ("?", "help"),
    ("q", "quit"),
)


class Status(Static):
    """One line: turn, what goes on, tokens, seconds."""

    DEFAULT_CSS = """
    Status { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, snapshot: Snapshot, *, doing: str) -> None:
        """Draw where the game stands; ``doing`` tells who is at it."""
        self.update(
            Content.assemble(
                (f"{snapshot.unit} {snapshot.turn} of {snapshot.step_limit}", "bold"),
                (" · ", "$secondary"),
                ("game over", "bold") if snapshot.end else (doing, "$accent"),
                (f" · {snapshot.tokens} tokens · {snapshot.seconds:.1f} s", "$secondary"),
            )
        )


class Keys(Static):
    """One line that names the keys; those that do not fit are in the help."""

    keys: tuple[tuple[str, str], ...] = KEYS

    DEFAULT_CSS = """
    Keys { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def on_mount(self) -> None:
        """Draw them."""
        told = [
            Content.assemble((f"{key} ", "bold $primary"), (does, "$secondary"))
            for key, does in self.keys
        ]
        self.update(Content("  ").join(told))
