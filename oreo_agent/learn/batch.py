"""Episodes as tensors: rows for the networks, one line an episode for the objectives.

A row holds several episodes end to end (attention keeps them apart, `Packing`), so random batches
cost no padding, and what all of them begin with lies there once. What an objective reads is
gathered back to (B, T): T action tokens of B episodes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor

from oreo_agent.model.packed import Packing
from oreo_agent.records.episode import Episode
from oreo_agent.records.reader import policy_name

LEAST = 16
"""A beginning of fewer tokens is not shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """An episode as the learner sees it."""

    id: str
    instance: str
    ids: tuple[int, ...]
    actions: tuple[int, ...]
    """Places in ``ids`` of the action tokens; never 0, as a state comes before each."""
    ends: tuple[int, ...]
    """Places in ``ids`` of each reply's last token."""
    reward: float
    player: str = ""
    """Who played it, or played on from a branch."""
    lent: int | None = None
    """Of a branch: how many of its first replies are another episode's."""
    cut: bool = False
    """Whether a limit ended it."""

    @property
    def seen(self) -> list[int]:
        """Places in ``ids`` of what the environment said, but for the first token of all."""
        acted = set(self.actions)
        return [i for i in range(1, len(self.ids)) if i not in acted]

    @property
    def answers(self) -> set[int]:
        """Those of them with which an answer to a reply begins."""
        return {end + 1 for end in self.ends if end + 1 < len(self.ids)}.difference(self.actions)

    @property
    def won(self) -> bool:
        """Whether it ended nearer to success than to failure."""
        return self.reward > 0.5

    @classmethod
    def of(cls, episode: Episode) -> "Tokens":
        """Action tokens are those of action segments, and nothing else is."""
        ids: list[int] = []
        actions: list[int] = []
        ends: list[int] = []
        for segment in episode.segments:
            if segment.kind == "action" and segment.ids:
                actions.extend(range(len(ids), len(ids) + len(segment.ids)))
                ends.append(len(ids) + len(segment.ids) - 1)
            ids.extend(segment.ids)
        return cls(
            id=episode.id,
            instance=episode.instance,
            ids=tuple(ids),
            actions=tuple(actions),
            ends=tuple(ends),
            reward=episode.reward,
            player=policy_name(episode.policy),
            lent=_lent(episode),
            cut=episode.end in ("step_limit", "token_limit"),
        )


def _lent(episode: Episode) -> int | None:
    """Replies with tokens before the turn at which a branch left its parent."""
    if episode.branch is None:
        return None
    replies = [segment for segment in episode.segments if segment.kind == "action"]
    return sum(bool(reply.ids) for reply in replies[: episode.branch.turn])


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """B episodes in R rows of L tokens; T action tokens, E replies, O observed tokens at most."""

    ids: Tensor
    """(R, L) tokens."""
    episode: Tensor
    """(R, L) which episode a token belongs to; -1 for padding, and for what all begin with."""
    position: Tensor
    """(R, L) place in the episode."""
    packing: Packing | None
    """Of the only row, where episodes lie end to end; else every episode has a row of its own."""
    state: Tensor
    """(B, T) flat place in the rows of the state before each action token."""
    action: Tensor
    """(B, T) the action tokens."""
    mask: Tensor
    """(B, T) bool, True on real action tokens."""
    end: Tensor
    """(B, E) flat place of each reply's last token: the state after the action."""
    end_action: Tensor
    """(B, E) how many of the episode's action tokens lie up to and with that place."""
    end_mask: Tensor
    """(B, E) bool."""
    seen_state: Tensor
    """(B, O) flat place of the token before each observed one."""
    seen: Tensor
    """(B, O) tokens that the environment said."""
    seen_mask: Tensor
    """(B, O) bool."""
    answer_mask: Tensor
    """(B, O) bool, True on the first token of what the environment answers to a reply."""
    reward: Tensor
    """(B,) terminal reward."""

    def to(self, device: torch.device | str) -> "Batch":
        """The same on another device."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        moved: dict[str, Any] = {
            name: None if one is None else one.to(device) for name, one in told.items()
        }
        return Batch(**moved)


def collate(
    episodes: Sequence[Tokens],
    *,
    packed: bool = True,
    pad: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """Lay episodes end to end in one row, or each in a row of its own.

    Args:
        episodes: at least one.
        packed: whether in one row.
        pad: token that fills rows of unequal length.
        dtype: of the rewards.
    """
    lengths = [len(e.ids) for e in episodes]
    same = shared(episodes) if packed else 0
    width = same + sum(lengths) - same * len(episodes) if packed else max(lengths)
    rows = 1 if packed else len(episodes)
    ids = torch.full((rows * width,), pad)
    owner = torch.full((rows * width,), -1)
    position = torch.zeros(rows * width, dtype=torch.long)
    ids[:same] = torch.tensor(episodes[0].ids[:same], dtype=torch.long)
    position[:same] = torch.arange(same)
    start: list[int] = []
    begin = same
    for i, episode in enumerate(episodes):
        place = slice(begin, begin + lengths[i] - same)
        ids[place] = torch.tensor(episode.ids[same:])
        owner[place] = i
        position[place] = torch.arange(same, lengths[i])
        start.append(begin - same)
        begin = place.stop if packed else begin + width
    seen = [e.seen for e in episodes]
    state, mask = _lines([[start[i] + a - 1 for a in e.actions] for i, e in enumerate(episodes)])
    action, _ = _lines([[e.ids[a] for a in e.actions] for e in episodes])
    end, end_mask = _lines([[start[i] + a for a in e.ends] for i, e in enumerate(episodes)])
    place = [{a: k for k, a in enumerate(e.actions, 1)} for e in episodes]
    end_action, _ = _lines([[place[i][a] for a in e.ends] for i, e in enumerate(episodes)])
    seen_state, seen_mask = _lines(
        [[a - 1 if a <= same else start[i] + a - 1 for a in line] for i, line in enumerate(seen)]
    )
    first = [e.answers for e in episodes]
    answer, _ = _lines([[int(a in first[i]) for a in line] for i, line in enumerate(seen)])
    seen_ids, _ = _lines([[e.ids[a] for a in line] for e, line in zip(episodes, seen, strict=True)])
    return Batch(
        ids=ids.view(rows, width),
        episode=owner.view(rows, width),
        position=position.view(rows, width),
        packing=Packing.of(lengths, shared=same) if packed else None,
        state=state,
        action=action,
        mask=mask,
        end=end,
        end_action=end_action,
        end_mask=end_mask,
        seen_state=seen_state,
        seen=seen_ids,
        seen_mask=seen_mask,
        answer_mask=answer.bool(),
        reward=torch.tensor([e.reward for e in episodes], dtype=dtype),
    )


def shared(episodes: Sequence[Tokens]) -> int:
    """How many tokens all of several episodes begin with, before the state of any first action.

    0 for few of them, or for an episode alone.
    """
    if len(episodes) < 2:
        return 0
    firsts = [e.actions[0] if e.actions else len(e.ids) for e in episodes]
    begins = [e.ids[: max(0, first - 1)] for e, first in zip(episodes, firsts, strict=True)]
    pairs = zip(min(begins), max(begins), strict=False)  # all others lie between these two
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return same if same >= LEAST else 0


def mismatched(episodes: Sequence[Tokens]) -> list[Tokens]:
    """Each episode's opening with the continuation of the one before it (the last, for the first).

    An opening is what comes before the first action token.
    """
    found: list[Tokens] = []
    for episode, other in zip(episodes, [*episodes[-1:], *episodes[:-1]], strict=True):
        opening = episode.ids[: episode.actions[0]]
        shift = len(opening) - other.actions[0]
        found.append(
            replace(
                episode,
                ids=opening + other.ids[other.actions[0] :],
                actions=tuple(place + shift for place in other.actions),
                ends=tuple(place + shift for place in other.ends),
            )
        )
    return found


def _lines(values: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ragged lists to (B, longest) numbers (0 where there is none) and a bool mask."""
    width = max(1, max(len(line) for line in values))
    table = torch.zeros((len(values), width), dtype=torch.long)
    mask = torch.zeros((len(values), width), dtype=torch.bool)
    for i, line in enumerate(values):
        table[i, : len(line)] = torch.tensor(line, dtype=torch.long)
        mask[i, : len(line)] = True
    return table, mask


def parts(units: Iterable[Sequence[Tokens]], tokens: int) -> list[list[Tokens]]:
    """Consecutive groups of whole units, of at most ``tokens`` tokens or of one larger unit."""
    groups: list[list[Tokens]] = []
    room = 0
    for unit in units:
        size = sum(len(episode.ids) for episode in unit)
        if not groups or size > room:
            groups.append([])
            room = tokens
        groups[-1].extend(unit)
        room -= size
    return groups
