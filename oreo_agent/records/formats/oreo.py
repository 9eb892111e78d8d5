"""The files that OREO's own code trains on (github.com/jwhj/OREO, January 2025).

Read from its data sets ``pcl_dataset.py`` and ``pcl_dataset_alfworld.py``::

    {"prompt": rendered text, "response": text, "reward": 0 or 1}           math, JSON Lines
    {"conversations": [{"role", "content"}, ...], "reward": 0 or 1}         ALFWorld, one JSON array

A math prompt is the chat template's text; ChatML and "User: ... Assistant:" are taken apart again.
Of an ALFWorld conversation the first message is the instruction, the second a canned "OK".
"""

import re
from collections.abc import Iterator
from typing import Any

from oreo_agent.records.formats.conversation import (
    Conversation,
    Exchange,
    end_of,
    mapping,
    name_of,
    outcome,
    pick,
    text_of,
)
from oreo_agent.records.formats.messages import dialogue, messages

_CHATML = re.compile(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>\n?", re.DOTALL)
_GENERATION = re.compile(r"<\|im_start\|>assistant\n?\Z")
_USER = re.compile(r"\AUser: (.*?)\n\nAssistant:\s?\Z", re.DOTALL)


class Oreo:
    """Rows of math, rows of ALFWorld."""

    def read(self, row: Any, unsaid: float | None = None) -> list[Conversation]:
        """The one conversation of a row."""
        told = mapping(row)
        reward = outcome(told, ("reward",), unsaid)
        if told.get("conversations") is not None:
            said = dialogue(told["conversations"], canned=True)
            instruction, turns, last = said.instruction, said.turns, said.last
        else:
            instruction, seen = prompt_parts(text_of(told.get("prompt"), "prompt"))
            reply = text_of(told.get("response"), "response")
            turns, last = (Exchange(seen=seen, reply=reply),), ""
        return [
            Conversation(
                turns=turns,
                reward=reward,
                end=end_of(reward, told.get("end")),
                instruction=instruction,
                last=last,
                instance=name_of(pick(told, ("instance", "id"))),
                task_type=name_of(told.get("task_type")),
                player=name_of(told.get("model")),
            )
        ]

    def write(self, conversation: Conversation) -> Iterator[dict[str, Any]]:
        """One row, of ALFWorld's kind."""
        told = messages(conversation)
        if conversation.instruction:
            head = {"role": "user", "content": conversation.instruction}
            told = [head, {"role": "assistant", "content": "OK"}, *told[1:]]
        yield {
            "conversations": told,
            "reward": conversation.reward,
            "id": conversation.instance,
            "end": conversation.end,
            "task_type": conversation.task_type,
            "model": conversation.player,
        }


def prompt_parts(prompt: str) -> tuple[str, str]:
    """Instruction and question of a rendered prompt; all of it is the question if it is plain."""
    body = _GENERATION.sub("", prompt)
    found = _CHATML.findall(body)
    if found and not _CHATML.sub("", body).strip():
        system = [text for role, text in found if role == "system"]
        asked = [text for role, text in found if role != "system"]
        return "\n\n".join(system), "\n".join(asked)
    plain = _USER.match(prompt)
    return "", plain[1] if plain else prompt
