"""Minari data sets of text worlds (minari.farama.org; read with and written by version 0.5.4).

A data set is a folder or a name in Minari's own folder. Its spaces have to be ``Text``; an episode
holds one observation more than it has actions, the last of them what ended it. Rewards of the steps
are summed; the sum has to be in [0, 1]. ``instance``, ``task_type``, ``end``, ``model`` and
``instruction`` are read from the first step's infos, where we write them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from oreo_agent.records.formats.conversation import (
    Conversation,
    Exchange,
    Unreadable,
    end_of,
    mapping,
    name_of,
    outcome,
)

NAMED = ("instance", "task_type", "model", "instruction", "end")


class Minari:
    """Rows are what `episodes` reads of a data set: plain lists."""

    def read(self, row: Any, unsaid: float | None = None) -> list[Conversation]:
        """The one conversation of an episode."""
        told = mapping(row)
        seen, actions = _texts(told, "observations"), _texts(told, "actions")
        if len(seen) not in (len(actions), len(actions) + 1):
            raise Unreadable(f"it has {len(seen)} observations and {len(actions)} actions")
        paid = {"rewards": _sum(told.get("rewards"))}
        reward = outcome(paid, ("rewards",), unsaid)
        truncated = any(told.get("truncations") or ()) and not any(told.get("terminations") or ())
        return [
            Conversation(
                turns=tuple(
                    Exchange(seen=text, reply=action, command=action)
                    for text, action in zip(seen, actions, strict=False)
                ),
                reward=reward,
                end=end_of(reward, told.get("end"), limit=truncated),
                instruction=name_of(told.get("instruction")),
                last=seen[-1] if len(seen) > len(actions) else "",
                instance=name_of(told.get("instance")),
                task_type=name_of(told.get("task_type")),
                player=name_of(told.get("model")),
            )
        ]

    def write(self, conversation: Conversation) -> Iterator[dict[str, Any]]:
        """One episode; an action is a command where there is one, else the whole reply."""
        turns = conversation.turns
        limit = conversation.end == "step_limit"
        yield {
            "observations": [*(turn.seen for turn in turns), conversation.last],
            "actions": [turn.reply if turn.command is None else turn.command for turn in turns],
            "rewards": [*(0.0 for _ in turns[1:]), conversation.reward],
            "terminations": [*(False for _ in turns[1:]), not limit],
            "truncations": [*(False for _ in turns[1:]), limit],
            "instance": conversation.instance,
            "task_type": conversation.task_type,
            "model": conversation.player,
            "instruction": conversation.instruction,
            "end": conversation.end,
        }


def _sum(rewards: Any) -> float | None:
    if rewards is None:
        return None
    try:
        return float(sum(rewards))
    except (TypeError, ValueError) as error:
        raise Unreadable(f"its rewards cannot be read: {error}") from error


def _texts(told: Any, what: str) -> list[str]:
    given = told.get(what)
    if not isinstance(given, Sequence) or not all(isinstance(one, str) for one in given):
        raise Unreadable(f"its {what} are not a list of texts")
    return list(given)
