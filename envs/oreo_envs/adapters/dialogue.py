"""A conversation that an environment of verifiers leads, and in which somebody else replies."""

import asyncio
from collections.abc import Sequence
from typing import Any

from oreo_envs.faults import Refusal


class Dialogue:
    """What verifiers calls an interaction, without a harness: one reply to each turn.

    The side of verifiers awaits `turn`; the other side reads `asked` once `asking` is set, and
    then calls `reply`. The messages become the trace that the rewards read.
    """

    def __init__(self, vf: Any, shared: str) -> None:
        """Begin with nothing said.

        Args:
            vf: the module ``verifiers.v1``.
            shared: the system prompt that is told elsewhere, and not in `asked`.
        """
        self._vf = vf
        self._shared = shared
        self.asking = asyncio.Event()
        """Set while a reply is awaited."""
        self.asked = ""
        """What has been said since the last reply."""
        self.traces: list[Any] = []
        """Of each conversation of the episode; one, as a rule."""
        self._messages: list[Any] = []
        self._unread: list[Any] = []
        self._answer: asyncio.Future[str] | None = None
        self._over = False

    @property
    def trace(self) -> Any:
        """Of the conversation that goes on, or went on last."""
        return self.traces[-1]

    def told(self, task: Any) -> Any:
        """A task as traces and episodes record it."""
        return self._vf.TraceTask(
            type=type(task).__name__, data=task.data, key=task.key, hash=task.hash
        )

    async def begin(self, task: Any) -> None:
        """Open a conversation about a task."""
        vf = self._vf
        self._task = task
        self._over = False
        self.traces.append(
            vf.Trace(
                task=self.told(task),
                state=vf.state.state_cls(type(task))(),
                agent=vf.AgentInfo(config=vf.AgentConfig()),
            )
        )
        system, prompt = task.data.system_prompt, task.data.prompt
        self._messages = [vf.SystemMessage(content=system)] if system else []
        if isinstance(prompt, str):
            self._messages.append(vf.UserMessage(content=prompt))
        else:
            self._messages.extend(prompt or [])
        self._unread = [
            message
            for message in self._messages
            if not (message.role == "system" and message.content == self._shared)
        ]
        await task.setup(self.trace, None)

    async def turn(self, message: Any = None) -> Any:
        """Say something, and await the reply.

        Args:
            message: a text or messages; None where the task's own prompt asks.

        Returns:
            A segment of verifiers; a terminated one once a stop of the task's has been met.
        """
        vf = self._vf
        if self._over:
            return vf.Segment(messages=[], terminated=True)
        said = [vf.UserMessage(content=message)] if isinstance(message, str) else message or []
        self._messages.extend(said)
        self._unread.extend(said)
        reply = vf.AssistantMessage(content=await self._replied())
        prepared = vf.graph.prepare_turn(self.trace, list(self._messages))
        prepared.commit(
            vf.Response(
                id=f"reply-{self.trace.num_turns}",
                created=0,
                model="policy",
                message=reply,
                finish_reason="stop",
            )
        )
        self._messages.append(reply)
        for stop in self._task.hooks("stop"):
            if await vf.session.call_hook(stop, {vf.Trace: self.trace, "trace": self.trace}):
                self.trace.stop(stop.__name__)
                self._over = True
        return vf.Segment(messages=[reply])

    async def end(self) -> None:
        """Close the conversation, and let the task judge it."""
        self.trace.is_completed = self.trace.ok = True
        await self._task.finalize(self.trace, None)
        await self._task.score(self.trace)

    def reply(self, text: str) -> None:
        """Answer what was asked."""
        assert self._answer is not None
        self.asking.clear()
        self._answer.set_result(text)

    async def _replied(self) -> str:
        self.asked = _text(self._unread)
        self._unread = []
        self._answer = asyncio.get_running_loop().create_future()
        self.asking.set()
        return await self._answer


def _text(messages: Sequence[Any]) -> str:
    """Messages as one text; where one of them is a reply, each says who speaks.

    Raises:
        ValueError: there is a picture among them.
    """
    named = any(message.role == "assistant" for message in messages)
    texts: list[str] = []
    for message in messages:
        content = message.content or ""
        if not isinstance(content, str):
            if any(part.type != "text" for part in content):
                raise Refusal("a message holds a picture, and only texts are supported")
            content = "\n".join(part.text for part in content)
        texts.append(f"{message.role}: {content}" if named else content)
    return "\n\n".join(texts)
