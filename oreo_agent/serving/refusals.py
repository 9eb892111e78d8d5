"""What a client is told when it gets no answer: a status and one object, as OpenAI's servers do."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from oreo_agent.errors import OreoError

_KINDS = {
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "overloaded_error",
    504: "timeout_error",
}
GONE = 499
"""What is counted for a client that went away; nobody reads it."""


class Refusal(Exception):
    """A request that is not answered, and why; the message ends with the remedy."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The refusal as it is sent."""
        told: dict[str, Any] = {
            "message": str(self),
            "type": _KINDS.get(self.status, "invalid_request_error"),
            "param": self.param,
            "code": self.code,
        }
        return json_response({"error": told}, self.status, self.headers)


def json_response(
    data: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Plain data as JSON; a figure that is not a number becomes null."""
    body = msgspec.json.encode(data)
    return Response(body, status, dict(headers or {}), media_type="application/json")


def refusal_of(error: Exception) -> Refusal:
    """What to tell of an error: whole sentences of ours, and nothing of anybody else's."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, OreoError):
        return Refusal(422, str(error))
    return Refusal(
        500, "the agent failed at this request; the server goes on, and its log says how"
    )
