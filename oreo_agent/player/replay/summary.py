"""A replayed episode as plain data."""

from typing import Any

from oreo_agent.player.plain import summary
from oreo_agent.player.replay.replay import Replay
from oreo_agent.player.review import grade, losing_turn
from oreo_agent.player.snapshot import Snapshot


def replay_summary(replay: Replay) -> dict[str, Any]:
    """The episode as the player's summary has it, by its first judge, and what each judge says."""
    whole = replay.whole()
    return {
        "episode": replay.episode.id,
        **summary(whole[0]),
        "judges": [_judge(snapshot) for snapshot in whole],
        "troubles": list(replay.troubles),
    }


def _judge(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "name": snapshot.judge,
        "calibrated": snapshot.calibrated,
        "values": list(snapshot.values),
        "chances": list(snapshot.chances),
        "marks": {move.turn: grade(move) for move in snapshot.moves if grade(move)},
        "losing_turn": losing_turn(snapshot.moves, snapshot.end),
        "candidates": [
            [
                {
                    "command": option.command,
                    "value": option.value,
                    "probability": option.probability,
                    "gain": option.gain,
                    "share": option.share,
                }
                for option in move.options
            ]
            for move in snapshot.moves
        ],
    }
