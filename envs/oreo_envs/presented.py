"""Any text environment behind the one face that rollouts and players know.

What an environment tells is kept; what it does not tell is filled in. One that tells everything by
itself is stepped without us.
"""

from typing import Any

import gymnasium
from gymnasium.spaces import Text
from gymnasium.wrappers import OrderEnforcing, TimeLimit

from oreo_envs.registration import Registration

KEYS = frozenset({"instance", "task_type", "admissible_commands", "won", "valid"})
"""Of ``info``, from reset on."""


class Presented(gymnasium.Wrapper[str, str, str, str]):
    """``reset(options={"instance": name})`` begins that instance, and `KEYS` are in every info.

    An instance that is a number is the seed that the environment is reset with; any other name
    goes to it in ``options``. Without a name, ``seed`` is the instance of a world of seeds, and
    ``info["instance"]`` that of a world of names.
    """

    def __init__(self, env: "gymnasium.Env[str, str]", registration: Registration) -> None:
        """Present ``env`` as what was registered.

        Raises:
            ValueError: what it says or takes is no text.
        """
        super().__init__(env)
        for what, space in (("observations", env.observation_space), ("actions", env.action_space)):
            if not isinstance(space, Text):
                raise ValueError(
                    f"{registration.id}: its {what} are {space}, not texts; wrap it in "
                    "oreo_envs.TextAdapter, which describes observations and names actions"
                )
        self._registration = registration
        self._instance = ""
        self._type = ""
        self._bare_step = env.step

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin an instance.

        Raises:
            LookupError: the environment has no such instance.
        """
        name = (options or {}).get("instance")
        if name is not None and (number := seed_of(str(name))) is not None:
            options = {key: v for key, v in (options or {}).items() if key != "instance"} or None
            seed = number
        if name is None and seed is not None:
            name = instance_of(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        self._instance = str(info.get("instance", "" if name is None else name))
        kind = self._registration.task_type
        self._type = str(info.get("task_type", kind(self._instance) if callable(kind) else kind))
        if info.keys() >= KEYS:
            self.step = self._bare_step  # it needs nothing of us
            return observation, info
        self.__dict__.pop("step", None)
        return observation, self._filled(info, 0.0)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Give the environment a command."""
        observation, reward, terminated, truncated, info = self._bare_step(action)
        return observation, float(reward), terminated, truncated, self._filled(info, float(reward))

    def _filled(self, info: dict[str, Any], reward: float) -> dict[str, Any]:
        return {
            "instance": self._instance,
            "task_type": self._type,
            "admissible_commands": (),
            "won": reward > 0,
            "valid": True,
            **info,
        }


def seed_of(instance: str) -> int | None:
    """The seed that an instance's name stands for; None if it is a name proper."""
    return int(instance) if instance.isascii() and instance.isdigit() else None


def instance_of(seed: int) -> str:
    """The name of a seed: names sort as their numbers do."""
    return f"{seed:06d}"


def present(registration: Registration, **kwargs: Any) -> "gymnasium.Env[str, str]":
    """A registered environment, made and presented.

    Args:
        registration: of the environment.
        kwargs: of the environment, beside those of the registration.

    Raises:
        ValueError: what it says or takes is no text.
    """
    env = gymnasium.make(registration.id, disable_env_checker=True, **kwargs)
    # Gymnasium's own wrappers go: the step limit is the player's, and order is what `check` checks
    while isinstance(env, OrderEnforcing | TimeLimit):
        env = env.env
    return Presented(env, registration)
