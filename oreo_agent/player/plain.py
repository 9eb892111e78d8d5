"""The player without a terminal: the same as lines, for pipes, logs and screen readers."""

from collections.abc import Iterator
from typing import Any

from oreo_agent.player.review import grade, losing_turn
from oreo_agent.player.session import Session
from oreo_agent.player.snapshot import Move, Option, Snapshot
from oreo_agent.player.widgets.figures import percent


def play_lines(session: Session) -> Iterator[str]:
    """Play the game to its end; what happens, as lines of text as soon as it is known."""
    start = session.snapshot()
    yield f"{start.task} {start.split}, game {start.game} of {start.games}: {start.instance}"
    yield f"agent: {start.agent}"
    if start.goal:
        yield f"goal: {start.goal}"
    yield ""
    yield from start.opening.splitlines()
    while not session.over:
        session.step()
        snapshot = session.snapshot()
        if snapshot.moves:
            yield ""
            yield from move_lines(snapshot.moves[-1], snapshot)
    yield ""
    yield outcome_line(session.snapshot())


def move_lines(move: Move, snapshot: Snapshot) -> Iterator[str]:
    """A turn of the game: where it stood, the candidates, the command, the answer."""
    head = f"{snapshot.unit} {move.turn} of {snapshot.step_limit}"
    if move.probability is not None:
        head += f", success {percent(move.probability)}"
    yield head if move.value is None else f"{head}, V {move.value:.3f}"
    if len(move.options) > 1 or move.option.value is not None:
        for number, option in enumerate(move.options, 1):
            mark = ">" if option == move.option else " "
            yield f"{mark} {number}  {_figures(option)}  {option.label}{_remark(option)}"
    if move.option.thought:
        yield f"thought: {move.option.thought}"
    yield f"command: {move.option.command.strip() or '(none)'}"
    if (found := grade(move)) is not None:
        yield f"{found}: it cost {100 * (move.loss or 0.0):.0f} points of the chance of success"
    yield from move.observation.splitlines()


def outcome_line(snapshot: Snapshot) -> str:
    """How the game ended, V at its beginning and end, what lost it, and what it took."""
    parts = [snapshot.outcome]
    if (lost := losing_turn(snapshot.moves, snapshot.end)) is not None:
        parts.append(f"{snapshot.unit} {lost} lost it: {snapshot.moves[lost - 1].option.label}")
    if snapshot.values:
        parts.append(f"V {snapshot.values[0]:.3f} at first, {snapshot.values[-1]:.3f} at last")
    parts.append(f"{snapshot.tokens} tokens")
    return "; ".join(parts)


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


def _figures(option: Option) -> str:
    """V and policy share, in columns."""
    value = f"V {option.value:6.3f}" if option.value is not None else "V      -"
    if option.probability is not None:
        value = f"success {percent(option.probability):>4}  {value}"
    share = f"policy {option.share:4.0%}" if option.share is not None else "policy    -"
    return f"{value}  {share}"


def _remark(option: Option) -> str:
    if not option.command:
        return "  (holds no command)"
    return "  (not possible)" if option.admissible is False else ""
