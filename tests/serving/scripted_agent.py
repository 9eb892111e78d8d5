"""An agent whose thoughts are known, behind a server without a socket.

Replies follow from the history and the seed; V counts the deeds of an errand that were done.
"""

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
from scripted_errand import ScriptedEngine

from oreo_agent.agent.engines import Reply, Request
from oreo_agent.agent.runtime import Agent
from oreo_agent.agent.strategies.single import Greedy
from oreo_agent.errors import EngineError
from oreo_agent.model.calibration import Calibration
from oreo_agent.model.compact import CompactPrompt
from oreo_agent.model.prompt import PromptFormat
from oreo_agent.model.trust import Estimate, Trust
from oreo_agent.serving.app import Service
from oreo_agent.serving.limits import Limits
from oreo_agent.serving.served import Served

T = TypeVar("T")
OPENING = "You are in a room. You see a desk 1, a box 1 and a shelf 1."
LEXICON: dict[str, Any] = {
    "entities": {"desk": 1, "box": 1, "shelf": 2, "cup": 2},
    "words": ["go", "take", "move", "open", "see", "room"],
    "commands": [
        ("go to {}", "go"),
        ("take {} from {}", "take"),
        ("move {} to {}", "move"),
        ("open {}", "open"),
    ],
    "sentences": [
        (r"You are in a room\. You see (.*)\.", "room {1}"),
        (r"You see (.*)\.", "see {1}"),
    ],
}
CALIBRATION = Calibration(
    values=(0.0, 1.0), chances=(0.1, 0.9), ece_raw=0.0, ece=None, brier_raw=0.0, brier=None,
    episodes=200, instances=50, won=100, source="made", auc=(), auc_by_turn=(),
)  # fmt: skip
_LOSS = Estimate(value=-0.03, low=-0.05, high=-0.01)
DISTRUST = Trust(
    trusted="no", states=41, instances=30, source="made", over_chance=_LOSS, over_logp=_LOSS
)


class PickyEngine(ScriptedEngine):
    """Breaks on histories with a cup 2 in them, in a way that no engine of ours should."""

    def generate(self, requests: Sequence[Request], **settings: Any) -> list[list[Reply]]:
        cup = CompactPrompt(LEXICON).ids["cup_2"]
        if any(cup in request.ids for request in requests):
            raise ZeroDivisionError("/secret/place/of/weights.safetensors")
        return super().generate(requests, **settings)


class StrictEngine(ScriptedEngine):
    """Refuses histories with a cup 2 in them, with a sentence of ours."""

    def generate(self, requests: Sequence[Request], **settings: Any) -> list[list[Reply]]:
        cup = CompactPrompt(LEXICON).ids["cup_2"]
        if any(cup in request.ids for request in requests):
            raise EngineError("no cup 2 is spoken of here; take cup 1")
        return super().generate(requests, **settings)


class HeldEngine(ScriptedEngine):
    """Thinks as long as it is held."""

    def __init__(self, prompt: PromptFormat) -> None:
        super().__init__(prompt)
        self.begun, self.free = threading.Event(), threading.Event()

    def generate(self, requests: Sequence[Request], **settings: Any) -> list[list[Reply]]:
        self.begun.set()
        assert self.free.wait(30)
        return super().generate(requests, **settings)


class SlowEngine(ScriptedEngine):
    """Says on standard error that it thinks, and thinks until its standard input ends."""

    def generate(self, requests: Sequence[Request], **settings: Any) -> list[list[Reply]]:
        print("deciding", file=sys.stderr, flush=True)
        sys.stdin.readline()
        return super().generate(requests, **settings)


def served(engine: type[ScriptedEngine] = ScriptedEngine, **changes: Any) -> Served:
    prompt = CompactPrompt(LEXICON)
    agent = Agent(
        prompt=prompt,
        engine=engine(prompt),
        strategy=Greedy(),
        fingerprint="f" * 16,
        has_value=changes.pop("has_value", True),
        calibration=CALIBRATION,
    )
    return Served(agent=agent, name="scripted", **changes)


def service(
    engine: type[ScriptedEngine] = ScriptedEngine,
    *,
    token: str | None = None,
    limits: Limits | None = None,
    **changes: Any,
) -> Service:
    return Service(served(engine, **changes), limits or Limits(), token)


@asynccontextmanager
async def visited(service: Service) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a service that runs."""
    transport = httpx.ASGITransport(service.app)
    async with (
        service.running(),
        httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", timeout=60, trust_env=False
        ) as client,
    ):
        yield client


Ask = Callable[[httpx.AsyncClient], Awaitable[T]]


def asking(service: Service, ask: Ask[T]) -> T:
    """What comes of ``ask`` with a client of the service."""

    async def main() -> T:
        async with visited(service) as client:
            return await ask(client)

    return asyncio.run(main())


def posted(service: Service, path: str, body: Any, **options: Any) -> httpx.Response:
    """One request to a service."""

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, json=body, **options)

    return asking(service, ask)


async def until(condition: Callable[[], bool]) -> None:
    """Let the others on the loop go on until something holds; a test that hangs is stopped."""
    for _ in range(1_000_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")
