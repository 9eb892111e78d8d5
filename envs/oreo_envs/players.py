"""Players that need no model: what an expert looks like, blind chance, and an expert who slips."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from oreo_envs.heard import listed


class Player:
    """Plays one episode from its texts; an expert is one whose `act` knows the way."""

    def begin(self, observation: str) -> None:
        """Get ready for a game whose first observation this is."""

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """The command for what the world said last.

        Args:
            observation: the answer to the previous command; on the first turn that of the reset.
            info: what the environment tells beside it, ``admissible_commands`` among it.
        """
        raise NotImplementedError

    def replaced(self, command: str) -> None:
        """Know that ``command`` was given instead of the one that `act` returned last."""

    def slip(self, info: Mapping[str, Any], rng: random.Random) -> str:
        """What is done in this player's place where it slips: mostly any admissible command.

        Raises:
            LookupError: the environment does not tell them.
        """
        return rng.choice(admissible(info))


class RandomPlayer(Player):
    """Each turn one of the admissible commands, all equally likely."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """An admissible command.

        Raises:
            LookupError: the environment does not tell them.
        """
        return self._rng.choice(admissible(info))


class Slipping(Player):
    """Another player, in whose place chance plays a share of the turns."""

    def __init__(self, player: Player, epsilon: float, rng: random.Random) -> None:
        """Slip on each turn with the chance ``epsilon``, in [0, 1]."""
        if not 0 <= epsilon <= 1:
            raise ValueError(f"epsilon is a chance between 0 and 1, got {epsilon}")
        self._player, self._epsilon, self._rng = player, epsilon, rng

    def begin(self, observation: str) -> None:
        """Let the player begin."""
        self._player.begin(observation)

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """The player's command, or a slip, of which the player hears."""
        command = self._player.act(observation, info)
        if self._rng.random() < self._epsilon:
            command = self._player.slip(info, self._rng)
            self._player.replaced(command)
        return command

    def replaced(self, command: str) -> None:
        """The player hears of it."""
        self._player.replaced(command)


def admissible(info: Mapping[str, Any]) -> Sequence[str]:
    """The admissible commands, in the environment's order.

    Raises:
        LookupError: there are none; the message says how an environment tells them.
        TypeError: they are no texts in a list.
    """
    commands = listed(info)
    if not commands:
        raise LookupError(
            "the environment tells no commands to choose from; put a list of them into "
            'info["admissible_commands"], at reset and at every step'
        )
    return commands
