"""Who does the playing: this process, or a crew of worker processes."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from oreo_agent.records.episode import Episode
from oreo_agent.rollouts.casting import Stage
from oreo_agent.rollouts.plan import Work
from oreo_agent.rollouts.players import Player
from oreo_agent.rollouts.runner import Runner


def play(stage: Stage, player: Player, works: Sequence[Work]) -> Iterator[Episode]:
    """Play works in this process; episodes come in the order in which they end."""
    if not works:
        return
    with closing(stage.open(min(stage.live, len(works)))) as world:
        runner = Runner(
            world=world,
            player=player,
            environment=stage.environment,
            step_limit=stage.limit,
        )
        yield from runner.play(works)
