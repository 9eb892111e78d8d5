"""The player without a terminal: the same as lines, for pipes, logs and screen readers."""

from collections.abc import Iterator
from typing import Any

from oreo_agent.player.harmless import harmless
from oreo_agent.player.review import grade, losing_turn
from oreo_agent.player.session import Session
from oreo_agent.player.snapshot import Snapshot
from oreo_agent.player.telling import ending_lines, opening_lines, turn_lines


def play_lines(session: Session) -> Iterator[str]:
    """Play the game to its end; what happens, as lines of text as soon as it is known."""
    yield from map(harmless, opening_lines((session.snapshot(),)))
    while not session.over:
        session.step()
        snapshot = session.snapshot()
        if snapshot.moves:
            yield from map(harmless, turn_lines(snapshot.moves[-1:], (snapshot,)))
    yield from map(harmless, ending_lines((session.snapshot(),)))


def summary(snapshot: Snapshot) -> dict[str, Any]:
    """The game as plain data."""
    return {
        "task": snapshot.task,
        "split": snapshot.split,
        "instance": snapshot.instance,
        "task_type": snapshot.task_type,
        "agent": snapshot.agent,
        "goal": snapshot.goal,
        "end": snapshot.end,
        "won": snapshot.end == "won",
        "turns": len(snapshot.moves),
        "step_limit": snapshot.step_limit,
        "tokens": snapshot.tokens,
        "values": list(snapshot.values),
        "chances": list(snapshot.chances),
        "calibrated": snapshot.calibrated,
        "verdict": snapshot.verdict,
        "losing_turn": losing_turn(snapshot.moves, snapshot.end),
        "moves": [
            {
                "command": move.option.command,
                "by": move.by,
                "valid": move.valid,
                "value": move.value,
                "value_after": move.option.value,
                "probability": move.probability,
                "probability_after": move.option.probability,
                "grade": grade(move),
                "candidates": [
                    {
                        "command": option.command,
                        "value": option.value,
                        "probability": option.probability,
                        "gain": option.gain,
                        "logp": option.logp,
                        "admissible": option.admissible,
                    }
                    for option in move.options
                ],
                "observation": move.observation,
            }
            for move in snapshot.moves
        ],
    }
