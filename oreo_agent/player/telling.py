"""A game told as lines from its snapshots: what a screen shows of it, turn by turn."""

from collections.abc import Iterator, Sequence

from oreo_agent.player.harmless import harmless
from oreo_agent.player.plain import move_lines, outcome_line
from oreo_agent.player.review import grade, lost_at, mark
from oreo_agent.player.snapshot import Move, Snapshot
from oreo_agent.player.widgets.figures import percent


def game_lines(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """The whole game; ``snapshots`` are what each judge sees of the same one, at least one."""
    for line in _lines(snapshots):
        yield harmless(line.rstrip())


def _lines(snapshots: Sequence[Snapshot]) -> Iterator[str]:
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
    for moves in zip(*(each.moves for each in snapshots), strict=True):
        yield ""
        yield from move_lines(moves[0], first.step_limit)
        for move, snapshot in zip(moves[1:], snapshots[1:], strict=True):
            yield from _beside(move, snapshot)
        for move, snapshot in zip(moves, snapshots, strict=True):
            if mark(move):
                yield mark_line(move, snapshot.judge)
    yield ""
    yield from ending_lines(snapshots)


def ending_lines(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """How the game ended, and the turn that lost it."""
    first = snapshots[0]
    if first.end is not None:
        verdict = f"{first.verdict}: " if first.verdict else ""
        yield verdict + outcome_line(first)
    for lost, judges in lost_at(snapshots).items():
        by = f" (by {' and '.join(judges)})" if len(snapshots) > 1 else ""
        yield f"lost at turn {lost}: {first.moves[lost - 1].option.label.strip()}{by}"


def mark_line(move: Move, judge: str = "") -> str:
    """A move's mark in words: ``mark: ?? blunder, 41% -> 18%``."""
    by = f" by {judge}" if judge else ""
    return (
        f"mark{by}: {mark(move)} {grade(move)}, "
        f"{percent(move.chance)} -> {percent(move.option.chance)}"
    )


def _beside(move: Move, snapshot: Snapshot) -> Iterator[str]:
    """What another judge says of the same candidates."""
    before = "" if move.value is None else f", V {move.value:.3f}"
    yield f"by {snapshot.judge}{before}"
    for number, option in enumerate(move.options, 1):
        sign = ">" if option == move.option else " "
        value = "     -" if option.value is None else f"{option.value:6.3f}"
        share = "   -" if option.share is None else f"{option.share:4.0%}"
        yield f"{sign} {number}  V {value}  policy {share}  {option.label.strip()}"
