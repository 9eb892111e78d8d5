"""Messages with roles, in the spellings that are about, to turns and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from oreo_agent.records.formats.conversation import (
    Conversation,
    Exchange,
    Unreadable,
    mapping,
    pick,
    text_of,
)

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "tool": "user",
    "function": "user",
    "function_response": "user",
    "observation": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "agent": "assistant",
    "function_call": "assistant",
}
OBSERVATION = "Observation: "
_YES = {"ok", "ok.", "okay", "okay."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """Messages, taken apart."""

    instruction: str
    turns: tuple[Exchange, ...]
    last: str


@dataclass(frozen=True, slots=True)
class Said:
    """One message."""

    role: str
    text: str
    command: str | None = None


def dialogue(given: Any, *, canned: bool = False) -> Dialogue:
    """Turns of a list of messages, each ``{role, content}`` or ``{from, value}``; see `turns_of`.

    Raises:
        Unreadable: they are no dialogue.
    """
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise Unreadable("its messages are no list")
    return turns_of([message(one) for one in cast(Sequence[Any], given)], canned=canned)


def turns_of(said: Sequence[Said], *, canned: bool = False) -> Dialogue:
    """Messages as turns; those of one side that follow each other are one, on lines of their own.

    Args:
        said: the messages.
        canned: a first user's message that was answered with "OK" is the instruction, and what all
            later observations begin with ("Observation: ") is no part of them, as in ETO's files.

    Raises:
        Unreadable: they are no dialogue.
    """
    first = next((at for at, one in enumerate(said) if one.role != "system"), len(said))
    instruction = [one.text for one in said[:first]]
    said = said[first:]
    if any(one.role == "system" for one in said):
        raise Unreadable("a system message stands among the turns")
    said = _joined(said)
    if canned and _is_canned(said):
        instruction.append(said[0].text)
        said = said[2:]
    if said and said[0].role == "assistant":
        raise Unreadable("it begins with a reply, before which the world said nothing")
    seen = [one.text for one in said[::2]]
    replies = said[1::2]
    if canned and len(seen) > 1 and all(text.startswith(OBSERVATION) for text in seen[1:]):
        seen = [seen[0], *(text.removeprefix(OBSERVATION) for text in seen[1:])]
    return Dialogue(
        instruction="\n\n".join(instruction),
        turns=tuple(
            Exchange(seen=text, reply=reply.text, command=reply.command)
            for text, reply in zip(seen, replies, strict=False)
        ),
        last=seen[-1] if len(seen) > len(replies) else "",
    )


def message(given: Any) -> Said:
    """One message; thoughts and calls of tools are part of a reply's text.

    Raises:
        Unreadable: it has no role or no text.
    """
    told = mapping(given)
    spelt = pick(told, ("role", "from"))
    role = ROLES.get(spelt) if isinstance(spelt, str) else None
    if role is None:
        raise Unreadable(f"a message is from {spelt!r}; known: {', '.join(ROLES)}")
    parts = [content(pick(told, ("content", "value")), "message")]
    command = None
    if role == "assistant":
        parts.insert(0, content(told.get("reasoning_content"), "reasoning"))
        calls = told.get("tool_calls") or ()
        spoken = [called(call) for call in cast(Sequence[Any], calls)]
        parts += [f"Action: {call}" for call in spoken]
        command = spoken[0] if len(spoken) == 1 else None
    text = "\n".join(part for part in parts if part)
    return Said(role, text, command)


def content(told: Any, what: str) -> str:
    """A message's text: a string, a list of parts of type text, or null.

    Raises:
        Unreadable: it holds something else, a picture for instance.
    """
    if told is None:
        return ""
    if not isinstance(told, list):
        return text_of(told, what)
    texts: list[str] = []
    for part in cast(list[Any], told):
        inner = mapping(part)
        if inner.get("type") != "text":
            raise Unreadable(
                f"a {what} has a part of type {inner.get('type')!r}; only text is read"
            )
        texts.append(text_of(inner.get("text"), what))
    return "\n".join(texts)


def called(call: Any) -> str:
    """A call of a tool as a command: its one text argument, else ``name(arguments)``."""
    told = mapping(call)
    inner = mapping(told.get("function") or told)
    name = text_of(inner.get("name") or inner.get("function_name"), "tool call's name")
    given: Any = inner.get("arguments")
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            return f"{name}({given})"
    if isinstance(given, Mapping):
        values = list(cast(Mapping[str, Any], given).values())
        if len(values) == 1 and isinstance(values[0], str):
            return values[0]
    return f"{name}({json.dumps(given, ensure_ascii=False)})"


def messages(conversation: Conversation, *, ended: bool = True) -> list[dict[str, str]]:
    """The conversation as messages with ``role`` and ``content``; `dialogue` is the inverse.

    Args:
        conversation: to tell.
        ended: whether the world's last word is told too.
    """
    told: list[dict[str, str]] = []
    if conversation.instruction:
        told.append({"role": "system", "content": conversation.instruction})
    for turn in conversation.turns:
        told.append({"role": "user", "content": turn.seen})
        told.append({"role": "assistant", "content": turn.reply})
    if ended and conversation.last:
        told.append({"role": "user", "content": conversation.last})
    return told


def _joined(said: Sequence[Said]) -> list[Said]:
    joined: list[Said] = []
    for one in said:
        if joined and joined[-1].role == one.role:
            before = joined.pop()
            one = Said(one.role, f"{before.text}\n{one.text}", one.command)
        joined.append(one)
    return joined


def _is_canned(said: Sequence[Said]) -> bool:
    return len(said) > 2 and said[1].text.strip().lower() in _YES and said[0].role == "user"
