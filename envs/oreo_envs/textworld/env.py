"""TextWorld games as a Gymnasium environment: text in, text out, one game an episode."""

from typing import Any

import gymnasium
from gymnasium.error import ResetNeeded

from oreo_envs.prose import Prose
from oreo_envs.rounds import Round
from oreo_envs.textworld import wording
from oreo_envs.textworld.host import HOST, MEMORY, Game
from oreo_tasks import load_task


class TextWorldEnv(gymnasium.Env[str, str]):
    """``oreo/TextWorld-v0`` and its kin: TextWorld's games, played by its own engine.

    ``reset(options={"instance": id})`` plays that game; without it the split's games follow one
    another from a place that ``seed`` decides. Winning or losing terminates an episode; the reward
    is 1.0 for winning, and 0.0 for every other step. Every step counts toward ``step_limit``; at
    the limit the episode is truncated.

    ``info`` has the same keys from reset on: ``instance``, ``task_type``, ``admissible_commands``
    (sorted), ``won``, ``valid`` (whether the last command was admissible; True after reset) and
    ``walkthrough`` (commands that win, not to be shown to a player; empty if there are none). A
    game understands more than is admissible ("n" for "go north").

    The engine runs in one process for all environments of this one. It takes no new games once it
    holds more than ``memory`` bytes; another one does then.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 - Gymnasium's own type

    def __init__(
        self,
        *,
        task: str = "textworld",
        split: str = "train",
        data: str | None = None,
        step_limit: int | None = None,
        score: bool = False,
        memory: int = MEMORY,
        render_mode: str | None = None,
    ) -> None:
        """Find the games; none is made or begun yet.

        Args:
            task: ``textworld`` or one of those whose games are made, ``textworld-cooking``.
            split: one of the task's.
            data: a game file or a folder of them; of games that are made, their level.
            step_limit: steps after which an unfinished episode is truncated; None takes the task's.
            score: pay at the end, also at the step limit, the share of the game's points that were
                won, in [0, 1], in place of 1.0 for winning.
            memory: bytes that an engine may hold before another one takes the next games.
            render_mode: ``ansi`` makes `render` return the last observation.

        Raises:
            FileNotFoundError: ``data`` holds no games of the split.
            LookupError: there is no such task, split or level.
        """
        self._task: Any = load_task(task)
        self._limit = self._task.step_limit if step_limit is None else step_limit
        if self._limit <= 0:
            raise ValueError(f"step_limit must be above 0, got {step_limit}")
        self.observation_space = Prose()
        self.action_space = Prose()
        self.render_mode = render_mode
        self._split, self._data, self._score, self._memory = split, data, score, memory
        self._types = {each.id: each.task_type for each in self._task.instances(split, data)}
        self._round = Round(list(self._types))
        self._game: Game | None = None
        self._instance = ""
        self._state: dict[str, Any] = {}
        self._observation = ""
        self._steps = 0
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin ``options["instance"]``, or the next game of the split; it may have to be made.

        Raises:
            LookupError: the split has no such game, or TextWorld is not installed.
            RuntimeError: the game cannot be made or read, or the engine's process ended.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._round.restart(self.np_random)
        instance = (options or {}).get("instance")
        if instance is None:
            instance = self._round.next()
        path = self._task.path(instance, self._split, self._data)
        self.close()
        self._game = HOST.begin(str(path), self._memory)
        self._instance, self._state = instance, self._game.opening
        self._walkthrough = tuple(self._state["walkthrough"])
        self._observation = wording.opening(self._state["text"], self._state["objective"])
        self._steps, self._over = 0, False
        return self._observation, self._info(valid=True)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Do the command ``action``.

        Raises:
            ResetNeeded: the episode is over, or none has begun.
            RuntimeError: the engine broke over the command, or its process ended.
        """
        if self._over or self._game is None:
            raise ResetNeeded("the episode is over or has not begun: call reset() first")
        command = " ".join(action.split())
        valid = command in self._state["commands"]
        if valid or wording.passes(command):
            self._state = self._game.step(command)
            self._observation = wording.said(self._state["text"])
        else:
            self._observation = wording.UNKNOWN
        self._steps += 1
        terminated = self._state["won"] or self._state["lost"]
        truncated = not terminated and self._steps >= self._limit
        self._over = terminated or truncated
        reward = self._points() if self._score else float(self._state["won"])
        paid = reward if self._over else 0.0
        return self._observation, paid, terminated, truncated, self._info(valid=valid)

    def render(self) -> str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The last observation, in render mode ``ansi``."""
        return self._observation if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Let go of the game; the engine stays for the next one."""
        if self._game is not None:
            self._game.close()
        self._game = None
        self._over = True

    def _points(self) -> float:
        """The share of the game's points that were won."""
        return min(1.0, max(0.0, self._state["score"] / self._state["most"]))

    def _info(self, *, valid: bool) -> dict[str, Any]:
        return {
            "instance": self._instance,
            "task_type": self._types.get(self._instance, ""),
            "admissible_commands": self._state["commands"],
            "won": self._state["won"],
            "valid": valid,
            "walkthrough": self._walkthrough,
        }
