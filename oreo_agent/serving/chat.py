"""OpenAI's chat completions, whose answers are chosen by best-of-K."""

import time
import uuid
from typing import Any

import msgspec

from oreo_agent.agent.strategies import Candidate, Decision
from oreo_agent.model.chat import ChatPrompt
from oreo_agent.serving.limits import Limits
from oreo_agent.serving.mind import Answer
from oreo_agent.serving.past import Past
from oreo_agent.serving.refusals import Refusal
from oreo_agent.serving.served import Plan, Served
from oreo_agent.serving.telling import reasons
from oreo_agent.serving.wire import ChatBody, Turn, Wish, check_commands, within

ASK_NOTHING = {"top_p": 1, "frequency_penalty": 0, "presence_penalty": 0, "stop": []}
"""Fields that would change how replies are drawn, and the value with which they do not."""


def past_of(body: ChatBody, limits: Limits) -> Past:
    """The messages as a history: what users say are observations, what assistants say replies.

    A system message takes the place of the agent's own instruction.

    Raises:
        Refusal: 400, the messages are too many or too long, or a system message is not the first.
    """
    within(len(body.messages), limits.turns, "messages", "messages")
    instruction: str | None = None
    turns: list[Turn] = []
    for i, message in enumerate(body.messages):
        text = message.text
        within(len(text), limits.text, f"messages[{i}]", "characters in a message")
        if message.role in ("system", "developer"):
            if i > 0:
                raise Refusal(
                    400, "messages: one system message is read, as the first", param="messages"
                )
            instruction = text
        elif message.role == "user":
            turns.append(Turn(observation=text))
        else:
            turns.append(Turn(text=text))
    check_commands(body.oreo.admissible, limits.admissible, limits, "oreo.admissible")
    return Past(
        turns=tuple(turns),
        admissible=body.oreo.admissible,
        seed=body.seed or 0,
        instruction=instruction,
    )


def wish_of(body: ChatBody, longest: int) -> Wish:
    """How the answer is to be chosen; ``max_tokens`` is a bound, and ``longest`` another.

    Raises:
        Refusal: 400, something is asked for that is not done.
    """
    if body.n not in (None, 1):
        raise Refusal(
            400, "n: one answer is told; the other candidates are in its `oreo`", param="n"
        )
    if body.logprobs:
        raise Refusal(400, "logprobs: each candidate's is in the answer's `oreo`; leave it out")
    for name, nothing in ASK_NOTHING.items():
        if getattr(body, name) not in (None, nothing):
            raise Refusal(
                400, f"{name}: replies are drawn by temperature alone; leave it out", param=name
            )
    asked = [body.max_tokens, body.max_completion_tokens, body.oreo.max_tokens]
    bounds = [bound for bound in asked if bound is not None]
    wish = body.oreo
    return Wish(
        strategy=wish.strategy,
        k=wish.k,
        temperature=wish.temperature if body.temperature is None else body.temperature,
        score=wish.score,
        weight=wish.weight,
        only_admissible=wish.only_admissible,
        max_tokens=min(*bounds, longest) if bounds else None,
    )


def completion(answer: Answer, plan: Plan, served: Served, seed: int) -> dict[str, Any]:
    """The finished answer; ``oreo`` holds every candidate."""
    told = answer.told
    assert isinstance(told, Decision)
    choice, count = told.choice, len(told.choice.ids)
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": served.name,
        "system_fingerprint": served.agent.fingerprint,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content(choice, served)},
                "logprobs": None,
                "finish_reason": "stop" if choice.ended else "length",
            }
        ],
        "usage": {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": count,
            "total_tokens": answer.prompt_tokens + count,
        },
        "oreo": reasons(told, plan, seed),
    }


def content(choice: Candidate, served: Served) -> str:
    """A reply as a message: its words where the agent speaks in words, else its command."""
    if isinstance(served.agent.prompt, ChatPrompt) or served.agent.prompt.steps is not None:
        return choice.text
    return choice.command or choice.text


def streamed(whole: dict[str, Any], *, usage: bool) -> bytes:
    """The finished answer as server-sent events: it is chosen among whole replies."""
    [choice] = whole["choices"]
    head = {key: whole[key] for key in ("id", "created", "model", "system_fingerprint")}
    head |= {"object": "chat.completion.chunk"}
    told: dict[str, Any] = {"usage": None} if usage else {}
    chunks: list[dict[str, Any]] = [
        head
        | told
        | {"choices": [{"index": 0, "delta": choice["message"], "finish_reason": None}]},
        head
        | told
        | {
            "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}],
            "oreo": whole["oreo"],
        },
    ]
    if usage:
        chunks.append(head | {"choices": [], "usage": whole["usage"]})
    events = [msgspec.json.encode(chunk) for chunk in chunks]
    return b"".join(b"data: " + event + b"\n\n" for event in [*events, b"[DONE]"])
