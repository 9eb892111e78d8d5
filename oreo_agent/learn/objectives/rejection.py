"""Rejection sampling: imitates the episodes that were won, each way of winning once.

The loss is that of supervised fine-tuning. Of several episodes in which the same actions won the
same instance one is kept: what is easy, and so is won the same way every time, would count most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from oreo_agent.errors import DataError
from oreo_agent.learn.batch import Tokens
from oreo_agent.learn.objectives import Unit
from oreo_agent.learn.objectives.sft import Sft


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection(Sft):
    """Imitates episodes of reward 1 alone, without duplicates."""

    def units(self, episodes: Sequence[Tokens]) -> list[Unit]:
        """Each won episode whose instance and actions no earlier one has."""
        first: dict[tuple[str, tuple[int, ...]], Tokens] = {}
        for episode in episodes:
            if episode.reward >= 1:
                acted = tuple(episode.ids[place] for place in episode.actions)
                first.setdefault((episode.instance, acted), episode)
        if not first:
            raise DataError(
                "rejection imitates won episodes and there is none among those to learn from; "
                "collect more of them, or from a better policy"
            )
        return [(episode,) for episode in first.values()]
