"""A house of one cup, and an agent whose thoughts are known: V counts the errand's deeds done.

An instance is called ``<n>-<what>``: ``plain``; ``pit`` (any step loses); ``raises`` (in the second
step); ``gone`` (cannot be begun).
"""

from random import Random
from typing import Any, ClassVar

import gymnasium
from scripted_errand import ERRAND, ScriptedEngine

from oreo_agent.agent.engines import Reply
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import Strategy
from oreo_agent.agent.strategies.best_of_k import BestOfK
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.player.session import Session
from oreo_agent.records.episode import Episode, PolicyRecord
from oreo_agent.rollouts.plan import Work, make_plan
from oreo_agent.rollouts.players import ModelPlayer, Player
from oreo_agent.rollouts.runner import Runner
from oreo_agent.rollouts.worlds import SeparateWorlds
from oreo_tasks.task import Instance

LIMIT = 8
LEXICON: dict[str, Any] = {
    "entities": {"desk": 1, "box": 1, "shelf": 2, "cup": 2},
    "words": ["task", "go", "take", "move", "open", "see", "nothing"],
    "commands": [
        ("go to {}", "go"),
        ("take {} from {}", "take"),
        ("move {} to {}", "move"),
        ("put {} in/on {}", "move"),
        ("open {}", "open"),
    ],
    "sentences": [
        (r".*Your task is to: put a (\w+) in (\w+)\.", "task {1} {2}"),
        (r"Nothing happens\.", "nothing"),
        (r"You see (.*)\.", "see {1}"),
    ],
}
OPENING = """\
-= Welcome to a house =-

You are in a room. You see a desk 1, a shelf 1, and a box 1.

Your task is to: put a cup in box."""


class House(gymnasium.Env[str, str]):
    """The errand's four commands in their order win; of the others some are possible."""

    observation_space = action_space = gymnasium.spaces.Text(1000)
    seeds: ClassVar[list[int | None]] = []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        House.seeds.append(seed)
        self.name = (options or {})["instance"]
        self.what = self.name.partition("-")[2]
        self.done = self.steps = 0
        if self.what == "gone":
            raise FileNotFoundError(f"no file for {self.name}")
        return OPENING, self._info(True)

    def step(self, action):
        self.steps += 1
        if self.what == "raises" and self.steps == 2:
            raise RuntimeError("the floor gave way")
        possible = action in self._possible()
        said = "Nothing happens."
        if possible:
            self.done += action == ERRAND[self.done]
            said = "You see a cup 1." if action == ERRAND[0] else "You see nothing."
        won = self.done == len(ERRAND)
        return said, float(won), won or self.what == "pit", False, self._info(possible)

    def _possible(self):
        return [] if self.done == len(ERRAND) else sorted([ERRAND[self.done], "go to shelf 1"])

    def _info(self, valid):
        won = self.done == len(ERRAND)
        return {"won": won, "valid": valid, "admissible_commands": self._possible()}


class CutEngine(ScriptedEngine):
    """Whose replies never end."""

    def _reply(self, rng: Random, n: int, most: int) -> Reply:
        return Reply(ids=(self._errand[0][0], 9), logps=(-0.5, -0.5), ended=False)


class BreakingEngine(ScriptedEngine):
    """Breaks once there is a history."""

    def generate(self, requests, *, samples, temperature, max_tokens, whole=False):
        if any(len(request.ids) > 10 for request in requests):
            raise ZeroDivisionError("no thought comes")
        return super().generate(
            requests, samples=samples, temperature=temperature, max_tokens=max_tokens
        )


def player(
    engine: type[ScriptedEngine] = ScriptedEngine, strategy: Strategy | None = None
) -> ModelPlayer:
    prompt = CompactPrompt(LEXICON)
    agent = Agent(
        prompt=prompt,
        engine=engine(prompt),
        strategy=strategy or BestOfK(k=3, temperature=1.0, max_tokens=8),
        fingerprint="f" * 16,
        has_value=True,
    )
    policy = PolicyRecord(kind="model", fingerprint="f" * 16, strategy="best-of-k k=3")
    return ModelPlayer(agent=agent, policy=policy)


def works(*names: str, seed: int = 0) -> list[Work]:
    instances = [Instance(id=name, task="house", split="valid", task_type="put") for name in names]
    return make_plan(instances, policy="model f", world="house 8", episodes=None, seed=seed)


def session(*names: str, seed: int = 0, who: Player | None = None, limit: int = LIMIT) -> Session:
    return Session(
        player=who or player(),
        world=SeparateWorlds(House, 1),
        works=works(*(names or ("1-plain", "2-plain")), seed=seed),
        environment="test/House-v0",
        step_limit=limit,
        agent="scripted",
    )


def recorded(name: str, *, seed: int = 0, who: Player | None = None, limit: int = LIMIT) -> Episode:
    """What the runner makes of the same game."""
    runner = Runner(
        world=SeparateWorlds(House, 1),
        player=who or player(),
        environment="test/House-v0",
        step_limit=limit,
    )
    (episode,) = runner.play(works(name, seed=seed))
    return episode
