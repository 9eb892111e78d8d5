"""What if: several replies to one state, each played to the end several times.

V is a forecast. Here it stands beside what followed: how many of the games that went on from the
reply were won, with Wilson's interval.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from threading import Event

from oreo_agent.agent.strategies import Candidate, Decision
from oreo_agent.agent.strategies.best_of_k import BestOfK
from oreo_agent.agent.strategies.single import Greedy, Sample
from oreo_agent.errors import SettingError
from oreo_agent.model.prompt import PromptFormat
from oreo_agent.player.snapshot import Option, options
from oreo_agent.records.episode import Segment
from oreo_agent.rollouts.live import replies
from oreo_agent.rollouts.plan import Work, digest
from oreo_agent.rollouts.players import ModelPlayer, Player, View
from oreo_agent.rollouts.runner import Runner
from oreo_agent.rollouts.statistics import Rate, wilson
from oreo_agent.rollouts.worlds import World

SIDE_BY_SIDE = 32
"""Games that are played at a time, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A reply, and what came of it so far."""

    option: Option
    games: int
    """That will be played from it."""
    won: int = 0
    played: int = 0
    """To the end, without those that broke."""
    broke: int = 0

    @property
    def rate(self) -> Rate | None:
        """Of the games that were won; None before the first has ended."""
        return wilson(self.won, self.played) if self.played else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Where is asked what would happen."""

    work: Work
    """The game."""
    segments: tuple[Segment, ...]
    """All that was shown and said before the reply."""
    view: View
    """What the player sees."""
    decision: Decision
    """What it thought of."""
    replies: int
    """Different replies that are tried, at most."""
    games: int
    """Played from each."""

    def __post_init__(self) -> None:
        if self.replies < 1 or self.games < 1:
            raise SettingError(
                f"what if: {self.replies} replies and {self.games} games each; both are 1 or more"
            )


def what_if(
    question: Question,
    *,
    player: Player,
    open_world: Callable[[int], World],
    environment: str,
    step_limit: int,
    stop: Event | None = None,
) -> Iterator[tuple[Tried, ...]]:
    """What is known, at first and after each game that ends; to stop asking stops the games.

    The player goes on as it plays, but one that always says the likeliest draws its replies, at
    temperature 1: its games would all be the same.

    Args:
        question: which state and how widely.
        player: who proposes replies and plays on.
        open_world: a world of so many slots.
        environment: Gymnasium id.
        step_limit: turns after which an unfinished game ends.
        stop: ends everything after the turn at hand, once it is set.

    Raises:
        OreoError: the player refuses, or the world does not answer as it did before.
    """
    decision = _widened(question, player)
    tried = [
        Tried(option=option, games=question.games)
        for option in options(decision, question.view.info)
    ]
    yield tuple(tried)
    works = {
        work.id: (number, work)
        for number in range(len(decision.candidates))
        for work in _works(question, decision, number, player.prompt)
    }
    world = open_world(min(SIDE_BY_SIDE, len(works)))
    runner = Runner(
        world=world,
        player=_going_on(player),
        environment=environment,
        step_limit=step_limit,
        turned=lambda: _heed(stop),
    )
    try:
        for episode in runner.play([work for _, work in works.values()]):
            number = works[episode.id][0]
            tried[number] = _counted(tried[number], episode.end)
            yield tuple(tried)
    except _Stopped:
        return
    finally:
        runner.leave()
        world.close()


class _Stopped(Exception):
    """Nobody wants to know any more."""


def _heed(stop: Event | None) -> None:
    if stop is not None and stop.is_set():
        raise _Stopped


def _counted(one: Tried, end: str) -> Tried:
    if end == "fault":
        return replace(one, broke=one.broke + 1)
    return replace(one, won=one.won + (end == "won"), played=one.played + 1)


def _works(
    question: Question, decision: Decision, number: int, prompt: PromptFormat
) -> Iterator[Work]:
    said, cut = replies(replace(decision, chosen=number), prompt)
    if cut:
        return
    for repeat in range(question.games):
        name = digest(question.work.id, question.view.turn, decision.candidates[number].ids, repeat)
        yield replace(
            question.work,
            id=f"{question.work.instance.task}-what-if-{name:016x}",
            repeat=repeat,
            start=(*question.segments, *said),
        )


def _widened(question: Question, player: Player) -> Decision:
    """The decision with so many candidates as are tried, the player's own first."""
    decision, wanted = question.decision, question.replies
    found = {candidate.command: candidate for candidate in decision.candidates if candidate.ended}
    for candidate in _more(question, player, wanted) if len(found) < wanted else ():
        found.setdefault(candidate.command, candidate)
    if not found:
        raise SettingError("no reply here came to its end; there is nothing to try")
    first = decision.choice.command
    order = sorted(found.values(), key=lambda candidate: candidate.command != first)
    return replace(decision, chosen=0, candidates=tuple(order[:wanted]))


def _more(question: Question, player: Player, wanted: int) -> Sequence[Candidate]:
    """Other replies: drawn by a model, else commands that the world would admit."""
    if isinstance(player, ModelPlayer):
        agent = player.agent
        wide = BestOfK(
            k=wanted,
            draws=8,
            score="constant",
            values=agent.has_value,
            max_tokens=agent.prompt.max_reply_tokens,
        )
        asking = replace(player, agent=replace(agent, strategy=wide))
        (drawn,) = asking.decide([question.view])
        return [candidate for candidate in drawn.candidates if candidate.ended]
    allowed = list(question.view.info.get("admissible_commands") or ())
    Random(question.view.seed).shuffle(allowed)
    return [player.appraise(question.view, command) for command in allowed[:wanted]]


def _going_on(player: Player) -> Player:
    if isinstance(player, ModelPlayer) and isinstance(player.agent.strategy, Greedy):
        drawn = Sample(max_tokens=player.agent.prompt.max_reply_tokens)
        return replace(player, agent=replace(player.agent, strategy=drawn))
    return player
