"""A game told as lines from its snapshots: what a screen shows of it, turn by turn."""

from collections.abc import Iterator, Sequence

from oreo_agent.player.harmless import harmless
from oreo_agent.player.review import grade, losing_turn
from oreo_agent.player.snapshot import Move, Option, Snapshot
from oreo_agent.player.widgets.figures import percent


def game_lines(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """The whole game; ``snapshots`` are what each judge sees of the same one, at least one."""
    lines = [*opening_lines(snapshots)]
    for moves in zip(*(each.moves for each in snapshots), strict=True):
        lines += turn_lines(moves, snapshots)
    lines += ending_lines(snapshots)
    for line in lines:
        yield harmless(line.rstrip())


def opening_lines(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """Which game, who plays and judges, what the world says first."""
    first = snapshots[0]
    yield f"{first.task} {first.split}, game {first.game} of {first.games}: {first.instance}"
    yield f"agent: {first.agent}"
    judges = " | ".join(each.judge for each in snapshots if each.judge)
    if judges:
        yield f"values: {judges}"
    if first.goal:
        yield f"goal: {first.goal}"
    yield ""
    yield from first.opening.splitlines()


def turn_lines(moves: Sequence[Move], snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """A turn as each judge sees it, the first of them in full."""
    yield ""
    yield from move_lines(moves[0], snapshots[0])
    for move, snapshot in zip(moves[1:], snapshots[1:], strict=True):
        yield f"by {snapshot.judge}{_standing(move)}"
        yield from _candidates(move)
        yield from _grade(move)


def move_lines(move: Move, snapshot: Snapshot) -> Iterator[str]:
    """A turn of the game: where it stood, the candidates, the command, the answer."""
    yield f"{snapshot.unit} {move.turn} of {snapshot.step_limit}{_standing(move)}"
    if len(move.options) > 1 or move.option.value is not None:
        yield from _candidates(move)
    if move.option.thought:
        yield f"thought: {move.option.thought}"
    yield f"command: {move.option.command.strip() or '(none)'}"
    yield from _grade(move)
    yield from move.observation.splitlines()


def ending_lines(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """How the game ended, and the turn that lost it by each judge."""
    yield ""
    yield outcome_line(snapshots[0])
    for snapshot in snapshots[1:]:
        if lost := _lost(snapshot):
            yield f"by {snapshot.judge}: {lost}"


def outcome_line(snapshot: Snapshot) -> str:
    """How the game ended, V at its beginning and end, what lost it, and what it took."""
    parts = [snapshot.outcome]
    if lost := _lost(snapshot):
        parts.append(lost)
    if snapshot.values:
        parts.append(f"V {snapshot.values[0]:.3f} at first, {snapshot.values[-1]:.3f} at last")
    parts.append(f"{snapshot.tokens} tokens")
    return "; ".join(parts)


def _lost(snapshot: Snapshot) -> str:
    """The turn that lost the game, in words; empty if none did."""
    lost = losing_turn(snapshot.moves, snapshot.end)
    if lost is None:
        return ""
    return f"{snapshot.unit} {lost} lost it: {snapshot.moves[lost - 1].option.label}"


def _standing(move: Move) -> str:
    told = "" if move.probability is None else f", success {percent(move.probability)}"
    return told if move.value is None else f"{told}, V {move.value:.3f}"


def _candidates(move: Move) -> Iterator[str]:
    for number, option in enumerate(move.options, 1):
        sign = ">" if option == move.option else " "
        yield f"{sign} {number}  {_figures(option)}  {option.label}{_remark(option)}"


def _grade(move: Move) -> Iterator[str]:
    if (found := grade(move)) is not None:
        yield f"{found}: it cost {100 * (move.loss or 0.0):.0f} points of the chance of success"


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
