"""A corridor to walk down, and players whose replies are known: the whole house on its stage.

An instance is called ``<n>-<what>``: ``n`` steps to the door, and what happens on the way:
``plain``; ``raises`` (in the first step); ``exits`` (the process dies in the first step); ``gone``
(cannot be reset); ``ctrlc`` (the parent process is interrupted); ``pit`` (the first step ends it);
``flaky<k>`` (raises the first ``k`` times).
"""

import os
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

import gymnasium

from oreo_agent.agent.engines import Reply, Request
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies import Strategy
from oreo_agent.agent.strategies.single import Sample
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.records.episode import PolicyRecord
from oreo_agent.rollouts.casting import Cast
from oreo_agent.rollouts.players import ModelPlayer
from oreo_agent.rollouts.stage import Stage
from oreo_agent.rollouts.worlds import SeparateWorlds, World
from oreo_tasks.task import Instance

LIMIT = 6
LEXICON: dict[str, Any] = {
    "entities": {"door": 9},
    "words": ["walk", "wait", "far"],
    "commands": [("walk", "walk"), ("wait", "wait")],
    "sentences": [(r"(door \d) is far\.", "far {1}")],
}
resets: Counter[str] = Counter()


class Corridor(gymnasium.Env[str, str]):
    """``walk`` brings the door one step nearer; to reach it is to win."""

    observation_space = action_space = gymnasium.spaces.Text(100)
    sent: ClassVar[list[str]] = []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.name = (options or {})["instance"]
        resets[self.name] += 1
        length, _, self.what = self.name.partition("-")
        if self.what == "gone":
            raise FileNotFoundError(f"no file for {self.name}")
        self.left = int(length)
        return self._said(), self._info(True)

    def step(self, action):
        Corridor.sent.append(action)
        if self.what == "raises":
            raise RuntimeError("the floor gave way")
        if self.what == "exits":
            os._exit(3)
        if self.what == "ctrlc":
            os.kill(os.getppid(), signal.SIGINT)
        if self.what.startswith("flaky") and resets[self.name] <= int(self.what[5:]):
            raise OSError("once more")
        self.left -= action == "walk"
        won = self.left <= 0
        over = won or self.what == "pit"
        return self._said(), float(won), over, False, self._info(action == "walk")

    def _said(self):
        return f"door {max(self.left, 1)} is far."

    def _info(self, valid):
        return {"won": self.left <= 0, "valid": valid, "admissible_commands": ["walk"]}


class ScriptedEngine:
    """Always walks; a session whose name holds ``cut`` is cut by its token limit."""

    def __init__(self, prompt: CompactPrompt) -> None:
        self.walk = prompt.reply("walk")
        self.requests: list[Request] = []
        self.closed: list[str] = []

    def generate(self, requests, *, samples, temperature, max_tokens, whole=False):
        self.requests += requests
        return [
            [Reply(ids=self.walk, logps=(-0.5, -0.25), ended=True) for _ in range(samples)]
            for _ in requests
        ]

    def values(self, requests, replies):
        return [[0.5 for _ in line] for line in replies]

    def logps(self, requests, replies, *, reference=False):
        return [[(-1.0,) * len(ids) for ids in line] for line in replies]

    def close(self, session):
        self.closed.append(session)


class CutEngine(ScriptedEngine):
    """Whose replies never end."""

    def generate(self, requests, *, samples, temperature, max_tokens, whole=False):
        return [
            [Reply(ids=self.walk[:1], logps=(-0.5,), ended=False) for _ in range(samples)]
            for _ in requests
        ]


class PickyEngine(ScriptedEngine):
    """Breaks on histories that begin with door 5."""

    def generate(self, requests, *, samples, temperature, max_tokens, whole=False):
        door = CompactPrompt(LEXICON).ids["door_5"]
        if any(request.ids[2] == door for request in requests):
            raise ZeroDivisionError("not this one")
        return super().generate(
            requests, samples=samples, temperature=temperature, max_tokens=max_tokens
        )


class WaveringEngine(ScriptedEngine):
    """Walks or waits, by the seed."""

    def generate(self, requests, *, samples, temperature, max_tokens, whole=False):
        ways = [self.walk, CompactPrompt(LEXICON).reply("wait")]
        return [
            [
                Reply(ids=Random(f"{r.seed}/{k}").choice(ways), logps=(-0.7, -0.1), ended=True)
                for k in range(samples)
            ]
            for r in requests
        ]


def player(
    engine: type[ScriptedEngine] = ScriptedEngine, strategy: Strategy | None = None
) -> ModelPlayer:
    prompt = CompactPrompt(LEXICON)
    agent = Agent(
        prompt=prompt,
        engine=engine(prompt),
        strategy=strategy or Sample(max_tokens=8),
        fingerprint="f" * 16,
    )
    policy = PolicyRecord(kind="model", fingerprint="f" * 16, strategy="sample")
    return ModelPlayer(agent=agent, policy=policy)


def corridor(name: str) -> Instance:
    kind = name.partition("-")[2]
    return Instance(id=name, task="corridor", split="train", task_type=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorStage(Stage):
    task: str = "corridor"
    names: tuple[str, ...] = ()

    @property
    def limit(self) -> int:
        return LIMIT if self.step_limit is None else self.step_limit

    @property
    def environment(self) -> str:
        return "test/Corridor-v0"

    def instances(self) -> list[Instance]:
        return [corridor(name) for name in sorted(self.names)]

    def prepare(self, instances: Sequence[str]) -> None:
        """Nothing is to be made."""

    def questioning(self) -> None:
        return None

    def open(self, live: int | None = None) -> World:
        return SeparateWorlds(Corridor, live or self.live)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedCast(Cast):
    policy: str = "scripted"

    def player(self, stage: Stage) -> ModelPlayer:
        return player()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveringCast(ScriptedCast):
    def player(self, stage: Stage) -> ModelPlayer:
        return player(WaveringEngine)


def plain(count: int) -> tuple[str, ...]:
    """Names of so many corridors, all of which can be won."""
    return tuple(f"{1 + i % 5}-plain{i}" for i in range(count))


def outcome(episode: Any) -> tuple[Any, ...]:
    """What must not depend on who else was playing."""
    return episode.id, episode.end, episode.segments


def outcomes(episodes: Sequence[Any]) -> list[Any]:
    return sorted(map(outcome, episodes), key=lambda row: row[0])
