"""Parts of the replay's screen that the play screen does not have."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from oreo_agent.player.blocks import bar
from oreo_agent.player.dialogs import GameDialog, HelpDialog
from oreo_agent.player.replay.replay import Replay
from oreo_agent.player.review import grade, mark
from oreo_agent.player.snapshot import Move, Snapshot
from oreo_agent.player.themes import direction, level
from oreo_agent.player.widgets.candidates import Candidates
from oreo_agent.player.widgets.figures import percent, points
from oreo_agent.player.widgets.status import Keys
from oreo_agent.player.widgets.value_line import ValueLine

HELP = (
    ("space, →", "one turn on"),
    ("backspace, ←", "one turn back"),
    ("home, end", "the beginning, the end"),
    ("n, N", "the next blunder, the one before"),
    ("], [", "the next episode, the one before"),
    ("g", "an episode by its id"),
    ("t", "dark or light"),
    ("up, down", "scroll the transcript"),
    ("q, ctrl+c", "quit"),
)
EXPLAINED = (
    "▸ marks what was played. ?! ? ?? mark replies that cost 5, 10, 20 points of the chance of "
    "success before the world answered. gain is V after a reply minus V before it, policy its "
    "probability among the candidates. A bundle that is named judges every episode anew; "
    "without one, values are those that were recorded."
)
KEYS = (
    ("space", "on"),
    ("←", "back"),
    ("n", "next blunder"),
    ("]", "next episode"),
    ("g", "pick"),
    ("?", "help"),
    ("q", "quit"),
)


class Considered(Candidates):
    """The candidates of a turn; at the end the outcome."""

    keys = ()


class Standing(Static):
    """One line: who judges, the chance of success as a bar, what the reply at hand made of it."""

    DEFAULT_CSS = """
    Standing { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Draw where the game stands."""
        self.snapshot = snapshot
        self.refresh()

    def render(self) -> Content:
        """In the width that there is."""
        snapshot = self.snapshot
        if snapshot is None:
            return Content("")
        name = snapshot.judge or ("success" if snapshot.calibrated else "V")
        if snapshot.chance is None:
            return Content.assemble((name, "bold"), ("  no value", "$secondary"))
        change = _change(snapshot)
        room = self.content_size.width - len(name) - change.cell_length - 9
        drawn, track = bar(snapshot.chance, max(min(room, 40), 0))
        told = percent(snapshot.chance) if snapshot.calibrated else f"{snapshot.chance:.2f}"
        return Content.assemble(
            (f"{name}  ", "bold"),
            (drawn, level(snapshot.chance)),
            (track, "$panel"),
            (f" {told:>4}  ", "bold"),
            change,
        )


def _change(snapshot: Snapshot) -> Content:
    """What the reply that was played here cost or brought."""
    if not snapshot.options or snapshot.chance is None:
        return Content("")
    after = snapshot.options[snapshot.chosen].chance
    if after is None:
        return Content("")
    change = after - snapshot.chance
    hue = direction(change if round(100 * change) else None)
    played = played_mark(snapshot)
    return Content.assemble(
        (f"{points(change)} points", hue), (f" {played}" if played else "", "bold $error")
    )


def played_mark(snapshot: Snapshot) -> str:
    """Mark and name of what was played at the turn at hand: ``?? blunder``, or nothing."""
    move = Move(
        turn=snapshot.turn,
        option=snapshot.options[snapshot.chosen],
        by="agent",
        observation="",
        value=snapshot.value,
        probability=snapshot.probability,
        valid=None,
        options=snapshot.options,
    )
    return f"{mark(move)} {grade(move)}" if grade(move) else ""


class Voice(Vertical):
    """What one judge says: where the game stands, the candidates, the game so far."""

    DEFAULT_CSS = """
    Voice { height: auto; }
    """

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Standing()
        yield Considered()
        yield ValueLine()

    def show(self, snapshot: Snapshot) -> None:
        """Draw it."""
        for part in (Standing, Considered, ValueLine):
            self.query_one(part).show(snapshot)


class Place(Static):
    """One line: where the replay stands, and where the marks of the episode are."""

    DEFAULT_CSS = """
    Place { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, snapshot: Snapshot, replay: Replay) -> None:
        """Draw it."""
        turns = len(replay.told().turns)
        where = "the end" if replay.over else f"turn {replay.turn} of {turns}"
        marks = ", ".join(map(str, replay.marked[:12])) or "none"
        short = replay.episode.id.rpartition("-")[2]
        self.update(
            Content.assemble(
                (where, "bold"),
                (" · marked: ", "$secondary"),
                (marks, "$accent" if replay.marked else "$secondary"),
                (f" · {snapshot.tokens} tokens · {short}", "$secondary"),
            )
        )


class ReplayKeys(Keys):
    """The replay's."""

    keys = KEYS


class ReplayHelp(HelpDialog):
    """The keys and what is drawn."""

    keys = HELP
    explained = EXPLAINED


class EpisodeDialog(GameDialog):
    """An episode by its id, or by a part of it."""

    title_text = "show the episode"
    hint = "an id or a part of it that no other has · enter shows it · esc goes back"
