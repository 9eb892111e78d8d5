"""What clients send, as types: a body that does not fit is refused where it does not."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from oreo_agent.serving.limits import Limits
from oreo_agent.serving.refusals import Refusal

T = TypeVar("T")

Natural = Annotated[int, Meta(ge=1)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Temperature = Annotated[float, Meta(ge=0, le=100)]
Weight = Annotated[float, Meta(ge=-1e6, le=1e6)]


class Turn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of four: what the world said; or a reply, by its command, its words or its tokens."""

    observation: str | None = None
    said: str | None = None
    text: str | None = None
    ids: tuple[Annotated[int, Meta(ge=0)], ...] | None = None
    """Tokens of a reply as a decision told them, its end token included."""

    @property
    def is_reply(self) -> bool:
        """Whether the agent said it."""
        return self.observation is None


class Wish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a decision is to be taken; what is left out is the server's own."""

    strategy: str | None = None
    k: Natural | None = None
    temperature: Temperature | None = None
    score: str | None = None
    weight: Weight | None = None
    only_admissible: bool = False
    max_tokens: Natural | None = None


class DecideBody(Wish, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of ``POST /v1/decide``."""

    turns: tuple[Turn, ...]
    admissible: tuple[str, ...] | None = None
    seed: Seed = 0
    model: str | None = None


class ValuesBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of ``POST /v1/values``."""

    turns: tuple[Turn, ...]
    commands: tuple[str, ...]
    admissible: tuple[str, ...] | None = None
    model: str | None = None


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of a message; only text is read."""

    type: Literal["text"]
    text: str


class Message(Struct, frozen=True):
    """A message of a chat. Fields beside these (``name``, ``refusal``) say nothing to an agent."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | tuple[Part, ...]

    @property
    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class Extension(Wish, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The field ``oreo`` of a chat request: what OpenAI's interface has no words for."""

    admissible: tuple[str, ...] | None = None


class StreamOptions(Struct, frozen=True):
    """Of a streamed answer."""

    include_usage: bool = False


class ChatBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of ``POST /v1/chat/completions``.

    What would change the answer and is not done here is taken with the value that asks for nothing
    alone.
    """

    messages: tuple[Message, ...]
    model: str | None = None
    temperature: Temperature | None = None
    seed: Seed | None = None
    max_tokens: Natural | None = None
    max_completion_tokens: Natural | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    oreo: Extension = Extension()
    n: Natural | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logprobs: bool | None = None
    stop: str | list[str] | None = None
    response_format: dict[Literal["type"], Literal["text"]] | None = None
    user: str | None = None
    metadata: Any = None
    store: Any = None
    safety_identifier: Any = None
    prompt_cache_key: Any = None
    service_tier: Any = None


def parse(body: bytes, kind: type[T]) -> T:
    """The body as ``kind``.

    Raises:
        Refusal: 400; it is no JSON, or does not fit.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Refusal(400, f"the body does not fit: {error}", param=_place(error)) from error
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is no JSON that is read here: {error}") from error


def check(body: DecideBody | ValuesBody, limits: Limits) -> None:
    """Refuse a history that is too long, or a turn that is not one thing.

    Raises:
        Refusal: 400, with the bound.
    """
    within(len(body.turns), limits.turns, "turns", "turns")
    for i, turn in enumerate(body.turns):
        texts = [t for t in (turn.observation, turn.said, turn.text) if t is not None]
        if len(texts) + (turn.ids is not None) != 1:
            raise Refusal(
                400, f"turns[{i}]: give one of observation, said, text and ids", param="turns"
            )
        within(len(turn.ids or ()), limits.ids, f"turns[{i}]", "tokens in a reply")
        within(len(turn.said or ""), limits.command, f"turns[{i}]", "characters in a command")
        within(sum(map(len, texts)), limits.text, f"turns[{i}]", "characters in a turn")
    check_commands(body.admissible, limits.admissible, limits, "admissible")


def check_commands(commands: tuple[str, ...] | None, most: int, limits: Limits, name: str) -> None:
    """Refuse a list of commands that is too long, or holds too long ones.

    Raises:
        Refusal: 400, with the bound.
    """
    within(len(commands or ()), most, name, "commands")
    for command in commands or ():
        within(len(command), limits.command, name, "characters in a command")


def within(count: int, most: int, param: str, what: str) -> None:
    """Refuse ``count`` above ``most``.

    Raises:
        Refusal: 400.
    """
    if count > most:
        raise Refusal(400, f"{param}: {count} {what}; at most {most} are read here", param=param)


def _place(error: msgspec.ValidationError) -> str | None:
    """The field that a fault is in, as msgspec tells it: "... - at `$.turns[0].said`"."""
    _, found, place = str(error).rpartition(" - at `$")
    return place.rstrip("`").lstrip(".") or None if found else None
