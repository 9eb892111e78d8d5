"""Text logs of ReAct: one long text a game, what was thought and done in lines that begin with ">".

Read from the recorded episodes of KnowAgent (github.com/zjunlp/KnowAgent) and the logs of ReAct::

    {"name": game, "result": true, false or 0, "traj": text}

    You are in the middle of a room. ...        the opening, up to the first ">"
    > Think: First I need to ...                a thought; ReAct's "> think:" is answered with "OK."
    > ActionPath: Start->...                    a plan, part of the thoughts
    > go to shelf 8                             a command; lines that are none are sent all the same
    On the shelf 8, you see nothing.            what the world answered

A reply is a command with the thoughts before it, as "Thought: ..." and "Action: ..." lines.
Thoughts after the last command belong to no reply and are left out. KnowAgent stops a game after 49
to 50 such lines, thoughts counted: a lost game of so many ended at the limit.
"""

import re
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
    pick,
    text_of,
)

TEXTS = ("traj", "trajectory", "log", "text")
OUTCOMES = ("result", "reward", "success", "won", "label", "score")
NAMES = ("name", "instance", "game_file", "id")
KNOWAGENT_LINES = 49

_THOUGHT = re.compile(r"(think|thought)\s*:\s?", re.IGNORECASE)
_PLAN = "ActionPath:"


class React:
    """A game is a text."""

    def read(self, row: Any, unsaid: float | None = None) -> list[Conversation]:
        """The one game of a row."""
        told = mapping(row)
        text = text_of(pick(told, TEXTS), "text")
        reward = outcome(told, OUTCOMES, unsaid)
        opening, turns, lines = parse(text)
        if not turns:
            raise Unreadable("there is no command in it")
        limit = f"> {_PLAN}" in text and lines >= KNOWAGENT_LINES
        return [
            Conversation(
                turns=tuple(
                    Exchange(seen=seen, reply=reply, command=command)
                    for seen, (reply, command, _) in zip(
                        [opening, *(answer for _, _, answer in turns)], turns, strict=False
                    )
                ),
                reward=reward,
                end=end_of(reward, told.get("end"), limit=limit),
                last=turns[-1][2],
                instance=name_of(pick(told, NAMES)),
                task_type=name_of(told.get("task_type")),
                player=name_of(told.get("model")),
            )
        ]

    def write(self, conversation: Conversation) -> Iterator[dict[str, Any]]:
        """One row; replies become lines, so that line breaks inside of a thought are lost."""
        parts = [conversation.turns[0].seen]
        answers = [*(turn.seen for turn in conversation.turns[1:]), conversation.last]
        for turn, answer in zip(conversation.turns, answers, strict=True):
            parts += [f"> {line}" for line in _spoken(turn)]
            parts += [answer] if answer else []
        yield {
            "name": conversation.instance,
            "result": conversation.reward,
            "traj": "\n".join(parts) + "\n",
            "end": conversation.end,
            "task_type": conversation.task_type,
            "model": conversation.player,
        }


def parse(text: str) -> tuple[str, list[tuple[str, str, str]], int]:
    """A log taken apart.

    Returns:
        The opening; for each command the reply, the command and the answer; and the number of
        lines that begin with ">".
    """
    blocks: list[list[str]] = [[]]
    for line in text.rstrip("\n").split("\n"):
        if line.startswith(">"):
            blocks.append([line[1:].strip()])
        else:
            blocks[-1].append(line)
    turns: list[tuple[str, str, str]] = []
    thoughts: list[str] = []
    for said, *more in blocks[1:]:
        if _THOUGHT.match(said) or said.startswith(_PLAN):
            thoughts.append(_thought(said, more))
        else:
            reply = "\n".join([*thoughts, f"Action: {said}"])
            turns.append((reply, said, "\n".join(more)))
            thoughts = []
    return "\n".join(blocks[0]), turns, len(blocks) - 1


def _thought(said: str, more: Sequence[str]) -> str:
    """A thought with the lines that follow it; ReAct's world answers thoughts with "OK."."""
    if [line.strip() for line in more] == ["OK."]:
        more = ()
    begin = said if said.startswith(_PLAN) else _THOUGHT.sub("Thought: ", said, count=1)
    return "\n".join([begin, *more])


def _spoken(turn: Exchange) -> list[str]:
    """A reply as lines: thoughts, then the command."""
    *thoughts, action = turn.reply.split("\n") if "\n" in turn.reply else [turn.reply]
    command = action.removeprefix("Action: ") if turn.command is None else turn.command
    told = [
        line if line.startswith(_PLAN) else f"Think: {line.removeprefix('Thought: ')}"
        for line in thoughts
        if line
    ]
    return [*told, command]
