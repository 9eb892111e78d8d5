"""ALFWorld as a Gymnasium environment: text in, text out, one game an episode."""

from typing import Any

import gymnasium
from gymnasium.error import ResetNeeded

from oreo_envs.alfworld.shelf import Order, open_shelf
from oreo_envs.alfworld.stage import open_stage, understood
from oreo_envs.prose import Prose

STEP_LIMIT = 40


class AlfworldEnv(gymnasium.Env[str, str]):
    """``oreo/ALFWorld-v0``: household games with the words of the stock engine.

    ``reset(options={"instance": "<task folder>/<trial folder>"})`` plays that game; without it the
    split's games follow one another in an order that ``seed`` decides. The reward is 1.0 for the
    step that reaches the goal, which terminates the episode, and else 0.0. Every step counts
    toward ``step_limit``, also one that is answered with "Nothing happens."; at the limit the
    episode is truncated.

    ``info`` has the same keys from reset on: ``instance``, ``task_type``, ``admissible_commands``
    (sorted), ``won``, and ``valid``: whether the last command was admissible (True after reset).

    In ``AsyncVectorEnv`` pass ``shared_memory=False``: with shared memory, Gymnasium (1.4) hands
    out blank text observations. ``SyncVectorEnv`` needs nothing; the quickest is the native
    vector environment, ``gymnasium.make_vec(..., vectorization_mode="vector_entry_point")``.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 - Gymnasium's own type

    def __init__(
        self,
        *,
        split: str = "train",
        data: str | None = None,
        engine: str = "native",
        step_limit: int = STEP_LIMIT,
        render_mode: str | None = None,
    ) -> None:
        """Find the games.

        Args:
            split: ``train``, ``valid_train``, ``valid_seen`` or ``valid_unseen``.
            data: the official games' folder, ``"generated"`` or ``"generated:TIER"``; None takes
                the folder in ALFWORLD_DATA, else our own games.
            engine: ``native``, our interpreter; or ``textworld``, the stock engine.
            step_limit: steps after which an unfinished episode is truncated; above 0.
            render_mode: ``ansi`` makes `render` return the last observation.

        Raises:
            FileNotFoundError: ``data`` holds no games of the split.
            LookupError: there is no such split, tier or engine.
            ImportError: the stock engine is asked for and not installed.
        """
        if step_limit <= 0:
            raise ValueError(f"step_limit must be above 0, got {step_limit}")
        self.observation_space = Prose()
        self.action_space = Prose()
        self.render_mode = render_mode
        shelf = open_shelf(split, data)
        self._order = Order(shelf)
        self._stage = open_stage(engine, shelf)
        self._step_limit = step_limit
        self._steps = 0
        self._over = True
        self._observation = ""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin ``options["instance"]``, or the next game of the split.

        Raises:
            LookupError: the split has no such game.
            ValueError: the interpreter does not know the game's rules; the message names it.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._order.restart()
        instance = (options or {}).get("instance") or self._order.next(self.np_random)
        self._observation = self._stage.begin(instance)
        self._steps = 0
        self._over = False
        return self._observation, self._info(valid=True)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Do the command ``action``.

        Raises:
            ResetNeeded: the episode is over, or none has begun.
        """
        if self._over:
            raise ResetNeeded("the episode is over or has not begun: call reset() first")
        said = self._observation = self._stage.step(action)
        self._steps += 1
        won = self._stage.won
        truncated = not won and self._steps >= self._step_limit
        self._over = won or truncated
        return said, float(won), won, truncated, self._info(valid=understood(said))

    def render(self) -> str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The last observation, in render mode ``ansi``."""
        return self._observation if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Let go of the game."""
        self._stage.close()

    def _info(self, *, valid: bool) -> dict[str, Any]:
        return {
            "instance": self._stage.instance,
            "task_type": self._stage.task_type,
            "admissible_commands": self._stage.admissible(),
            "won": self._stage.won,
            "valid": valid,
        }
