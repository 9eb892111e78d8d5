"""A server of OpenEnv with one small world, for the tests. Needs the package ``openenv``.

``python openenv_server.py [SESSIONS]`` prints its port when it takes connections, and ends when
its standard input is closed.
"""

import os
import socket
import sys
import threading
from random import Random
from typing import Any

import uvicorn
from openenv.core.env_server import Environment, create_fastapi_app
from openenv.core.env_server.types import Action, Observation, State
from pydantic import Field

COLOURS = ["blue", "green", "red", "white"]


class Say(Action):
    """What to do."""

    command: str = Field(max_length=200)


class Seen(Observation):
    """What is to be seen."""

    text: str
    legal_actions: list[str]


class Door(Environment[Say, Seen, State]):
    """A coloured door; the key of its colour opens it. Looking pays a little."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def reset(self, seed: int | None = None, episode_id: str | None = None, **_: Any) -> Seen:
        self._colour = Random(seed).choice(COLOURS)
        return self._seen(f"You stand before a {self._colour} door.")

    def step(self, action: Say, timeout_s: float | None = None, **_: Any) -> Seen:
        if action.command == "break":
            raise ValueError("it broke")
        if action.command == "look":
            return self._seen(f"The door is {self._colour}.", reward=0.1)
        if action.command not in COLOURS:
            return self._seen("There is no such key.")
        won = action.command == self._colour
        told = "The door opens." if won else "The key breaks."
        return self._seen(told, reward=float(won), done=True)

    def _seen(self, text: str, **told: Any) -> Seen:
        return Seen(text=text, legal_actions=["look", *COLOURS], **told)

    @property
    def state(self) -> State:
        return State()


class Announced(uvicorn.Server):
    """Says where it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets
        print(sockets[0].getsockname()[1], flush=True)


def main() -> None:
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    app = create_fastapi_app(Door, Say, Seen, max_concurrent_envs=sessions)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    Announced(uvicorn.Config(app, log_level="error")).run(sockets=[listening])


if __name__ == "__main__":
    main()
