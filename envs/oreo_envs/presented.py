"""Any text environment behind the one face that rollouts and players know.

What an environment tells is kept; what it does not tell is filled in. One that tells everything by
itself is stepped without us.
"""

from collections.abc import Callable, Iterator
from typing import Any, SupportsFloat

import gymnasium
from gymnasium.spaces import Text
from gymnasium.wrappers import OrderEnforcing, TimeLimit

from oreo_envs.faults import BREAKS, Refusal
from oreo_envs.heard import begun, stepped
from oreo_envs.registration import Registration

Stepped = tuple[str, SupportsFloat, bool, bool, dict[str, Any]]
Step = Callable[[str], Stepped]
NAMES = frozenset({"instance", "task_type"})
"""Of these ``""`` says that the environment does not know."""
KEYS = NAMES | {"admissible_commands", "won", "valid"}
"""Of ``info``, from reset on."""


class Presented(gymnasium.Wrapper[str, str, str, str]):
    """``reset(options={"instance": name})`` begins that instance, and `KEYS` are in every info.

    An instance that is a number is the seed that the environment is reset with, unless a split
    holds it as a name; a name goes to it in ``options``. Without a name, ``seed`` is the instance
    of a world of seeds, and ``info["instance"]`` that of a world of names.
    """

    def __init__(self, env: "gymnasium.Env[str, str]", registration: Registration) -> None:
        """Present ``env`` as what was registered.

        Raises:
            ValueError: what it says or takes is no text.
        """
        super().__init__(env)
        for what, space in (("observations", env.observation_space), ("actions", env.action_space)):
            if not isinstance(space, Text):
                raise Refusal(
                    f"{registration.id}: its {what} are {space}, not texts; wrap it in "
                    "oreo_envs.TextAdapter, which describes observations and names actions"
                )
        self._registration = registration
        self._digits: frozenset[str] | None = None
        """Names that look like seeds; None until that is asked."""
        self._absent: dict[str, Any] = {}
        """What is missing in this episode's infos, and is the same in all of them."""
        self._tells_won = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin an instance.

        Raises:
            LookupError: the environment has no such instance.
        """
        name = ""
        if options and (asked := options.get("instance")) is not None:
            name = str(asked)
            if self._is_seed(name):
                options = {key: v for key, v in options.items() if key != "instance"} or None
                seed = int(name)
        observation, info = begun(self.env.reset(seed=seed, options=options))
        absent = self._absent = self._missing(info, name, seed)
        self._tells_won = "won" in info
        if not self._tells_won:
            self.__dict__.pop("step", None)
            return observation, {"won": False, **info, **absent}
        if not absent:
            self.__dict__["step"] = self.env.step
            return observation, info
        if absent.keys() == NAMES and info.keys().isdisjoint(NAMES):
            self.__dict__["step"] = _with_names(self.env.step, **absent)
        else:
            self.__dict__.pop("step", None)
        return observation, {**info, **absent}

    def _missing(self, info: dict[str, Any], name: str, seed: int | None) -> dict[str, Any]:
        """What a reset's info does not tell of the instance that was asked for by name or seed."""
        absent: dict[str, Any] = {}
        instance, kind = info.get("instance"), info.get("task_type")
        if not instance:
            asked = name or ("" if seed is None else instance_of(seed))
            if asked or instance is None:
                absent["instance"] = instance = asked
        if not kind:
            told = self._registration.task_type
            told = told(str(instance)) if callable(told) else told
            if told or kind is None:
                absent["task_type"] = told
        if info.get("admissible_commands") is None:
            absent["admissible_commands"] = ()
        if "valid" not in info:
            absent["valid"] = True
        return absent

    def step(self, action: str) -> Stepped:
        """Give the environment a command; `reset` puts what is quickest in this place."""
        result = stepped(self.env.step(action))
        info = result[4]
        for key, value in self._absent.items():
            if info.get(key) is None or (key in NAMES and not info[key]):
                info[key] = value
        if not self._tells_won:
            info.setdefault("won", float(result[1]) > 0)
        return result

    def __getstate__(self) -> dict[str, Any]:
        # a copy has to step its own environment, not ours
        return {key: value for key, value in self.__dict__.items() if key != "step"}

    def _is_seed(self, name: str) -> bool:
        """Whether an instance's name stands for a seed: it is a number, and no split's name."""
        if not (name.isascii() and name.isdigit()):
            return False
        if self._digits is None:
            self._digits = frozenset(_names_in(self._registration))
        return name not in self._digits


def _with_names(step: Step, instance: str, task_type: str) -> Step:
    """A step that lacks `NAMES` alone, as mostly, with them: thousands are taken a second."""

    def named(action: str) -> Stepped:
        result = step(action)
        try:  # which costs nothing, as a look at every step would
            info = result[4]
            if "instance" not in info:
                info["instance"] = instance
            if "task_type" not in info:
                info["task_type"] = task_type
        except (TypeError, LookupError):
            stepped(result)  # says what is wrong
            raise
        return result

    return named


def _names_in(registration: Registration) -> Iterator[str]:
    """The names, not the seeds, of all splits."""
    for split, named in registration.splits.items():
        if isinstance(named, range):
            continue
        try:
            yield from (each for each in registration.instances(split) if isinstance(each, str))
        except BREAKS:
            continue  # its data is not there; what is played is of another split


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
