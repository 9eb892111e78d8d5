"""The server without its socket: an ASGI application over a loaded agent."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from oreo_agent.errors import OreoError
from oreo_agent.serving import chat, telling
from oreo_agent.serving.desk import Desk
from oreo_agent.serving.guard import HEALTH, Guard
from oreo_agent.serving.limits import Limits
from oreo_agent.serving.metrics import MEDIA_TYPE, Metrics
from oreo_agent.serving.mind import Job, Mind
from oreo_agent.serving.past import Past
from oreo_agent.serving.refusals import GONE, Refusal, json_response, refusal_of
from oreo_agent.serving.served import Served
from oreo_agent.serving.wire import ChatBody, DecideBody, ValuesBody, check, check_commands, parse

T = TypeVar("T")


class Service:
    """An agent that answers over HTTP."""

    def __init__(self, served: Served, limits: Limits, token: str | None = None) -> None:
        """Serve an agent that is loaded.

        Args:
            served: the agent.
            limits: bounds on what is asked.
            token: that clients must show; None lets everybody in who can reach the server.
        """
        self.served, self.limits = served, limits
        self.metrics = Metrics()
        self.mind = Mind(served.agent, sessions=limits.sessions)
        self.desk = Desk(self.mind, limits, self.metrics)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began = int(time.time())
        routes = [
            Route("/v1/decide", self._asked(self.decide, DecideBody), methods=["POST"]),
            Route("/v1/values", self._asked(self.values, ValuesBody), methods=["POST"]),
            Route("/v1/chat/completions", self._asked(self.chat, ChatBody), methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/v1/models/{name:path}", self.model),
            Route(HEALTH, self.health),
            Route("/metrics", self.numbers),
        ]
        self._paths = [route.path for route in routes]
        self._inner = Starlette(
            routes=routes,
            lifespan=lambda app: self.running(),
            exception_handlers={
                HTTPException: self._no_such,
                Refusal: _refused,
                OreoError: _refused,
                Exception: _refused,
            },
        )
        self.app: ASGIApp = Guard(
            self._inner, token=token, metrics=self.metrics, endpoints=self._paths
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """While requests are answered; at the end what is being decided is finished."""
        self._loop = asyncio.get_running_loop()
        work = asyncio.create_task(self.desk.run())
        try:
            yield
        finally:
            self._loop = None
            self.desk.close()
            await work

    def stop(self) -> None:
        """Begin nothing more; may be called from a signal handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.desk.close)

    async def decide(self, request: Request, body: DecideBody) -> Response:
        """What to say now, and everything that it was chosen from."""
        self._is_served(body.model)
        check(body, self.limits)
        plan = self.served.plan(body, most=self.limits.k)
        past = Past(turns=body.turns, admissible=body.admissible, seed=body.seed)
        job = Job(past=past, strategy=plan.strategy, settings=plan.settings)
        answer = await _unless_gone(request, self.desk.ask(job))
        return json_response(telling.decision(answer, plan, self.served, body.seed))

    async def values(self, request: Request, body: ValuesBody) -> Response:
        """V and the chance of success of commands that the client names."""
        self._is_served(body.model)
        check(body, self.limits)
        check_commands(body.commands, self.limits.commands, self.limits, "commands")
        if not self.served.agent.has_value:
            raise Refusal(
                422, "this agent has no value; serve one that was trained with --method oreo"
            )
        past = Past(turns=body.turns, admissible=body.admissible)
        job = Job(past=past, commands=body.commands)
        answer = await _unless_gone(request, self.desk.ask(job))
        return json_response(telling.judgement(answer, self.served))

    async def chat(self, request: Request, body: ChatBody) -> Response:
        """OpenAI's chat completions."""
        self._is_served(body.model)
        past = chat.past_of(body, self.limits)
        wish = chat.wish_of(body, self.served.agent.prompt.max_reply_tokens)
        plan = self.served.plan(wish, most=self.limits.k)
        job = Job(past=past, strategy=plan.strategy, settings=plan.settings)
        answer = await _unless_gone(request, self.desk.ask(job))
        whole = chat.completion(answer, plan, self.served, past.seed)
        if not body.stream:
            return json_response(whole)
        usage = body.stream_options is not None and body.stream_options.include_usage
        events = chat.streamed(whole, usage=usage)
        return Response(
            events, headers={"Cache-Control": "no-cache"}, media_type="text/event-stream"
        )

    async def models(self, request: Request) -> Response:
        """The one agent that is served."""
        return json_response({"object": "list", "data": [self._described()]})

    async def model(self, request: Request) -> Response:
        """The agent by its name."""
        self._is_served(request.path_params["name"])
        return json_response(self._described())

    async def health(self, request: Request) -> Response:
        """Whether requests are taken."""
        if not self.desk.open:
            raise Refusal(503, "the server stops", code="stopping")
        return json_response({"status": "ok"})

    async def numbers(self, request: Request) -> Response:
        """Metrics, for Prometheus."""
        encoded = getattr(self.served.agent.engine, "encoded", 0)
        gauges = {
            "queue_length": ("Requests that wait.", len(self.desk)),
            "sessions": ("Histories that the engine has read.", len(self.mind.sessions)),
            "encoded_tokens_total": ("Tokens that the networks have read.", encoded),
        }
        return Response(self.metrics.text(gauges), headers={"Content-Type": MEDIA_TYPE})

    def _described(self) -> dict[str, Any]:
        agent = self.served.agent
        return {
            "id": self.served.name,
            "object": "model",
            "created": self._began,
            "owned_by": "oreo-agent",
            "oreo": {
                "fingerprint": agent.fingerprint,
                "prompt": agent.prompt.name,
                "strategy": self.served.usual,
                "has_value": agent.has_value,
                "calibrated": agent.calibration is not None,
                "max_tokens": agent.prompt.max_reply_tokens,
                "max_k": self.limits.k,
            },
        }

    def _is_served(self, model: str | None) -> None:
        if model is not None and model != self.served.name:
            raise Refusal(
                404,
                f"no such model here; this server has {self.served.name!r}",
                code="model_not_found",
                param="model",
            )

    def _asked(
        self, answer: Callable[[Request, T], Coroutine[Any, Any, Response]], kind: type[T]
    ) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that reads a body of a kind and has it answered within the time."""

        async def endpoint(request: Request) -> Response:
            try:
                async with asyncio.timeout(self.limits.seconds):
                    return await answer(request, parse(await self._body(request), kind))
            except TimeoutError:
                late = f"no answer within {self.limits.seconds:g} s; try again, or ask for less"
                return Refusal(504, late, code="timeout").response()
            except ClientDisconnect:
                return Response(status_code=GONE)

        return endpoint

    async def _body(self, request: Request) -> bytes:
        """All of the body, if it is JSON and not too long.

        JSON by name: a page of another site cannot send that without asking first.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refusal(415, "send the body as JSON, with `Content-Type: application/json`")
        pieces, size = list[bytes](), 0
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and len(announced) < 20:
            size = int(announced)
        if size <= self.limits.body:
            size = 0
            async for piece in request.stream():
                pieces.append(piece)
                if (size := size + len(piece)) > self.limits.body:
                    break
        if size > self.limits.body:
            raise Refusal(
                413,
                f"the body has more than {self.limits.body} bytes; send less",
                headers={"Connection": "close"},
            )
        return b"".join(pieces)

    async def _no_such(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        there = ", ".join(path for path in self._paths if "{" not in path)
        told = {404: f"no such address; there are {there}", 405: "this address is not asked so"}
        message = told.get(error.status_code, str(error.detail))
        return Refusal(error.status_code, message, headers=error.headers).response()


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What comes of ``work``, which is given up if the client goes away.

    Raises:
        ClientDisconnect: it did.
    """
    done, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((done, gone), return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise ClientDisconnect
        return done.result()
    finally:
        done.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refused(request: Request, error: Exception) -> Response:
    return refusal_of(error).response()
