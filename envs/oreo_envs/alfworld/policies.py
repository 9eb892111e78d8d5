"""Policies that need no model: the expert, the expert with slips, and blind chance."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from oreo_envs.alfworld.expert import Expert

INVALID_SHARE = 0.3
"""Share of the slips that are commands which are not possible, so that refusals are seen."""
_TRIES = 20


class Policy(Protocol):
    """Decides one command a turn; rollouts treat experts, chance and models alike."""

    def begin(self, observation: str) -> None:
        """Get ready for a game whose first observation this is."""
        ...

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """The command for this turn.

        Args:
            observation: the answer to the previous command; on the first turn, the observation
                that `begin` got.
            info: what the environment tells beside it; ``admissible_commands`` is there.
        """
        ...

    def replaced(self, command: str) -> None:
        """Know that ``command`` was given instead of the one that `act` returned last."""
        ...


class RandomPolicy:
    """Each turn one of the possible commands, all equally likely."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def begin(self, observation: str) -> None:
        """Nothing to get ready for."""

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """A possible command."""
        return self._rng.choice(_admissible(info))

    def replaced(self, command: str) -> None:
        """Chance remembers nothing."""


class NoisyExpert:
    """The expert, who slips now and then and recovers.

    Args:
        expert: who plays when there is no slip.
        epsilon: chance of a slip on each turn.
        rng: where chance comes from.
        invalid_share: share of the slips that are not possible commands; the others are drawn from
            the possible ones.
    """

    def __init__(
        self,
        expert: Expert,
        epsilon: float,
        rng: random.Random,
        invalid_share: float = INVALID_SHARE,
    ) -> None:
        for name, value in (("epsilon", epsilon), ("invalid_share", invalid_share)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is a chance and must lie between 0 and 1, got {value}")
        self._expert = expert
        self._epsilon = epsilon
        self._rng = rng
        self._invalid_share = invalid_share

    def begin(self, observation: str) -> None:
        """Start afresh."""
        self._expert.begin(observation)

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """The expert's command, or a slip."""
        command = self._expert.act(observation)
        if self._rng.random() >= self._epsilon:
            return command
        admissible = _admissible(info)
        command = self._rng.choice(admissible)
        if self._rng.random() < self._invalid_share:
            command = self._impossible(set(admissible)) or command
        self._expert.replaced(command)
        return command

    def replaced(self, command: str) -> None:
        """Tell that ``command`` was given instead of the one that `act` returned last."""
        self._expert.replaced(command)

    def _impossible(self, admissible: set[str]) -> str | None:
        """A well-formed command about things at hand that is not possible now."""
        memory, choice = self._expert.memory, self._rng.choice
        things = sorted({thing for row in memory.contents.values() for thing in row})
        if memory.held:
            things.append(memory.held)
        put = "put {} in/on {}" if memory.old else "move {} to {}"
        forms = ["go to {1}", "open {1}", "close {1}", "examine {1}"]
        if things:
            forms += ["take {0} from {1}", put.replace("{}", "{0}", 1).replace("{}", "{1}", 1)]
            forms += ["use {0}", "clean {0} with {1}", "heat {0} with {1}", "cool {0} with {1}"]
        for _ in range(_TRIES):
            thing = choice(things) if things else ""
            command = choice(forms).format(thing, choice(memory.receptacles))
            if command not in admissible:
                return command
        return None


def _admissible(info: Mapping[str, Any]) -> Sequence[str]:
    """The possible commands, in the environment's order."""
    return info["admissible_commands"]
