"""Many ALFWorld games in one Python loop, for collecting episodes in batches."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from oreo_envs.alfworld.env import STEP_LIMIT
from oreo_envs.alfworld.shelf import Order, open_shelf
from oreo_envs.alfworld.stage import open_stage, understood
from oreo_envs.prose import Prose

_Bools = NDArray[np.bool_]
_Floats = NDArray[np.float64]
_Texts = tuple[str, ...]


class AlfworldVectorEnv(VectorEnv[_Texts, Sequence[str | None], NDArray[Any]]):
    """``oreo/ALFWorld-v0`` for ``num_envs`` games at a time, without a process or wrapper a game.

    Each slot is what one `AlfworldEnv` is; autoreset is off. ``reset`` takes in ``options``

    - ``reset_mask``: a bool array, the slots to begin anew; None or absent: all;
    - ``instance``: the ids to play: one for each slot (those of other slots are not looked at), or
      one for each slot to be reset; None in a place takes the split's next game.

    ``step`` takes a command for each slot; None leaves the slot as it is, with reward 0, its last
    observation and flags. A slot whose episode is over takes only None until it is reset. Infos
    are those of `AlfworldEnv` by Gymnasium's convention: arrays with masks ``_instance`` and so on,
    which are False for slots that were left as they are.
    """

    def __init__(
        self,
        num_envs: int = 1,
        *,
        split: str = "train",
        data: str | None = None,
        engine: str = "native",
        step_limit: int = STEP_LIMIT,
    ) -> None:
        """Find the games; settings and errors as in `AlfworldEnv`."""
        if step_limit <= 0:
            raise ValueError(f"step_limit must be above 0, got {step_limit}")
        self.num_envs = num_envs
        self.metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.DISABLED}
        self.single_observation_space = Prose()
        self.single_action_space = Prose()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        shelf = open_shelf(split, data)
        self._order = Order(shelf)
        self._stages = [open_stage(engine, shelf) for _ in range(num_envs)]
        self._step_limit = step_limit
        self._steps = [0] * num_envs
        self._observations = [""] * num_envs
        self._terminated: _Bools = np.zeros(num_envs, dtype=np.bool_)
        self._truncated: _Bools = np.zeros(num_envs, dtype=np.bool_)

    def reset(
        self,
        *,
        seed: int | list[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[_Texts, dict[str, Any]]:
        """Begin a game in each slot that is to be reset.

        A list of seeds seeds the order of the games by its first.

        Raises:
            LookupError: the split has no such game.
            ValueError: a game's rules are unknown, or mask or ids do not fit the slots.
        """
        first = seed[0] if isinstance(seed, list) else seed
        super().reset(seed=first)
        if first is not None:
            self._order.restart()
        slots = self._slots((options or {}).get("reset_mask"))
        ids = self._instances(slots, (options or {}).get("instance"))
        for slot, id in zip(slots, ids, strict=True):
            self._steps[slot] = -1  # over, in case that beginning fails
            self._observations[slot] = self._stages[slot].begin(id)
            self._steps[slot] = 0
            self._terminated[slot] = self._truncated[slot] = False
        return tuple(self._observations), self._infos(slots, [True] * len(slots))

    def step(
        self, actions: Sequence[str | None]
    ) -> tuple[_Texts, _Floats, _Bools, _Bools, dict[str, Any]]:
        """Do each slot's command; None leaves the slot as it is.

        Raises:
            ResetNeeded: a command for a slot whose episode is over or has not begun; then no slot
                was stepped.
            ValueError: there are more or fewer actions than slots.
        """
        if len(actions) != self.num_envs:
            raise ValueError(f"{len(actions)} actions for {self.num_envs} slots")
        slots = [slot for slot, action in enumerate(actions) if action is not None]
        for slot in slots:
            if self._over(slot):
                raise ResetNeeded(f"slot {slot}'s episode is over or has not begun: reset it first")
        rewards: _Floats = np.zeros(self.num_envs, dtype=np.float64)
        valid: list[bool] = []
        for slot in slots:
            stage = self._stages[slot]
            said = self._observations[slot] = stage.step(cast(str, actions[slot]))
            valid.append(understood(said))
            self._steps[slot] += 1
            if stage.won:
                rewards[slot] = 1.0
                self._terminated[slot] = True
            elif self._steps[slot] >= self._step_limit:
                self._truncated[slot] = True
        return (
            tuple(self._observations),
            rewards,
            self._terminated.copy(),
            self._truncated.copy(),
            self._infos(slots, valid),
        )

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of all games."""
        for stage in self._stages:
            stage.close()

    def _over(self, slot: int) -> bool:
        begun = self._stages[slot].instance and self._steps[slot] >= 0
        return not begun or bool(self._terminated[slot] or self._truncated[slot])

    def _slots(self, mask: Any) -> list[int]:
        """The slots to be reset."""
        if mask is None:
            return list(range(self.num_envs))
        chosen = np.asarray(mask)
        if chosen.shape != (self.num_envs,) or chosen.dtype != np.bool_:
            raise ValueError(
                f"reset_mask must be a bool array of shape ({self.num_envs},), "
                f"got {chosen.dtype} of shape {chosen.shape}"
            )
        return np.flatnonzero(chosen).tolist()

    def _instances(
        self, slots: Sequence[int], wish: str | Sequence[str | None] | None
    ) -> list[str]:
        """What each of the slots is to play."""
        if wish is None or isinstance(wish, str):
            wishes: list[str | None] = [wish] * len(slots)
        elif len(wish) == self.num_envs:
            wishes = [wish[slot] for slot in slots]
        elif len(wish) == len(slots):
            wishes = list(wish)
        else:
            raise ValueError(
                f"{len(wish)} instances for {len(slots)} slots to be reset of {self.num_envs}"
            )
        return [id or self._order.next(self.np_random) for id in wishes]

    def _infos(self, slots: Sequence[int], valid: Sequence[bool]) -> dict[str, Any]:
        """The slots' infos side by side; `VectorEnv._add_info` gives the same, more slowly."""
        mask: _Bools = np.zeros(self.num_envs, dtype=np.bool_)
        columns: dict[str, NDArray[Any]] = {
            "instance": np.full(self.num_envs, None, dtype=object),
            "task_type": np.full(self.num_envs, None, dtype=object),
            "admissible_commands": np.full(self.num_envs, None, dtype=object),
            "won": np.zeros(self.num_envs, dtype=np.bool_),
            "valid": np.zeros(self.num_envs, dtype=np.bool_),
        }
        instance, task_type, admissible, won, was_valid = columns.values()
        for slot, understood_it in zip(slots, valid, strict=True):
            stage = self._stages[slot]
            mask[slot] = True
            instance[slot] = stage.instance
            task_type[slot] = stage.task_type
            admissible[slot] = stage.admissible()
            won[slot] = stage.won
            was_valid[slot] = understood_it
        return {**columns, **{f"_{key}": mask.copy() for key in columns}}
