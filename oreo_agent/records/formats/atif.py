"""ATIF, the Agent Trajectory Interchange Format of Harbor (its RFC 0001), one object a trajectory.

Written as version 1.8 and read from 1.0 on, by the models of the package ``atif`` 1.8.0::

    {"schema_version": "ATIF-v1.8", "agent": {"name", "version"}, "steps": [
        {"step_id": 1, "source": "system" | "user" | "agent", "message": text,
         "tool_calls": [...], "observation": {"results": [{"content": text}]}}]}

The format has no field for an outcome: it stands in ``extra`` (``reward``) of the trajectory, or of
its final metrics. A command stands in the step's ``extra`` too; ids, log-probabilities and V of an
episode of ours stand where the format has a place for them (``metrics``), or in ``extra``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from oreo_agent.records.formats.conversation import (
    Conversation,
    Unreadable,
    end_of,
    mapping,
    name_of,
    outcome,
    pick,
)
from oreo_agent.records.formats.messages import called, content, dialogue

VERSION = "ATIF-v1.8"
_VERSIONS = re.compile(r"ATIF-v1\.\d+\Z")
OUTCOMES = ("reward", "score", "success", "won", "label")


class Atif:
    """Trajectories of one agent; those of its subagents are not read."""

    def read(self, row: Any) -> list[Conversation]:
        """The one conversation of a trajectory."""
        told = mapping(row)
        version = told.get("schema_version")
        if not isinstance(version, str) or not _VERSIONS.match(version):
            raise Unreadable(f"its schema_version is {version!r}; read are ATIF-v1.x")
        if not isinstance(told.get("steps"), Sequence):
            raise Unreadable("its steps are no list")
        extra = mapping(told.get("extra") or {})
        final = mapping(mapping(told.get("final_metrics") or {}).get("extra") or {})
        reward = outcome({**final, **extra}, OUTCOMES)
        agent = mapping(told.get("agent") or {})
        said = dialogue([one for step in told["steps"] for one in _messages(mapping(step))])
        return [
            Conversation(
                turns=said.turns,
                reward=reward,
                end=end_of(reward, extra.get("end")),
                instruction=said.instruction,
                last=said.last,
                instance=name_of(pick(extra, ("instance", "task_name", "task_id"))),
                task_type=name_of(extra.get("task_type")),
                player=name_of(pick(agent, ("model_name", "name"))),
            )
        ]

    def write(self, conversation: Conversation) -> Iterator[dict[str, Any]]:
        """One trajectory; the first observation is the user's step."""
        steps: list[dict[str, Any]] = []
        if conversation.instruction:
            steps.append({"source": "system", "message": conversation.instruction})
        steps.append({"source": "user", "message": conversation.turns[0].seen})
        answers = [*(turn.seen for turn in conversation.turns[1:]), conversation.last]
        for turn, answer in zip(conversation.turns, answers, strict=True):
            step: dict[str, Any] = {"source": "agent", "message": turn.reply}
            if turn.command is not None:
                step["extra"] = {"command": turn.command}
            if answer or turn is not conversation.turns[-1]:
                step["observation"] = {"results": [{"content": answer}]}
            steps.append(step)
        yield {
            "schema_version": VERSION,
            "session_id": conversation.digest(),
            "agent": {"name": conversation.player or "unknown", "version": "unknown"},
            "steps": [{"step_id": i, **step} for i, step in enumerate(steps, 1)],
            "final_metrics": {"total_steps": len(steps)},
            "extra": {
                "reward": conversation.reward,
                "end": conversation.end,
                "instance": conversation.instance,
                "task_type": conversation.task_type,
            },
        }


def _messages(step: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A step's own message, then what was observed; copied context is told once, where it was."""
    source = step.get("source")
    if source not in ("system", "user", "agent"):
        raise Unreadable(f"a step is from {source!r}; known: system, user, agent")
    text = content(step.get("message"), "message")
    if source != "agent":
        yield {"role": source, "content": text}
    else:
        calls = [called(call) for call in cast(Sequence[Any], step.get("tool_calls") or ())]
        thought = content(step.get("reasoning_content"), "reasoning")
        parts = [thought, text, *(f"Action: {call}" for call in calls)]
        yield {"role": "assistant", "content": "\n".join(part for part in parts if part)}
    if step.get("observation") is not None:
        results = mapping(step["observation"]).get("results") or ()
        texts = [content(mapping(one).get("content"), "observation") for one in results]
        yield {"role": "user", "content": "\n".join(text for text in texts)}
