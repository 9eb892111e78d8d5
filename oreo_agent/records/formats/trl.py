"""Rows as TRL has them (the data set types of its documentation, TRL 1.x).

::

    {"prompt", "completion", "label"}     unpaired preference: both text, or both lists of messages
    {"prompt", "chosen", "rejected"}      preference: two episodes, won and lost
    {"chosen", "rejected"}                the same with the prompt in both, messages alone
    {"messages", "reward"}                several turns; what `oreo_agent.OREOTrainer` also takes

Messages may be ETO's (``from`` and ``value``). A preference says which of two is better, not that
either was right: the chosen one is paid 1, the other 0.

TRL learns every token of a completion. So an episode of several turns is written as one row a
reply, with the history as its prompt: what the world said is never learned. Such a row carries
``episode``, ``turn`` and ``turns``, and is read back from its last one. A pair has one prompt, so
it holds whole episodes from the first reply on, as ETO's do, and TRL's DPO learns the observations
in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from oreo_agent.records.formats.conversation import (
    Conversation,
    Exchange,
    Unreadable,
    end_of,
    mapping,
    name_of,
    outcome,
    pick,
)
from oreo_agent.records.formats.messages import Dialogue, dialogue, messages

OUTCOMES = ("reward", "label", "score")


class Trl:
    """Unpaired and paired preference, and messages; written as unpaired preference."""

    def read(self, row: Any, unsaid: float | None = None) -> list[Conversation]:
        """One conversation, of a pair two, of a row that a later one repeats none."""
        told = mapping(row)
        if pick(told, ("chosen", "rejected")) is not None:
            prompt = told.get("prompt") or ()
            return [
                _conversation(told, _said(prompt, told.get(side)), reward)
                for side, reward in (("chosen", 1.0), ("rejected", 0.0))
            ]
        if told.get("messages") is not None:
            reward = outcome(told, OUTCOMES, unsaid)
            return [_conversation(told, dialogue(told["messages"]), reward)]
        turn, turns = told.get("turn"), told.get("turns")
        if isinstance(turn, int) and isinstance(turns, int) and turn + 1 < turns:
            return []
        said = _said(told.get("prompt"), told.get("completion"))
        return [_conversation(told, said, outcome(told, OUTCOMES, unsaid))]

    def write(self, conversation: Conversation) -> Iterator[dict[str, Any]]:
        """One row a reply."""
        told = messages(conversation, ended=False)
        places = [i for i, one in enumerate(told) if one["role"] == "assistant"]
        for turn, place in enumerate(places):
            yield {
                "prompt": told[:place],
                "completion": [told[place]],
                "label": conversation.reward > 0.5,
                "reward": conversation.reward,
                "turn": turn,
                "turns": len(places),
                **named(conversation),
            }


def as_messages(conversation: Conversation) -> dict[str, Any]:
    """One row of all turns."""
    told = messages(conversation)
    return {"messages": told, "reward": conversation.reward, **named(conversation)}


def as_pair(better: Conversation, worse: Conversation) -> dict[str, Any]:
    """One row of two conversations that begin alike."""
    told = [messages(each, ended=False) for each in (better, worse)]
    first = next(i for i, one in enumerate(told[0]) if one["role"] == "assistant")
    return {
        "prompt": told[0][:first],
        "chosen": told[0][first:],
        "rejected": told[1][first:],
        "instance": better.instance,
        "task_type": better.task_type,
    }


def named(conversation: Conversation) -> dict[str, Any]:
    """Columns that TRL leaves alone."""
    return {
        "episode": conversation.digest(),
        "instance": conversation.instance,
        "task_type": conversation.task_type,
        "end": conversation.end,
        "model": conversation.player,
    }


def _said(prompt: Any, completion: Any) -> Dialogue:
    if isinstance(prompt, str) and isinstance(completion, str):
        turns = (Exchange(seen=prompt, reply=completion),)
        return Dialogue(instruction="", turns=turns, last="")
    if _is_list(prompt) and _is_list(completion):
        return dialogue([*prompt, *completion])
    raise Unreadable("its prompt and completion are neither both text nor both lists of messages")


def _is_list(told: Any) -> bool:
    return isinstance(told, Sequence) and not isinstance(cast(Any, told), str | bytes)


def _conversation(told: Mapping[str, Any], said: Dialogue, reward: float) -> Conversation:
    return Conversation(
        turns=said.turns,
        reward=reward,
        end=end_of(reward, told.get("end")),
        instruction=said.instruction,
        last=said.last,
        instance=name_of(pick(told, ("instance", "id"))),
        task_type=name_of(told.get("task_type")),
        player=name_of(told.get("model")),
    )
