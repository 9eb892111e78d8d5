"""Logs held against the world: every command is given again, every observation compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oreo_agent.records.formats.conversation import Conversation
from oreo_agent.registry import Registry
from oreo_agent.rollouts.stage import Stage
from oreo_agent.rollouts.worlds import Begin, Fault, Scene

LOGGED: Registry[Callable[[str], str]] = Registry(
    "task whose logs leave texts out", {"alfworld": "oreo_tasks.alfworld.logs:as_logged"}
)
MATCHED, DIFFERS, IMPOSSIBLE = "matched", "differs", "not replayable"
LONGEST = 10_000
"""Turns that a log may have here; the world's own step limit is not what ends it."""


@dataclass(slots=True, kw_only=True)
class Replay:
    """What became of one log."""

    verdict: str = MATCHED
    equal: int = 0
    """Observations that were equal, the opening included."""
    turn: int = -1
    """Replies before the first observation that differs; -1 if none does."""
    logged: str = ""
    """What the log says there."""
    said: str = ""
    """What the world says there; or why it cannot be replayed."""
    same_outcome: bool | None = None
    """Whether it is won in the world exactly if it is in the log; None if it was not played out."""
    valid: list[bool | None] = field(default_factory=list[bool | None])
    """Whether the world admitted each command that was given."""

    def differ(self, turn: int, logged: str, said: str) -> None:
        """Note where log and world part."""
        self.verdict, self.turn, self.logged, self.said = DIFFERS, turn, logged, said


def reenact(stage: Stage, conversations: Sequence[Conversation]) -> list[Replay]:
    """Replay logs whose commands are known, all at a time.

    A log is played to its end also where it differs, unless the world ends before it.

    Args:
        stage: where; its step limit has to be `LONGEST`.
        conversations: one or more.

    Raises:
        SettingError: the environment is not registered.
        DataError: the world does not find its data.
    """
    found = [Replay() for _ in conversations]
    world = stage.open(len(conversations))
    plain = LOGGED.load(stage.task) if stage.task in LOGGED.names() else str.strip
    try:
        starts = {
            slot: Begin(instance=each.instance, seed=0)
            for slot, each in enumerate(conversations)
            if each.instance
        }
        for slot in set(range(len(conversations))) - set(starts):
            found[slot].verdict, found[slot].said = IMPOSSIBLE, "the log does not name its instance"
        scenes = world.begin(starts)
        live = dict(starts)
        turn = 0
        while live:
            for slot in list(live):
                if not _compare(found[slot], conversations[slot], scenes[slot], turn, plain):
                    del live[slot]
            commands = {slot: conversations[slot].turns[turn].command or "" for slot in live}
            scenes = world.step(commands) if commands else {}
            turn += 1
    finally:
        world.close()
    return found


def _compare(
    replay: Replay,
    log: Conversation,
    scene: Scene | Fault,
    turn: int,
    plain: Callable[[str], str],
) -> bool:
    """Hold what the world says after ``turn`` replies against the log; whether it goes on."""
    if isinstance(scene, Fault):
        replay.verdict, replay.said = IMPOSSIBLE, scene.text
        return False
    if turn:
        valid = scene.info.get("valid")
        replay.valid.append(None if valid is None else bool(valid))
    over = turn == len(log.turns)
    logged = log.last if over else log.turns[turn].seen
    if not over or logged:
        if plain(scene.observation) == plain(logged):
            replay.equal += 1
        elif replay.verdict == MATCHED:
            replay.differ(turn, logged, scene.observation)
    ended = scene.terminated or scene.truncated
    if ended and not over and replay.verdict == MATCHED:
        replay.differ(turn, logged, "the world has ended")
    if over or ended:
        won = scene.terminated and bool(scene.info.get("won", scene.reward > 0))
        replay.same_outcome = won == (log.reward == 1)
        return False
    return True
