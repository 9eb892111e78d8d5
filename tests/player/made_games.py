"""Games as snapshots, made by hand: what exports and lines are compared with."""

from dataclasses import replace
from typing import Any

from oreo_agent.player.snapshot import Move, Option, Snapshot

OPENING = "You are in a room. You see a fridge 1, a microwave 1, and a shelf 1."
KITCHEN = (
    # V before; the replies, each with V at its end and its log-probability; which was given; answer
    (
        0.62,
        (("go to fridge 1", 0.64, -0.4), ("go to shelf 1", 0.55, -1.2)),
        0,
        "The fridge 1 is closed.",
    ),
    (
        0.66,
        (("open fridge 1", 0.71, -0.2), ("take bread 1 from fridge 1", 0.35, -1.8)),
        1,
        "Nothing happens.",
    ),
    (
        0.38,
        (("open fridge 1", 0.45, -0.3), ("go to shelf 1", 0.31, -1.5)),
        0,
        "The fridge 1 is open. In it, you see a bread 1.",
    ),
    (
        0.57,
        (("take bread 1 from fridge 1", 0.66, -0.1), ("close fridge 1", 0.49, -2.5)),
        0,
        "You pick up the bread 1 from the fridge 1.",
    ),
    (
        0.70,
        (("go to shelf 1", 0.42, -0.9), ("go to microwave 1", 0.74, -1.0)),
        0,
        "On the shelf 1, you see nothing.",
    ),
    (0.31, (("put bread 1 in/on shelf 1", 0.06, -0.3), ("go to microwave 1", 0.36, -1.3)), 0, ""),
)
SUM = (
    (0.74, (("3 * 4 = 12\n", 0.81, -0.1),), 0, ""),
    (0.81, (("12 - 5 = 8\n", 0.22, -1.6),), 0, ""),
    (0.22, (("#### 8", 0.20, -0.2),), 0, ""),
)


def game(turns: Any = KITCHEN, *, shift: float = 0.0, **changes: Any) -> Snapshot:
    """A game that is over; ``shift`` is added to what its judge says of turns after the second."""
    moves = tuple(_move(number, *turn, shift) for number, turn in enumerate(turns, 1))
    chances = (*(move.chance or 0.0 for move in moves), moves[-1].option.chance or 0.0)
    snapshot = Snapshot(
        agent="model 3f2a8c019d7e sample T=1",
        judge="oreo",
        task="alfworld",
        split="valid_seen",
        instance="pick_heat_then_place-Bread-None-Shelf-1/trial_1",
        task_type="pick_heat_then_place_in_recep",
        game=3,
        games=40,
        goal="put a hot bread in shelf",
        opening=OPENING,
        moves=moves,
        options=(),
        chosen=0,
        value=None,
        values=chances,
        chances=chances,
        calibrated=True,
        admissible=(),
        step_limit=len(moves),
        end="lost",
        tokens=143,
        seconds=2.5,
    )
    return replace(snapshot, **changes)


def solution(**changes: Any) -> Snapshot:
    """A problem that was answered wrongly."""
    return game(
        SUM,
        task="wordproblems",
        split="valid",
        instance="puzzle/valid/00007",
        task_type="chain, 2 steps",
        goal="",
        opening="Start with 3. Multiply by 4, then subtract 5.",
        solution=True,
        verdict="wrong",
        **changes,
    )


def _move(number: int, value: float, replies: Any, played: int, answer: str, shift: float) -> Move:
    moved = shift if number > 2 else 0.0
    total = sum(2.718281828**logp for _, _, logp in replies)
    options = tuple(
        Option(
            command=command,
            text=command,
            value=after + moved,
            probability=after + moved,
            gain=after - value,
            logp=logp,
            share=2.718281828**logp / total,
        )
        for command, after, logp in replies
    )
    return Move(
        turn=number,
        option=options[played],
        by="agent",
        observation=answer,
        value=value + moved,
        probability=value + moved,
        valid=answer != "Nothing happens.",
        options=options,
    )
