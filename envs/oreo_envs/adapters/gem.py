"""Environments of GEM (github.com/axon-rl/gem, the package ``gem-llm``).

GEM's games pay 1 for success, less for half the way, and -0.1 for a reply in which they find no
move; its data sets pay 1 for a right answer.
"""

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import gymnasium

from oreo_envs.adapters import Settings, library, splits_of_rows, whole_reply
from oreo_envs.adapters.chance import OwnChance
from oreo_envs.faults import BREAKS, in_one_line
from oreo_envs.presented import instance_of
from oreo_envs.prose import Prose
from oreo_envs.registration import SPLITS

INSTRUCTIONS = (
    "The first message tells a task and its rules. Reply in the form that it asks for; your move "
    "or answer is what stands in \\boxed{} at the end."
)
MOST = 1000
"""Turns of a game that tells no limit of its own."""


def described(source: str, settings: Settings) -> dict[str, Any]:
    """What is registered of the environment ``source``.

    Raises:
        LookupError: GEM is not installed, has no such environment or cannot make it.
    """
    with closing(Gem(source, **settings)) as made:
        return {
            "entry_point": Gem,
            "kwargs": {"source": source, **settings},
            "step_limit": made.step_limit,
            "splits": splits_of_rows(made.count) if made.count else dict(SPLITS),
            "prompt": whole_reply(INSTRUCTIONS, max_reply_tokens=1024),
        }


class Gem(gymnasium.Env[str, str]):
    """One of GEM's environments; a game's seed decides it, a data set's instance is its row.

    What GEM appends to an observation (``info["suffix"]``: the board, a question) follows it on a
    line of its own. GEM lists no moves. A reply that it pays less than nothing for, because it
    finds no move in it, is not ``valid``; GEM ends the game there.
    """

    def __init__(self, source: str, success: float = 1.0, **settings: Any) -> None:
        """Make the environment.

        Args:
            source: its id in GEM, ``game:Sokoban-v0-easy``.
            success: the pay from which an episode is won.
            settings: of GEM's environment.

        Raises:
            LookupError: see `described`.
        """
        self.observation_space = self.action_space = Prose()
        self._source = source
        self._success = success
        self._chance = OwnChance()
        self._instance = ""
        with _logging_as_it_was():
            gem = library("gem", "gem")
        if source not in gem.envs.registration.ENV_REGISTRY:
            kind = source.partition(":")[0]
            near = [name for name in gem.envs.registration.ENV_REGISTRY if name.startswith(kind)]
            raise LookupError(
                f"GEM has no environment {source!r}; "
                + (f"it has {', '.join(near[:5])}" if near else "gem.print_envs() lists them")
            )
        try:
            with self._chance.drawing(0):
                self._env: Any = gem.make(source, **settings)
                self.rows: Sequence[Any] | None = getattr(
                    self._env, "ds", getattr(self._env, "dataset", None)
                )
                """What a data set holds; None for a game."""
                self.count = 0 if self.rows is None else len(self.rows)
                """Rows of a data set; 0 for a game."""
        except BREAKS as error:
            raise LookupError(
                f"GEM cannot make {source!r}: {in_one_line(error)}; see to what it asks "
                "for, or take another one"
            ) from error
        turns: int | None = getattr(self._env, "max_turns", None)
        self.step_limit: int = 1 if self.count else turns or MOST
        """Turns that suffice: GEM ends an episode by itself."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin the game of a seed, or pose a row; a seed beyond the last row starts over."""
        super().reset(seed=seed)
        if seed is None:
            seed = int(self.np_random.integers(2**31))
        if self.count:
            seed %= self.count
        self._instance = instance_of(seed)
        with self._chance.drawing(seed):
            if self.rows is None:
                observation, info = self._env.reset(seed=seed)
            else:
                observation, info = self._posed(self.rows, seed)
        return _told(observation, info), self._info(won=False, valid=True)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Give GEM a reply; only the end pays."""
        with self._chance.drawing():
            observation, paid, terminated, truncated, info = self._env.step(action)
        over = bool(terminated or truncated)
        won = over and float(paid) >= self._success
        told = "" if self.rows is not None else _told(observation, {} if over else info)
        return told, float(won), over, False, self._info(won=won, valid=float(paid) >= 0)

    def close(self) -> None:
        """Let go of what grades answers."""
        pool = getattr(self._env, "mp_pool", None)
        if pool is not None:
            pool.terminate()
            pool.join()

    def _posed(self, rows: Sequence[Any], row: int) -> tuple[str, Mapping[str, Any]]:
        """Pose a row: GEM's data sets go through their rows, and this one is next."""
        self._env.idx = row
        for attribute in ("ds_iter", "dataset_iter"):
            if hasattr(self._env, attribute):
                setattr(self._env, attribute, iter([rows[row]]))
        return self._env.reset()

    def _info(self, *, won: bool, valid: bool) -> dict[str, Any]:
        return {
            "instance": self._instance,
            "admissible_commands": (),
            "won": won,
            "valid": valid,
        }


def _told(observation: str, info: Mapping[str, Any]) -> str:
    return "\n".join(text for text in (observation.strip(), info.get("suffix", "").strip()) if text)


@contextmanager
def _logging_as_it_was() -> Generator[None]:
    """GEM sets up the program's logging when it is imported; that is not its business."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
