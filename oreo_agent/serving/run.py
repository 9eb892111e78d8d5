"""The server with its socket: it listens, answers until it is told to stop, and stops in order."""

import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import uvicorn

from oreo_agent.errors import SettingError, Stopped
from oreo_agent.serving.app import Service
from oreo_agent.serving.guard import is_loopback
from oreo_agent.serving.limits import Limits
from oreo_agent.serving.served import Served

_BACKLOG = 2_048
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens, and for whom."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0 takes a free one."""
    token: str | None = field(default=None, repr=False)
    """That clients must show; only this machine may ask without one."""

    def __post_init__(self) -> None:
        if not 0 <= self.port < 1 << 16:
            raise SettingError(f"--port {self.port}: a port is in 0 to 65535")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise SettingError("the token has letters that no header can carry; take ASCII ones")
        if self.token is not None and (not self.token or " " in self.token):
            raise SettingError("the token is empty or has spaces in it; take another one")

    def bound(self) -> socket.socket:
        """A socket that is bound, and does not listen yet.

        Raises:
            SettingError: the address is not this machine's, the port is taken, or others could
                reach it without a token.
        """
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise SettingError(f"--host {self.host}: {error}; name an address of yours") from error
        family, kind, protocol, _, place = found[0]
        if self.token is None and not is_loopback(str(place[0])):
            raise SettingError(
                f"--host {self.host} can be reached by others, who would need no token; set "
                "OREO_AGENT_TOKEN (or --token), or leave --host out"
            )
        ears = socket.socket(family, kind, protocol)
        try:
            ears.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            ears.bind(place)
        except OSError as error:
            ears.close()
            raise SettingError(
                f"port {self.port} of {self.host} cannot be had ({error.strerror}); name another "
                "one with --port, of which 0 is any that is free"
            ) from error
        return ears


def serve(
    served: Callable[[], Served],
    address: Address,
    limits: Limits,
    listening: Callable[[str, Served], None],
) -> None:
    """Answer until Ctrl-C or SIGTERM; then finish what is being decided and refuse the rest.

    Args:
        served: loads what is served; called once the address is known to be free.
        address: where.
        limits: bounds on what is asked.
        listening: is told the URL as soon as it answers.

    Raises:
        OreoError: the address cannot be had, or the agent cannot be loaded.
        Stopped: Ctrl-C.
    """
    with address.bound() as ears:
        loaded = served()
        server = _Server(Service(loaded, limits, address.token))
        host, port = ears.getsockname()[:2]
        with server.heeding():
            ears.listen(_BACKLOG)
            listening(f"http://{f'[{host}]' if ':' in host else host}:{port}", loaded)
            server.run(sockets=[ears])
    if server.stopped_by == signal.SIGINT:
        raise Stopped("stopped", signal.SIGINT)


class _Server(uvicorn.Server):
    """Uvicorn's, whose line of waiting requests is closed as soon as it is told to stop."""

    def __init__(self, service: Service) -> None:
        limits = service.limits
        super().__init__(
            uvicorn.Config(
                service.app,
                lifespan="on",
                ws="none",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                limit_concurrency=2 * (limits.waiting + limits.together),
                timeout_graceful_shutdown=int(limits.seconds) + 1,
            )
        )
        self._service = service
        self.stopped_by = 0
        """The signal that came first."""

    @contextmanager
    def heeding(self) -> Generator[None]:
        """Heed signals also before uvicorn does, and after, when it raises them once more."""
        before = {number: signal.signal(number, self._noted) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Uvicorn's, for which a second Ctrl-C waits for nobody; and nothing more is begun."""
        super().handle_exit(sig, frame)
        self._noted(sig, frame)

    def _noted(self, number: int, frame: FrameType | None) -> None:
        self.stopped_by = self.stopped_by or number
        self.should_exit = True
        self._service.stop()
