"""ATIF, the Agent Trajectory Interchange Format of Harbor (its RFC 0001), one object a trajectory.

Written as version 1.8 and read from 1.0 on, by the models of the package ``atif`` 1.8.0::

    {"schema_version": "ATIF-v1.8", "agent": {"name", "version"}, "steps": [
        {"step_id": 1, "source": "system" | "user" | "agent", "message": text,
         "tool_calls": [...], "observation": {"results": [{"content": text}]}}]}

The format has no field for an outcome: it stands in ``extra`` (``reward``) of the trajectory, or of
its final metrics. What the world was given stands in the ``extra`` (``command``) of an agent's
step; without it a step's one call of a tool is the command.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from oreo_agent.records.formats.conversation import (
    Conversation,
    Unreadable,
    end_of,
    mapping,
    name_of,
    outcome,
    overlaid,
    pick,
    text_of,
)
from oreo_agent.records.formats.messages import Said, content, message, turns_of

VERSION = "ATIF-v1.8"
_VERSIONS = re.compile(r"ATIF-v1\.\d+\Z")
OUTCOMES = ("reward", "score", "success", "won", "label")


class Atif:
    """Trajectories of one agent; those of its subagents are not read."""

    def read(self, row: Any, unsaid: float | None = None) -> list[Conversation]:
        """The one conversation of a trajectory."""
        told = mapping(row)
        version = told.get("schema_version")
        if not isinstance(version, str) or not _VERSIONS.match(version):
            raise Unreadable(f"its schema_version is {version!r}; read are ATIF-v1.x")
        if not isinstance(told.get("steps"), Sequence):
            raise Unreadable("its steps are no list")
        extra = mapping(told.get("extra") or {})
        final = mapping(mapping(told.get("final_metrics") or {}).get("extra") or {})
        reward = outcome(overlaid(final, extra), OUTCOMES, unsaid)
        agent = mapping(told.get("agent") or {})
        said = turns_of([one for step in told["steps"] for one in _said(mapping(step))])
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


def _said(step: Mapping[str, Any]) -> Iterator[Said]:
    """A step's own message, then what was observed; ``extra`` may name the command."""
    source = step.get("source")
    if source not in ("system", "user", "agent"):
        raise Unreadable(f"a step is from {source!r}; known: system, user, agent")
    said = message({**step, "role": source, "content": step.get("message")})
    command = mapping(step.get("extra") or {}).get("command")
    if source == "agent" and command is not None:
        said = replace(said, command=text_of(command, "command"))
    yield said
    if step.get("observation") is not None:
        results = mapping(step["observation"]).get("results") or ()
        texts = [content(mapping(one).get("content"), "observation") for one in results]
        yield Said("user", "\n".join(texts))
