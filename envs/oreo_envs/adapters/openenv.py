"""Environments behind an OpenEnv server (github.com/meta-pytorch/OpenEnv, the package ``openenv``).

The server is asked once for the shape of its actions and observations (``/schema``), and is played
over a WebSocket (``/ws``), of which each environment here keeps one, its session. What speaks to
it is small and needs none of what a server needs, so the package itself may be elsewhere.
"""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any

import gymnasium

from oreo_envs.adapters import Settings, library, refuse_unknown, whole_reply
from oreo_envs.faults import in_one_line
from oreo_envs.prose import Prose
from oreo_envs.registration import STEP_LIMIT

INSTRUCTIONS = (
    "You act in an environment. Each message tells what you see; reply with one action and "
    "nothing else."
)
LISTS = (
    "admissible_commands",
    "legal_actions",
    "legal_moves",
    "valid_actions",
    "valid_moves",
    "available_actions",
    "available_moves",
)
"""Fields of an observation that list what can be done now."""
ASKED = 10.0
"""Seconds for the server to tell its schema or to take a connection."""
Schema = Mapping[str, Any]


def described(source: str, settings: Settings) -> dict[str, Any]:
    """What is registered of the server at ``source``.

    Raises:
        LookupError: there is no OpenEnv server, its actions are not of one field, or a setting is
            wrong.
    """
    refuse_unknown(
        f"openenv:{source}", settings, ("action", "observation", "success", "step_limit", "timeout")
    )
    given = dict(settings)
    limit = given.pop("step_limit", STEP_LIMIT)
    OpenEnv(source, **given)
    return {
        "entry_point": OpenEnv,
        "kwargs": {"url": source, **given},
        "step_limit": limit,
        "prompt": whole_reply(INSTRUCTIONS, max_reply_tokens=512),
    }


class OpenEnv(gymnasium.Env[str, str]):
    """A session of a server; the seed is sent with each reset, and the server may heed it or not.

    The reply is the one field of an action, a text or a whole number. An observation is its one
    field that is a text, or all of its fields line by line. What can be done is told if the
    observation has one of `LISTS`. An action that the server's own checks turn down is not
    ``valid``. The pay of the step that ends the episode decides whether it is won.
    """

    def __init__(
        self,
        url: str,
        action: str | None = None,
        observation: str | None = None,
        success: float = 1.0,
        timeout: float = 60.0,
    ) -> None:
        """Ask the server for its schema; a session begins with the first reset.

        Args:
            url: of the server, ``http://localhost:8000``.
            action: the field of an action that a reply goes into; None takes the only one.
            observation: the field that is shown; None takes the only text, else all fields.
            success: the pay from which an episode is won.
            timeout: seconds that the server may take to answer.

        Raises:
            LookupError: see `described`.
        """
        self.observation_space = self.action_space = Prose()
        self._url = url.rstrip("/")
        self._success = success
        self._timeout = timeout
        self._client = library("websockets.sync.client", "openenv")
        self._faults = library("websockets.exceptions", "openenv")
        schema = _schema(self._url)
        self._field, self._whole = field_of_action(schema["action"], action, self._url)
        self._shown = observation or only_text(schema["observation"])
        self._socket: Any = None
        self._session = ExitStack()
        self._commands: tuple[str, ...] = ()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin an episode.

        Raises:
            RuntimeError: the server cannot be reached, or it broke.
        """
        super().reset(seed=seed)
        if seed is None:
            seed = int(self.np_random.integers(2**31))
        told = self._asked("reset", {"seed": seed})
        if "errors" in told:
            raise RuntimeError(f"{self._url} turns a reset down: {told['errors']}")
        return self._seen(told["observation"]), self._info(won=False, valid=True)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Send an action.

        Raises:
            RuntimeError: the server cannot be reached, or it broke.
        """
        if self._whole and not re.fullmatch(r"[+-]?\d{1,18}", action.strip(), re.ASCII):
            return "Reply with a whole number.", 0.0, False, False, self._info(valid=False)
        value = int(action) if self._whole else action
        told = self._asked("step", {self._field: value})
        if "errors" in told:
            return told["errors"], 0.0, False, False, self._info(valid=False)
        over = bool(told.get("done"))
        won = over and float(told.get("reward") or 0) >= self._success
        observation = self._seen(told["observation"])
        return observation, float(won), over, False, self._info(won=won, valid=True)

    def close(self) -> None:
        """End the session."""
        self._socket = None
        self._session.close()

    def _asked(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """The server's answer; ``errors`` is in it if our data were turned down."""
        try:
            if self._socket is None:
                self._socket = self._connected()
            with suppress(self._faults.ConnectionClosed):  # it says why, and closes
                self._socket.send(json.dumps({"type": kind, "data": data}))
            answer = json.loads(self._socket.recv(timeout=self._timeout))
        except (OSError, ValueError, self._faults.WebSocketException) as error:
            self.close()
            raise RuntimeError(
                f"{self._url} does not answer: {in_one_line(error)}; see that the "
                "server is up, or give it more time with ?timeout=SECONDS"
            ) from error
        told: dict[str, Any] = answer.get("data") or {}
        if answer.get("type") != "error":
            return told
        code, message = told.get("code"), told.get("message")
        if code == "VALIDATION_ERROR":
            return {
                "errors": "; ".join(e.get("msg", "") for e in told.get("errors", ())) or message
            }
        self.close()
        more = (
            "let it hold more sessions (max_concurrent_envs), or play fewer episodes at a time "
            "(--live 1)"
            if code == "CAPACITY_REACHED"
            else "mend the server"
        )
        raise RuntimeError(f"{self._url} broke at {kind}: {message} ({code}); {more}")

    def _connected(self) -> Any:
        host = urllib.parse.urlsplit(self._url).hostname or ""
        here = host == "localhost" or host.startswith("127.") or host == "::1"
        return self._session.enter_context(
            self._client.connect(
                f"ws{self._url.removeprefix('http')}/ws",
                open_timeout=ASKED,
                max_size=None,
                **({"proxy": None} if here else {}),
            )
        )

    def _seen(self, observation: Mapping[str, Any]) -> str:
        """An observation as text; the commands that it lists are kept."""
        lists = [observation[name] for name in LISTS if isinstance(observation.get(name), list)]
        self._commands = tuple(dict.fromkeys(str(each) for each in lists[0])) if lists else ()
        if self._shown is not None:
            value = observation.get(self._shown)
            return value if isinstance(value, str) else json.dumps(value)
        return "\n".join(
            f"{name}: {value if isinstance(value, str) else json.dumps(value)}"
            for name, value in observation.items()
            if name != "metadata"
        )

    def _info(self, *, won: bool = False, valid: bool) -> dict[str, Any]:
        return {"admissible_commands": self._commands, "won": won, "valid": valid}


def field_of_action(schema: Schema, named: str | None, url: str) -> tuple[str, bool]:
    """The field of an action that a reply goes into, and whether it is a whole number.

    Args:
        schema: JSON schema of an action.
        named: the field, if it was named.
        url: of the server.

    Raises:
        LookupError: there is no such field, or not one alone.
    """
    fields = {name: f for name, f in schema.get("properties", {}).items() if name != "metadata"}
    needed = [name for name in schema.get("required", ()) if name in fields]
    plain = [name for name, f in fields.items() if f.get("type") in ("string", "integer")]
    for choice in ([named],) if named else (needed, plain):
        if len(choice) == 1 and choice[0] in plain and {*needed} <= {*choice}:
            return choice[0], fields[choice[0]]["type"] == "integer"
    told = ", ".join(f"{name} ({f.get('type', 'object')})" for name, f in fields.items())
    raise LookupError(
        f"an action of {url} is {told or 'of no field'}, and a reply can be one text or whole "
        "number; name the field with ?action=FIELD, or let the server take actions of one field "
        "(tool calls are not supported)"
    )


def only_text(schema: Schema) -> str | None:
    """The one field of an observation that is a text; None if there are several or none."""
    texts = [
        name
        for name, field in schema.get("properties", {}).items()
        if field.get("type") == "string"
    ]
    return texts[0] if len(texts) == 1 else None


def _schema(url: str) -> dict[str, Schema]:
    if not url.startswith(("http://", "https://")):
        raise LookupError(
            f"{url!r} is no address of an OpenEnv server; name it openenv:http://HOST:PORT"
        )
    try:
        with urllib.request.urlopen(f"{url}/schema", timeout=ASKED) as answer:
            schema = json.load(answer)
        return {"action": {**schema["action"]}, "observation": {**schema["observation"]}}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LookupError(
            f"there is no OpenEnv server at {url} ({in_one_line(error)}); start it, or "
            "mend the address"
        ) from error
