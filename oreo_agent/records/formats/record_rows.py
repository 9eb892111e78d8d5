"""Our own rows: an episode in plain data, with nothing lost.

A row holds the fields of `Episode`; what has no fixed columns (decision, branch, versions, and the
card of the store that it comes from) is JSON text, so that rows of all stores have one schema.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from oreo_agent.errors import RecordError
from oreo_agent.records.episode import SCHEMA, Episode
from oreo_agent.records.folder import Card
from oreo_agent.records.formats.conversation import Unreadable, mapping

_JSON = ("branch", "versions")


def row_of(episode: Episode, card: Card) -> dict[str, Any]:
    """The row of an episode of the store whose card is given."""
    row: dict[str, Any] = {
        field: msgspec.to_builtins(getattr(episode, field))
        for field in episode.__struct_fields__
        if field != "segments"
    }
    row["policy"] = {
        field: getattr(episode.policy, field) for field in episode.policy.__struct_fields__
    }
    row |= {field: _json(row[field]) for field in _JSON}
    row["segments"] = [
        {
            "kind": segment.kind,
            "ids": list(segment.ids),
            "text": segment.text,
            "logps": list(segment.logps),
            "command": segment.command,
            "valid": segment.valid,
            "decision": _json(msgspec.to_builtins(segment.decision)),
        }
        for segment in episode.segments
    ]
    return {**row, "card": _json(msgspec.to_builtins(card))}


def episode_of(row: Any) -> tuple[Episode, Card]:
    """The episode of a row, and the card of its store.

    Raises:
        Unreadable: it is no such row, or of another schema.
    """
    told: dict[str, Any] = dict(mapping(row))
    if told.get("schema") != SCHEMA:
        raise Unreadable(f"it is of schema {told.get('schema')!r}; this version reads {SCHEMA}")
    try:
        card = msgspec.convert(json.loads(told.pop("card")), Card)
        told |= {field: json.loads(told[field]) for field in _JSON if told.get(field)}
        told["segments"] = [_segment(one) for one in told["segments"]]
        return msgspec.convert({k: v for k, v in told.items() if v is not None}, Episode), card
    except (KeyError, TypeError, ValueError, RecordError) as error:
        raise Unreadable(f"it is no record of ours ({error})") from error


def _segment(given: Any) -> dict[str, Any]:
    segment = cast(Mapping[str, Any], given)
    told = {name: value for name, value in segment.items() if value is not None}
    if "decision" in told:
        told["decision"] = json.loads(told["decision"])
    return told


def _json(told: Any) -> str | None:
    return None if told is None else json.dumps(told, ensure_ascii=False)
