"""Snapshots of a stored episode, as a live session would have given them."""

from collections.abc import Sequence

from oreo_agent.player.replay.judges import Opinion
from oreo_agent.player.replay.turns import Turn, is_solution, opening
from oreo_agent.player.snapshot import Move, Snapshot, standing, told_apart
from oreo_agent.records.episode import Episode
from oreo_agent.records.reader import policy_name


def scene(
    episode: Episode,
    turns: Sequence[Turn],
    opinions: Sequence[Opinion],
    *,
    place: int,
    judge: str,
    number: int,
    count: int,
) -> Snapshot:
    """The episode after ``place`` replies.

    A record does not tell the limit of turns, what the world would have admitted, or what it said
    at the end: the limit is the number of turns here, the others are empty.

    Args:
        episode: what was played.
        turns: of it.
        opinions: one for each turn.
        place: replies that have been given.
        judge: whose opinions they are, in words.
        number: of the episode, from 1.
        count: of the episodes.
    """
    over = place >= len(turns)
    goal, rest = told_apart(opening(episode))
    now = None if over else opinions[place]
    values, chances = _line(turns, opinions, place)
    solution = is_solution(episode)
    known = [one.probability for one in opinions[: place + 1]]
    return Snapshot(
        agent=policy_name(episode.policy),
        judge=judge,
        task=episode.task,
        split=episode.split,
        instance=episode.instance,
        task_type=episode.task_type,
        game=number,
        games=count,
        goal=goal,
        opening=rest,
        moves=tuple(map(_move, range(1, place + 1), turns, opinions)),
        options=now.options if now is not None else (),
        chosen=turns[place].chosen if now is not None else 0,
        value=now.value if now is not None else None,
        values=tuple(values),
        probability=now.probability if now is not None else None,
        chances=tuple(chances),
        calibrated=any(each is not None for each in known),
        solution=solution,
        verdict=_verdict(episode) if over and solution else "",
        admissible=(),
        step_limit=max(len(turns), 1),
        end=episode.end if over else None,
        trouble=episode.fault if over else "",
        tokens=_tokens(episode, turns, place),
        seconds=episode.seconds,
    )


def _move(number: int, turn: Turn, opinion: Opinion) -> Move:
    return Move(
        turn=number,
        option=opinion.options[turn.chosen],
        by=turn.by,
        observation=turn.observation,
        value=opinion.value,
        probability=opinion.probability,
        valid=turn.valid,
        options=opinion.options,
    )


def _line(
    turns: Sequence[Turn], opinions: Sequence[Opinion], place: int
) -> tuple[list[float], list[float]]:
    """V and the chance of each state so far; after the end, those at the end of the last reply."""
    states = [(one.value, one.probability) for one in opinions[: place + 1]]
    if place >= len(turns) > 0:
        last = opinions[-1].options[turns[-1].chosen]
        states.append((last.value, last.probability))
    known = [(value, standing(value, probable)) for value, probable in states]
    whole = [(value, chance) for value, chance in known if value is not None and chance is not None]
    return [value for value, _ in whole], [chance for _, chance in whole]


def _verdict(episode: Episode) -> str:
    """What the verifier must have said."""
    return {"won": "right", "lost": "wrong"}.get(episode.end, "")


def _tokens(episode: Episode, turns: Sequence[Turn], place: int) -> int:
    """Of the history, as it stood when the next reply was to be given."""
    end = turns[place].at if place < len(turns) else len(episode.segments)
    return sum(len(segment.ids) for segment in episode.segments[:end])
