"""The door: who may come in, what is counted, and that nobody is shown a traceback."""

import hmac
import ipaddress
import logging
import time
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oreo_agent.serving.metrics import Metrics
from oreo_agent.serving.refusals import GONE, Refusal, refusal_of

HEALTH = "/healthz"
LOG = logging.getLogger("oreo_agent.serving")


class Guard:
    """Lets requests with the token through; without one, those that name this machine as host."""

    def __init__(
        self, app: ASGIApp, *, token: str | None, metrics: Metrics, endpoints: Collection[str]
    ) -> None:
        """Stand before ``app``.

        Args:
            app: what answers.
            token: that every request but those for health must bear; None asks for none.
            metrics: count every request.
            endpoints: paths that are counted by name.
        """
        self._app, self._metrics, self._endpoints = app, metrics, endpoints
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; or the start and stop of the server, which pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), GONE

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            self._admit(scope)
            await self._app(scope, receive, noting)
        except Exception as error:
            if not isinstance(error, Refusal):
                LOG.error("a request failed", exc_info=error)
            if status == GONE:
                await refusal_of(error).response()(scope, receive, noting)
        finally:
            path = scope["path"]
            name = path if path in self._endpoints else "other"
            self._metrics.request(name, status, time.perf_counter() - began)

    def _admit(self, scope: Scope) -> None:
        """Refuse who may not come in.

        Without a token a page in a browser on this machine could ask under a name of its own that
        leads here; its requests name that host.
        """
        if scope["path"] == HEALTH:
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if self._token is None:
            if not _is_here(headers.get(b"host", b"")):
                raise Refusal(
                    421, "this server answers to localhost alone; a token would let others in"
                )
            return
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        right = hmac.compare_digest(given.strip(), self._token)
        if kind.lower() != b"bearer" or not right:
            raise Refusal(
                401,
                "this server asks for its token; send it as `Authorization: Bearer TOKEN`",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )


def _is_here(host: bytes) -> bool:
    """Whether a Host header names this machine itself."""
    name = host.decode("latin-1").strip().lower()
    bare = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    return bare == "localhost" or is_loopback(bare)


def is_loopback(address: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
