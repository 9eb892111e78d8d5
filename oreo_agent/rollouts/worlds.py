"""Worlds behind one face: slots, each of which plays one episode at a time.

A world with a vector environment of its own plays all its slots in one call; any other registered
environment gets one copy a slot. What breaks in one slot is told of that slot alone.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv

from oreo_agent.errors import OreoError, SettingError
from oreo_envs.faults import BREAKS, in_one_line
from oreo_envs.heard import begun, heard, stepped


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a world says after a reset or a step."""

    observation: str
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What broke."""

    error: BaseException

    @property
    def text(self) -> str:
        """Kind and message in one line; of what was told before, the message."""
        error = self.error
        return str(error) if isinstance(error, OreoError) else in_one_line(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """What a slot is to play."""

    instance: str
    seed: int


class World(Protocol):
    """Slots that are begun and stepped in batches."""

    size: int
    """Number of slots."""

    def begin(self, slots: Mapping[int, Begin]) -> dict[int, Scene | Fault]:
        """Start an episode in each of ``slots``, whatever they were playing."""
        ...

    def step(self, commands: Mapping[int, str]) -> dict[int, Scene | Fault]:
        """Give each slot its command; the others stay as they are."""
        ...

    def close(self) -> None:
        """Let go of everything; once is enough."""
        ...


MakeEnv = Callable[[], "gymnasium.Env[Any, Any]"]


class SeparateWorlds:
    """One environment a slot; one that breaks is thrown away and made anew."""

    def __init__(self, make: MakeEnv, size: int) -> None:
        """Environments are made when their slot is first begun."""
        self.size = size
        self._make = make
        self._envs: dict[int, gymnasium.Env[Any, Any]] = {}

    def begin(self, slots: Mapping[int, Begin]) -> dict[int, Scene | Fault]:
        """Reset each slot's environment to its instance."""
        return {slot: self._guarded(slot, self._reset, begin) for slot, begin in slots.items()}

    def step(self, commands: Mapping[int, str]) -> dict[int, Scene | Fault]:
        """Step one environment after the other."""
        return {
            slot: self._guarded(slot, self._step, command) for slot, command in commands.items()
        }

    def close(self) -> None:
        """Close every environment."""
        for slot in list(self._envs):
            self._drop(slot)

    def _guarded(self, slot: int, act: Callable[[int, Any], Scene], what: object) -> Scene | Fault:
        try:
            return act(slot, what)
        except BREAKS as error:
            self._drop(slot)
            return Fault(error=error)

    def _reset(self, slot: int, begin: Begin) -> Scene:
        if slot not in self._envs:
            self._envs[slot] = self._make()
        observation, info = begun(
            self._envs[slot].reset(
                seed=begin.seed & 0x7FFFFFFF, options={"instance": begin.instance}
            )
        )
        return Scene(observation=observation, info=heard(observation, info))

    def _step(self, slot: int, command: str) -> Scene:
        result = stepped(self._envs[slot].step(command))
        observation, reward, terminated, truncated, info = result
        return Scene(
            observation=observation,
            reward=float(reward),
            terminated=bool(terminated),
            truncated=bool(truncated),
            info=heard(observation, info),
        )

    def _drop(self, slot: int) -> None:
        env = self._envs.pop(slot, None)
        if env is not None:
            with suppress(*BREAKS):  # it is thrown away, because it is broken or done with
                env.close()


class VectorWorld:
    """All slots in one vector environment, whose autoreset is off."""

    def __init__(self, env: "VectorEnv[Any, Any, Any]") -> None:
        """Play in ``env``; a step with None for a slot leaves it as it is."""
        self.size = env.num_envs
        self._env = env
        self._together = True
        """Whether slots share steps. After a step that broke they do not, so that the next break
        names the slot that breaks."""

    def begin(self, slots: Mapping[int, Begin]) -> dict[int, Scene | Fault]:
        """Reset the slots' part of the batch; the instance alone decides what they play."""
        try:
            return {**self._reset(slots)}
        except BREAKS:
            return self._one_by_one(slots, self._reset)

    def step(self, commands: Mapping[int, str]) -> dict[int, Scene | Fault]:
        """Step the slots' part of the batch."""
        if not self._together:
            return self._one_by_one(commands, self._step)
        try:
            return {**self._step(commands)}
        except BREAKS as error:
            # Nobody knows which slots were stepped: all of them have to be begun again.
            self._together = False
            return {slot: Fault(error=error) for slot in commands}

    def close(self) -> None:
        """Close the vector environment."""
        with suppress(*BREAKS):
            self._env.close()

    def _one_by_one(
        self, slots: Mapping[int, Any], call: Callable[[Mapping[int, Any]], dict[int, Scene]]
    ) -> dict[int, Scene | Fault]:
        scenes: dict[int, Scene | Fault] = {}
        for slot, what in slots.items():
            try:
                scenes |= call({slot: what})
            except BREAKS as error:
                scenes[slot] = Fault(error=error)
        return scenes

    def _reset(self, slots: Mapping[int, Begin]) -> dict[int, Scene]:
        mask = np.zeros(self.size, dtype=np.bool_)
        mask[list(slots)] = True
        names = [slots[i].instance if i in slots else None for i in range(self.size)]
        observations, infos = self._env.reset(options={"reset_mask": mask, "instance": names})
        return {
            slot: Scene(observation=str(observations[slot]), info=_row(infos, slot))
            for slot in slots
        }

    def _step(self, commands: Mapping[int, str]) -> dict[int, Scene]:
        actions: Sequence[str | None] = [commands.get(slot) for slot in range(self.size)]
        observations, rewards, terminated, truncated, infos = self._env.step(actions)
        return {
            slot: Scene(
                observation=str(observations[slot]),
                reward=float(rewards[slot]),
                terminated=bool(terminated[slot]),
                truncated=bool(truncated[slot]),
                info=_row(infos, slot),
            )
            for slot in commands
        }


def _row(infos: Mapping[str, Any], slot: int) -> dict[str, Any]:
    return {key: column[slot] for key, column in infos.items() if not key.startswith("_")}


def open_world(environment: str, size: int, settings: Mapping[str, Any]) -> World:
    """A world of ``size`` slots of a registered environment.

    Args:
        environment: Gymnasium id; ``"module:id"`` imports the module that registers it.
        size: episodes that are live at a time.
        settings: keyword arguments of the environment.

    Raises:
        SettingError: no environment is registered under that id.
    """
    module, _, name = environment.rpartition(":")
    try:
        importlib.import_module(module or "oreo_envs")
        spec = gymnasium.spec(name)
    except ImportError as error:
        raise SettingError(f"environment {environment!r}: {error}") from error
    except gymnasium.error.Error as error:
        raise SettingError(f"there is no environment {environment!r}: {error}") from error
    if spec.vector_entry_point is not None:
        return VectorWorld(
            gymnasium.make_vec(
                name,
                num_envs=size,
                vectorization_mode="vector_entry_point",
                **settings,
            )
        )
    return SeparateWorlds(lambda: gymnasium.make(name, **settings), size)
