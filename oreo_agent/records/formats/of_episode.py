"""A stored episode as a conversation, so that any format can write it."""

from collections.abc import Mapping
from typing import Any

from oreo_agent.records.episode import Episode
from oreo_agent.records.formats.conversation import Conversation, Exchange, Unreadable
from oreo_agent.records.reader import policy_name

SOLUTIONS = ("steps", "words")
"""Prompt formats whose replies are steps of one solution; no others do for questions."""


def conversation_of(episode: Episode, settings: Mapping[str, Any]) -> Conversation:
    """What was said in an episode, its tokens left out.

    Steps of a solution become one reply. In the compact format a reply is its command, as the
    tokens are no language.

    Args:
        episode: of any store.
        settings: of its prompt format, from the store's card.

    Raises:
        Unreadable: it ended in a fault of ours, or nobody replied in it.
    """
    if episode.end == "fault":
        raise Unreadable("it ended in a fault, which says nothing of the policy")
    turns: list[Exchange] = []
    seen: list[str] = []
    for segment in episode.segments:
        if segment.kind == "observation":
            seen.append(segment.text)
        elif segment.kind == "action":
            command = segment.command
            reply = (command or "") if episode.prompt == "compact" else segment.text
            if not seen and turns and episode.prompt in SOLUTIONS:
                before = turns.pop()
                said = before.reply + reply
                turns.append(Exchange(seen=before.seen, reply=said))
            else:
                solution = episode.prompt in SOLUTIONS
                told = Exchange(
                    seen="\n".join(seen), reply=reply, command=None if solution else command
                )
                turns.append(told)
            seen = []
    return Conversation(
        turns=tuple(turns),
        reward=episode.reward,
        end=episode.end,
        instruction=str(settings.get("instruction", "")),
        last="\n".join(seen),
        instance=episode.instance,
        task_type=episode.task_type,
        player=policy_name(episode.policy),
    )
