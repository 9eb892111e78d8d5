"""Any text environment behind the one face that rollouts and players know.

What an environment tells is kept; what it does not tell is filled in. One that tells everything by
itself is stepped without us.
"""

from collections.abc import Callable
from typing import Any, SupportsFloat

import gymnasium
from gymnasium.spaces import Text
from gymnasium.wrappers import OrderEnforcing, TimeLimit

from oreo_envs.registration import Registration

Stepped = tuple[str, SupportsFloat, bool, bool, dict[str, Any]]
Step = Callable[[str], Stepped]
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
        self._constant: dict[str, Any] = {}
        """What is missing in this episode's infos, and is the same in all of them."""

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
        instance = str(info.get("instance", "" if name is None else name))
        kind = self._registration.task_type
        told = {
            "instance": instance,
            "task_type": kind(instance) if callable(kind) else kind,
            "admissible_commands": (),
            "valid": True,
        }
        self._constant = {key: value for key, value in told.items() if key not in info}
        self.__dict__["step"] = self._quickest(self.env.step, won="won" in info)
        return observation, {**info, **self._constant, "won": info.get("won", False)}

    def _quickest(self, step: Step, *, won: bool) -> Step:
        """A step that adds what is missing and nothing else: thousands are taken a second."""
        constant = self._constant
        if not constant and won:
            return step

        def filled(action: str) -> Stepped:
            result = step(action)
            result[4].update(constant)
            return result

        def filled_with_won(action: str) -> Stepped:
            result = filled(action)
            result[4]["won"] = float(result[1]) > 0
            return result

        return filled if won else filled_with_won

    def step(self, action: str) -> Stepped:
        """Give the environment a command; `reset` puts what is quickest in this place."""
        return self.env.step(action)


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
