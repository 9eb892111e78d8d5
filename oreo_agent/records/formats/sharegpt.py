"""ShareGPT conversations, as ETO and AgentGym write them.

Read from ETO's README and code (github.com/Yifan-Song793/ETO, October 2024)::

    {"id": ..., "conversations": [{"from": "human", "value": ...}, {"from": "gpt", ...}]}
    the same with "game_file" and "reward" (its demonstrations)
    {"meta": {"reward": ..., "error": game file, "terminate_reason": ...}, "conversations": ...}

The last is what ETO's evaluation writes, one file an episode; there the game's path stands under
``error``. Rows may also use ``role`` and ``content``, and ``messages`` for ``conversations``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from oreo_agent.records.formats.conversation import (
    Conversation,
    end_of,
    mapping,
    name_of,
    outcome,
    overlaid,
    pick,
)
from oreo_agent.records.formats.messages import dialogue, messages

OUTCOMES = ("reward", "success", "won", "label", "score")


class ShareGPT:
    """Conversations of ``human`` and ``gpt``."""

    def read(self, row: Any, unsaid: float | None = None) -> list[Conversation]:
        """The one conversation of a row."""
        told = mapping(row)
        meta = mapping(told.get("meta") or {})
        both = overlaid(meta, told)
        said = dialogue(pick(told, ("conversations", "messages")), canned=True)
        reward = outcome(both, OUTCOMES, unsaid)
        limit = both.get("terminate_reason") == "max_steps"
        return [
            Conversation(
                turns=said.turns,
                reward=reward,
                end=end_of(reward, told.get("end"), limit=limit),
                instruction=said.instruction,
                last=said.last,
                instance=_instance(told, meta),
                task_type=name_of(told.get("task_type")),
                player=name_of(told.get("model")),
            )
        ]

    def write(self, conversation: Conversation) -> Iterator[dict[str, Any]]:
        """One row."""
        names = {"user": "human", "assistant": "gpt", "system": "system"}
        yield {
            "id": conversation.instance,
            "conversations": [
                {"from": names[one["role"]], "value": one["content"]}
                for one in messages(conversation)
            ],
            "reward": conversation.reward,
            "end": conversation.end,
            "task_type": conversation.task_type,
            "model": conversation.player,
        }


def _instance(told: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    """The game's "task folder/trial folder" where a path to it is told, else the row's id."""
    for path in (told.get("game_file"), meta.get("game_file"), meta.get("error")):
        if isinstance(path, str) and (name := instance_of_path(path)):
            return name
    return name_of(pick(told, ("instance", "id", "item_id")))


def instance_of_path(path: str) -> str:
    """The last two folders of a path to a game file; ``""`` if it is none."""
    parts = path.replace("\\", "/").rstrip("/").split("/")
    if parts[-1].endswith((".tw-pddl", ".json")):
        parts.pop()
    return "/".join(parts[-2:]) if len(parts) >= 2 and parts[-1].startswith("trial_") else ""
