"""Environments whose actions are numbers, as text: observations described, actions named."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
from gymnasium.spaces import Discrete

from oreo_envs.prose import Prose

UNKNOWN = "Nothing happens."


class TextAdapter(gymnasium.Wrapper[str, str, Any, Any]):
    """A world of discrete actions, told and played in words.

    ::

        TextAdapter(env, actions=["left", "right"], describe=lambda place: f"You are at {place}.")

    A command that names no action is answered with `UNKNOWN` and what was to be seen before; the
    world does not hear of it. The reward is 1.0 for an end that is a success, and else 0.0,
    whatever the world pays on the way.
    """

    def __init__(
        self,
        env: "gymnasium.Env[Any, Any]",
        *,
        actions: Sequence[str],
        describe: Callable[[Any], str],
        success: Callable[[float], bool] = lambda reward: reward > 0,
        possible: Callable[[Mapping[str, Any]], Sequence[bool]] | None = None,
    ) -> None:
        """Tell ``env`` in words.

        Args:
            env: a world whose actions are `Discrete`.
            actions: the command for each action, in their order.
            describe: an observation in words; for whole numbers it is asked once each.
            success: whether the last step's reward means that the episode was won.
            possible: from the world's info, which of the actions can be taken; None: all of them.

        Raises:
            ValueError: the actions are not `Discrete`, or not all of them have a name of their own.
        """
        super().__init__(env)
        space = env.action_space
        if not isinstance(space, Discrete):
            raise ValueError(f"TextAdapter names discrete actions, and these are {space}")
        if len({*actions}) != int(space.n) or len(actions) != int(space.n):
            raise ValueError(
                f"{int(space.n)} actions need a name each, all different; got {list(actions)}"
            )
        self.observation_space = Prose()
        self.action_space = Prose()
        self._numbers = {name: int(space.start) + i for i, name in enumerate(actions)}
        self._names = tuple(actions)
        self._describe = describe
        self._success = success
        self._possible = possible
        self._described: dict[int, str] = {}
        self._admissible = self._names
        self._seen = ""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._see(observation, info)
        return self._seen, {
            "admissible_commands": self._admissible,
            "won": False,
            "valid": True,
        }

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take the action that is called ``action``."""
        number = self._numbers.get(action)
        if number is None:
            number = self._numbers.get(" ".join(action.lower().split()))
        if number is None:
            info = {"admissible_commands": self._admissible, "won": False, "valid": False}
            return f"{UNKNOWN} {self._seen}", 0.0, False, False, info
        valid = self._possible is None or action in self._admissible
        observation, reward, terminated, truncated, info = self.env.step(number)
        self._see(observation, info)
        won = bool(terminated) and self._success(float(reward))
        return (
            self._seen,
            1.0 if won else 0.0,
            bool(terminated),
            bool(truncated),
            {"admissible_commands": self._admissible, "won": won, "valid": valid},
        )

    def _see(self, observation: Any, info: Mapping[str, Any]) -> None:
        """What is to be seen now, in words, and what can be done."""
        if type(observation) is int:
            if observation not in self._described:
                self._described[observation] = self._describe(observation)
            self._seen = self._described[observation]
        else:
            self._seen = self._describe(observation)
        if self._possible is not None:
            pairs = zip(self._names, self._possible(info), strict=True)
            self._admissible = tuple(name for name, can in pairs if can)
