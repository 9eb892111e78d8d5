"""Environments whose actions are numbers, as text: observations described, actions named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
from gymnasium.spaces import Discrete

from oreo_envs.faults import Refusal
from oreo_envs.presented import instance_of
from oreo_envs.prose import Prose

UNKNOWN = "Nothing happens."
_Seen = tuple[str, tuple[str, ...]]
"""What is to be seen, in words, and the commands that can be taken."""

_Stepped = tuple[str, float, bool, bool, dict[str, Any]]


def paid(reward: float) -> bool:
    """Whether there is a reward."""
    return reward > 0


@dataclass(slots=True)
class _Here:
    """How an episode stands."""

    seen: _Seen
    told: dict[str, Any]
    """The info of a command that was valid and has not won."""


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
        success: Callable[[float], bool] = paid,
        possible: Callable[[Any], Sequence[str]] | None = None,
    ) -> None:
        """Tell ``env`` in words.

        Args:
            env: a world whose actions are `Discrete`.
            actions: the command for each action, in their order.
            describe: an observation in words; of each whole number it is asked once.
            success: whether the last step's reward means that the episode was won.
            possible: the commands that can be taken where an observation is made, asked likewise;
                None: all of them.

        Raises:
            ValueError: the actions are not `Discrete`, or not all of them have a name of their own.
        """
        super().__init__(env)
        self._world: Any = env
        space = env.action_space
        if not isinstance(space, Discrete):
            raise Refusal(f"TextAdapter names discrete actions, and these are {space}")
        if len({*actions}) != int(space.n) or len(actions) != int(space.n):
            raise Refusal(
                f"{int(space.n)} actions need a name each, all different; got {list(actions)}"
            )
        self.observation_space = Prose()
        self.action_space = Prose()
        self._numbers = {name: int(space.start) + i for i, name in enumerate(actions)}
        self._names = tuple(actions)
        self._start = int(space.start)
        self._describe = describe
        self._success = success
        self._possible = possible
        self._known: dict[Any, _Seen] = {}
        self._here = _Here(("", self._names), {})

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin an episode; its instance is what the world says, or was asked for, or the seed."""
        observation, info = self.env.reset(seed=seed, options=options)
        asked = options.get("instance") if options else None
        if asked is None:
            asked = "" if seed is None else instance_of(seed)
        here = self._here
        here.seen = seen = self._look(observation)
        here.told = {
            "instance": str(info.get("instance") or asked),
            "task_type": str(info.get("task_type", "")),
            "admissible_commands": seen[1],
            "won": False,
            "valid": True,
        }
        if isinstance(observation, int) and "step" not in self.__dict__:
            self.__dict__["step"] = self._quick_step()
        return seen[0], here.told.copy()

    def step(self, action: str) -> _Stepped:
        """Take the action that is called ``action``."""
        number = self._numbers.get(action)
        if number is None:
            number = self._numbers.get(" ".join(action.lower().split()))
        if number is None:
            info = self._info(won=False, valid=False)
            return f"{UNKNOWN} {self._here.seen[0]}", 0.0, False, False, info
        valid = self._names[number - self._start] in self._here.seen[1]
        observation, reward, terminated, truncated, _ = self._world.step(number)
        self._here.seen = self._look(observation)
        won = bool(terminated and self._success(float(reward)))
        info = self._info(won=won, valid=valid)
        return self._here.seen[0], float(won), bool(terminated), bool(truncated), info

    def __getstate__(self) -> dict[str, Any]:
        # a copy has to step its own world, not ours
        return {key: value for key, value in self.__dict__.items() if key != "step"}

    def _quick_step(self) -> Callable[[str], _Stepped]:
        """`step` where observations are whole numbers: the same, with nothing looked up twice.

        Such worlds take a few millionths of a second a step, of which ours must be a small part.
        """
        numbers, known, here, world = self._numbers, self._known, self._here, self._world
        slow, look, success = type(self).step, self._look, self._success
        changing = self._possible is not None

        def quick(action: str) -> _Stepped:
            try:
                number = numbers[action]
            except KeyError:
                return slow(self, action)
            before = here.seen
            observation, reward, terminated, truncated, _ = world.step(number)
            try:
                seen = here.seen = known[observation]
            except KeyError:
                seen = here.seen = look(observation)
            info = here.told.copy()
            if changing:
                info["valid"] = action in before[1]
                info["admissible_commands"] = seen[1]
            if terminated and success(reward):
                info["won"] = True
                return seen[0], 1.0, True, truncated, info
            return seen[0], 0.0, terminated, truncated, info

        return quick

    def _info(self, *, won: bool, valid: bool) -> dict[str, Any]:
        told, seen = self._here.told, self._here.seen
        return told | {"admissible_commands": seen[1], "won": won, "valid": valid}

    def _look(self, observation: Any) -> _Seen:
        """What is to be seen, in words, and what can be done."""
        whole = isinstance(observation, int)
        if whole and observation in self._known:
            return self._known[observation]
        possible = self._names if self._possible is None else tuple(self._possible(observation))
        seen = (self._describe(observation), possible)
        if whole:
            self._known[observation] = seen
        return seen
