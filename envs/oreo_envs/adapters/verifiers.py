"""Environments of verifiers (github.com/PrimeIntellect-ai/verifiers), version 0.4 and later.

Its taskset gives the rows, its `Env` leads the conversation, its rewards judge the end. What
verifiers runs around these is left out: no harness, no container, no model of its own. So tool
servers, judges and agents beside ours are refused, each by name.
"""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import islice
from types import SimpleNamespace
from typing import Any

import gymnasium

from oreo_envs.adapters import Settings, library, splits_of_rows, whole_reply
from oreo_envs.adapters.chance import OwnChance
from oreo_envs.adapters.dialogue import Dialogue
from oreo_envs.faults import BREAKS, in_one_line
from oreo_envs.presented import instance_of
from oreo_envs.prose import Prose
from oreo_envs.registration import SPLITS, STEP_LIMIT

ENDLESS = max(rows.stop for rows in SPLITS.values())
"""Rows that are taken of a taskset without end."""
INSTRUCTIONS = "The first message tells a task. Reply in the form that it asks for."


def described(source: str, settings: Settings) -> dict[str, Any]:
    """What is registered of the taskset ``source``.

    Raises:
        LookupError: verifiers is not installed, has no such taskset or cannot load it, or it asks
            for what is refused here.
    """
    made = Verifiers(source, **settings)
    return {
        "entry_point": Verifiers,
        "kwargs": {"source": source, **settings},
        "step_limit": made.step_limit,
        "splits": splits_of_rows(len(made.tasks)) if made.bounded else dict(SPLITS),
        "prompt": whole_reply(made.instructions or INSTRUCTIONS, max_reply_tokens=1024),
    }


class Verifiers(gymnasium.Env[str, str]):
    """The conversations of a taskset; an instance is a row, and a seed beyond the last starts over.

    The end pays the weighted sum of the taskset's rewards. No command is listed, and every reply
    is ``valid``.
    """

    def __init__(self, source: str, success: float = 1.0, **settings: Any) -> None:
        """Load the taskset and its environment.

        Args:
            source: the taskset's id; a package that exports it, or one that verifiers brings.
            success: the sum of rewards from which an episode is won.
            settings: of the taskset's configuration.

        Raises:
            LookupError: see `described`.
        """
        self.observation_space = self.action_space = Prose()
        self._success = success
        self._chance = OwnChance()
        self._vf: Any = library("verifiers.v1", "verifiers")
        try:
            with self._chance.drawing(0):
                self._load(source, settings)
        except LookupError:
            raise
        except BREAKS as error:
            raise LookupError(
                f"verifiers cannot load {source!r}: {in_one_line(error)}; install the package that "
                "brings it, or mend its settings"
            ) from error
        refusal = self._refusal()
        if refusal:
            raise LookupError(f"verifiers:{source} {refusal}, which is not supported here")
        prompts = {task.data.system_prompt for task in self.tasks}
        self.instructions: str = (prompts.pop() or "") if len(prompts) == 1 else ""
        """The system prompt that all rows share; others stand before the row's own prompt."""
        self._instance = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._episode: asyncio.Task[float] | None = None
        self._dialogue = Dialogue(self._vf, shared=self.instructions)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Pose a row."""
        super().reset(seed=seed)
        if seed is None:
            seed = int(self.np_random.integers(2**31))
        row = seed % len(self.tasks)
        self._instance = instance_of(row)
        self._abandon()
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        self._dialogue = Dialogue(self._vf, shared=self.instructions)
        with self._chance.drawing(row):
            self._episode = self._loop.create_task(self._played(self.tasks[row], self._dialogue))
            self._advance(self._loop, self._episode)
        if self._episode.done():
            self._episode.result()
            raise RuntimeError(f"row {row} ends before anything is asked")
        return self._dialogue.asked, self._info(won=False)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Reply; the observation is what verifiers says to that."""
        if self._loop is None or self._episode is None or self._episode.done():
            raise RuntimeError("there is no episode that goes on; reset first")
        with self._chance.drawing():
            self._dialogue.reply(action)
            self._advance(self._loop, self._episode)
        if not self._episode.done():
            return self._dialogue.asked, 0.0, False, False, self._info(won=False)
        won = self._episode.result() >= self._success
        return "", float(won), True, False, self._info(won=won)

    def close(self) -> None:
        """End the episode and its event loop."""
        self._abandon()
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.close()

    def _load(self, source: str, settings: Settings) -> None:
        """Taskset, environment and rows."""
        loaders = library("verifiers.v1.utils.loaders", "verifiers")
        taskset = loaders.taskset_config_type(source)(id=source, **settings)
        config = loaders.env_config_type(source)(taskset=taskset)
        self._env: Any = loaders.load_environment(config)
        self._seats: list[str] = list(self._env._agent_specs)
        self._taskset = self._env.taskset
        self.bounded = bool(self._taskset.bounded)
        """Whether the taskset has an end."""
        self.tasks: list[Any] = list(islice(self._taskset, None if self.bounded else ENDLESS))
        """The rows."""
        if not self.tasks:
            raise ValueError("it has no rows")
        single = isinstance(self._env, self._vf.SingleAgentEnv)
        turns = getattr(self._env.config, self._seats[0]).max_turns
        self.step_limit: int = 1 if single else turns or STEP_LIMIT
        """Turns of an episode."""

    def _refusal(self) -> str:
        """What the taskset asks for and is refused; empty if nothing."""
        task = self.tasks[0]
        config = self._taskset.config
        hooks = [*task.hooks("reward"), *task.hooks("metric")]
        own = [
            name
            for name in ("setup", "finalize")
            if getattr(type(task), name) is not getattr(self._vf.Task, name)
        ]
        asks = {
            f"has several agents ({', '.join(self._seats)})": len(self._seats) > 1,
            "calls tools": self._taskset.toolsets(config) or type(task).toolsets(task.config),
            "needs a container": type(task).NEEDS_CONTAINER,
            "asks a judge model": task.config.judges,
            "works in a runtime": own or any(_needs_runtime(hook) for hook in hooks),
            "rewrites messages": self._marked(task, "intercept"),
        }
        return next((told for told, asked in asks.items() if asked), "")

    def _marked(self, task: Any, kind: str) -> list[Any]:
        decorators = library("verifiers.v1.utils.decorators", "verifiers")
        return decorators.discover_decorated(task, kind)

    async def _played(self, task: Any, dialogue: Dialogue) -> float:
        """The whole episode; what it is paid."""
        vf = self._vf
        agents = SimpleNamespace(**{self._seats[0]: _Agent(dialogue)})
        await self._env.setup(agents)
        await self._env.run(task, agents)
        episode = vf.Episode(env=vf.EnvInfo(id=self._env.config.env_id), task=dialogue.told(task))
        episode.traces.extend(dialogue.traces)
        await self._env.finalize(task, episode)
        return float(sum(trace.reward for trace in episode.traces))

    def _advance(self, loop: asyncio.AbstractEventLoop, episode: "asyncio.Task[float]") -> None:
        """Let the episode go on until it asks us, or ends."""

        async def until_asked() -> None:
            waiting = loop.create_task(self._dialogue.asking.wait())
            await asyncio.wait({waiting, episode}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

        loop.run_until_complete(until_asked())

    def _abandon(self) -> None:
        episode, self._episode = self._episode, None
        if self._loop is None or episode is None or episode.done():
            return
        episode.cancel()
        with suppress(asyncio.CancelledError, Exception):
            self._loop.run_until_complete(episode)

    def _info(self, *, won: bool) -> dict[str, Any]:
        return {"instance": self._instance, "admissible_commands": (), "won": won, "valid": True}


class _Agent:
    """Our player, as an `Env` of verifiers sees an agent."""

    def __init__(self, dialogue: Dialogue) -> None:
        self.trainable = True
        self._dialogue = dialogue

    @asynccontextmanager
    async def interaction(self, task: Any) -> AsyncGenerator[Any]:
        """A conversation that the environment leads."""
        await self._dialogue.begin(task)
        yield self._dialogue
        await self._dialogue.end()

    async def run(self, task: Any) -> Any:
        """A prompt and its reply."""
        async with self.interaction(task) as dialogue:
            await dialogue.turn()
        return self._dialogue.trace


def _needs_runtime(hook: Any) -> bool:
    parameters: Mapping[str, inspect.Parameter] = inspect.signature(hook).parameters
    found = parameters.get("runtime")
    return found is not None and found.default is inspect.Parameter.empty
