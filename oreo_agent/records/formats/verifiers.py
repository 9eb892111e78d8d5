"""What verifiers writes of evaluations (github.com/PrimeIntellect-ai/verifiers).

Read from version 0.4.0 (``traces.jsonl``: an episode a line, its traces a graph of messages) and
from the files of the versions before (``results.jsonl``)::

    {"id" or "example_id", "prompt": messages, "completion": messages, "reward", "answer", "info"}
    {"task": {...}, "traces": [{"nodes": [{"parent", "message", "sampled"}], "rewards": {...}}]}

Each path from a root of the graph to a leaf that holds a reply of the model is a conversation; all
of a trace are paid the trace's reward, the weighted sum of its named ones. A trace in which
something broke is no episode.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from oreo_agent.records.formats.conversation import (
    Conversation,
    Unreadable,
    as_reward,
    end_of,
    mapping,
    name_of,
    outcome,
    overlaid,
    pick,
)
from oreo_agent.records.formats.messages import dialogue, messages

_BROKEN_NODE = "a node of the graph is no object with a message, or its parent is not before it"


class Verifiers:
    """Rows of results, rows of traces; written as results."""

    def read(self, row: Any, unsaid: float | None = None) -> list[Conversation]:
        """One conversation of a result, of an episode those of all its traces."""
        told = mapping(row)
        if told.get("traces") is not None:
            traces = cast(Sequence[Any], told["traces"])
            return [found for trace in traces for found in _of_trace(mapping(trace), unsaid)]
        if told.get("nodes") is not None:
            return _of_trace(told, unsaid)
        prompt, completion = told.get("prompt"), told.get("completion")
        if isinstance(prompt, str) and isinstance(completion, str):
            prompt = [{"role": "user", "content": prompt}]
            completion = [{"role": "assistant", "content": completion}]
        if not isinstance(prompt, list) or not isinstance(completion, list):
            raise Unreadable("its prompt and completion are neither both text nor both messages")
        info = told.get("info")
        more = cast(Mapping[str, Any], info) if isinstance(info, Mapping) else {}
        said = dialogue([*cast(list[Any], prompt), *cast(list[Any], completion)])
        reward = outcome(told, ("reward",), unsaid)
        limit = "max_turns" in str(told.get("stop_condition"))
        return [
            Conversation(
                turns=said.turns,
                reward=reward,
                end=end_of(reward, told.get("end"), limit=limit),
                instruction=said.instruction,
                last=said.last,
                instance=name_of(
                    pick(overlaid(told, more), ("instance", "example_id", "id", "task_key"))
                ),
                task_type=name_of(pick(overlaid(more, told), ("task_type", "task"))),
                player=name_of(told.get("model")),
            )
        ]

    def write(self, conversation: Conversation) -> Iterator[dict[str, Any]]:
        """One row of ``results.jsonl``."""
        told = messages(conversation)
        first = next(i for i, one in enumerate(told) if one["role"] == "assistant")
        yield {
            "example_id": conversation.instance,
            "prompt": told[:first],
            "completion": told[first:],
            "answer": "",
            "task": conversation.task_type,
            "reward": conversation.reward,
            "model": conversation.player,
            "end": conversation.end,
        }


def _of_trace(trace: Mapping[str, Any], unsaid: float | None) -> list[Conversation]:
    if trace.get("errors") and not trace.get("ok"):
        first = mapping(cast(Sequence[Any], trace["errors"])[0])
        raise Unreadable(f"something broke in it ({first.get('type')!r})")
    reward = _reward(trace.get("rewards"), unsaid)
    task = mapping(trace.get("task") or {})
    data = mapping(task.get("data") or {})
    agent = mapping(mapping(trace.get("agent") or {}).get("config") or {})
    named = pick(overlaid(data, {"key": task.get("key")}), ("instance", "key", "idx"))
    found: list[Conversation] = []
    for path in _paths(cast(Sequence[Any], trace.get("nodes"))):
        said = dialogue([node["message"] for node in path])
        found.append(
            Conversation(
                turns=said.turns,
                reward=reward,
                end=end_of(reward, limit="max_turns" in str(trace.get("stop_condition"))),
                instruction=said.instruction,
                last=said.last,
                instance=name_of(named),
                task_type=name_of(data.get("task_type")),
                player=name_of(pick(agent, ("model", "model_name"))),
            )
        )
    return found


def _reward(given: Any, unsaid: float | None) -> float:
    """Scores times weights; a reward that was not reckoned is none."""
    told = [mapping(one) for one in mapping(given or {}).values() if one is not None]
    if not told:
        return outcome({}, ("rewards",), unsaid)
    try:
        return as_reward(sum(float(one["score"]) * float(one.get("weight", 1)) for one in told))
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"its rewards cannot be read ({error})") from error


def _paths(nodes: Sequence[Any]) -> Iterator[list[Mapping[str, Any]]]:
    """From root to leaf, those on which the model replied."""
    told: list[Mapping[str, Any]] = []
    inner: set[int] = set()
    for place, given in enumerate(nodes):
        node = mapping(given)
        parent = node.get("parent")
        right = parent is None or (type(parent) is int and 0 <= parent < place)
        if not right or not isinstance(node.get("message"), Mapping):
            raise Unreadable(_BROKEN_NODE)
        told.append(node)
        if parent is not None:
            inner.add(parent)
    for leaf in range(len(told)):
        if leaf in inner:
            continue
        path: list[Mapping[str, Any]] = []
        at: int | None = leaf
        while at is not None:
            path.append(told[at])
            at = told[at].get("parent")
        if any(node.get("sampled") for node in path):
            yield path[::-1]
