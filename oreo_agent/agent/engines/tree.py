"""A transformer that reads many histories at once and keeps what it has read, branches included.

Each session owns a line of the cache: places 0..n-1 hold its history, the places after it are
scratch for branches (replies that are tried). A mask says who sees whom, so K branches of a
history are read side by side without a copy of the history, and dropping them costs nothing.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

_GRAIN = 64  # the cache grows by whole multiples, so that few steps pay for a copy


class LineCache(Cache):
    """Keys and values in (lines, heads, places, width); where to write is set before a forward."""

    def __init__(self) -> None:
        super().__init__(layers=[])
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._lines: Tensor | None = None
        self._places = torch.empty(0)
        self._shape = (0, 0)
        self._width = 0

    def aim(self, lines: Tensor | None, places: Tensor, shape: tuple[int, int]) -> None:
        """The next forward writes at ``places`` (R, N) of ``lines`` (R,); None: line r is row r.

        ``shape`` is (lines, places) that the cache must hold.
        """
        self._lines, self._places, self._shape = lines, places, shape
        self._width = int(places.max()) + 1

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write the new keys and values; give all up to the last place that is in use."""
        if layer_idx == len(self._kept):
            shape = (self._shape[0], key_states.shape[1], self._shape[1], key_states.shape[3])
            self._kept.append((key_states.new_zeros(shape), value_states.new_zeros(shape)))
        pair = self._kept[layer_idx]
        if pair[0].shape[0] < self._shape[0] or pair[0].shape[2] < self._shape[1]:
            pair = cast(tuple[Tensor, Tensor], tuple(_grown(t, self._shape) for t in pair))
            self._kept[layer_idx] = pair
        return self._written(pair[0], key_states), self._written(pair[1], value_states)

    def _written(self, kept: Tensor, new: Tensor) -> Tensor:
        rows = torch.arange(len(new), device=new.device) if self._lines is None else self._lines
        kept[rows[:, None], :, self._places] = new.transpose(1, 2)
        if self._lines is None:
            return kept[: len(new), :, : self._width]
        return kept[self._lines, :, : self._width]

    def get_seq_length(self, *args: Any, **kwargs: Any) -> int:
        """Unused: positions and masks are always given."""
        return 0


def _grown(tensor: Tensor, shape: tuple[int, int]) -> Tensor:
    lines, places = max(shape[0], tensor.shape[0]), max(shape[1], tensor.shape[2])
    larger = tensor.new_zeros((lines, tensor.shape[1], places, tensor.shape[3]))
    larger[: tensor.shape[0], :, : tensor.shape[2]] = tensor
    return larger


class TreeReader:
    """Hidden states at the ends of histories and along their branches."""

    def __init__(self, body: PreTrainedModel) -> None:
        self.body = body
        self._cache = LineCache()
        self._line: dict[str, int] = {}
        self._free: list[int] = []
        self._read: dict[str, tuple[int, ...]] = {}
        self._last: dict[str, Tensor] = {}
        self._capacity = (0, 0)

    def close(self, session: str) -> None:
        """Give the session's line back."""
        if session in self._line:
            self._free.append(self._line.pop(session))
            self._read.pop(session, None)
            self._last.pop(session, None)

    @torch.inference_mode()
    def read(
        self,
        sessions: Sequence[str],
        histories: Sequence[tuple[int, ...]],
        branches: Sequence[Sequence[tuple[int, ...]]] | None = None,
    ) -> tuple[Tensor, list[list[Tensor]]]:
        """Read what is new of each history and, in the same forward, its branches.

        Returns:
            (R, H) hidden states at the ends of the histories, and for each history and branch the
            (H,) hidden state at the branch's end.
        """
        lines = self._lines(sessions)
        branches = branches or [()] * len(sessions)
        pairs = zip(sessions, histories, strict=True)
        known = [_common(self._read.get(session, ()), history) for session, history in pairs]
        for i, session in enumerate(sessions):
            if known[i] == len(histories[i]) and len(self._read[session]) > known[i]:
                known[i] -= 1  # the history was cut back: its end must be read again
        rows = [
            _Row(history, at, line)
            for history, at, line in zip(histories, known, branches, strict=True)
        ]
        width = max(len(row.ids) for row in rows)
        hidden = self._forward(lines, rows, width) if width else torch.empty(0)
        ends: list[list[Tensor]] = []
        for r, (session, row) in enumerate(zip(sessions, rows, strict=True)):
            if row.new:
                self._last[session] = hidden[r, row.new - 1].clone()  # not a view of the batch
            self._read[session] = histories[r]
            last = self._last[session]
            ends.append([hidden[r, at] if at >= 0 else last for at in row.ends])
        return torch.stack([self._last[s] for s in sessions]), ends

    @torch.inference_mode()
    def grow(
        self, sessions: Sequence[str], lengths: Sequence[int], tokens: Tensor, step: int
    ) -> Tensor:
        """Read one more token on each of K branches.

        Args:
            sessions: whose histories are read already.
            lengths: tokens of each history.
            tokens: (R, K) the branches' next tokens.
            step: how many tokens the branches have already.

        Returns:
            (R, K, H) hidden states.
        """
        lines = self._lines(sessions)
        k = tokens.shape[1]
        device = tokens.device
        length = torch.tensor(lengths, device=device)[:, None]
        branch = torch.arange(k, device=device)[None]
        places = length + step * k + branch
        positions = (length + step).expand(-1, k)
        width = int(places.max()) + 1
        key = torch.arange(width, device=device)[None, None]
        beyond = key - length[:, :, None]
        mine = branch[:, :, None]
        own = (beyond % k == mine) & (beyond <= step * k + mine)
        mask = (beyond < 0) | own
        return self._run(lines, tokens, positions, places, mask)

    def _forward(self, lines: list[int], rows: Sequence["_Row"], width: int) -> Tensor:
        device = self.body.device
        table = torch.zeros((4, len(rows), width), dtype=torch.long)
        for r, row in enumerate(rows):
            n = len(row.ids)
            table[0, r, :n] = torch.tensor(row.ids, dtype=torch.long)
            table[1, r, :n] = torch.tensor(row.positions, dtype=torch.long)
            table[2, r, :n] = torch.tensor(row.places, dtype=torch.long)
            table[3, r, :n] = torch.tensor(row.starts, dtype=torch.long)
            # padding goes to places after the row's own, which nobody looks at
            table[2, r, n:] = row.end + torch.arange(width - n)
        table = table.to(device)
        ids, positions, places, starts = table
        key = torch.arange(int(places.max()) + 1, device=device)[None, None]
        length = torch.tensor([row.length for row in rows], device=device)[:, None, None]
        inside = torch.minimum(length, places[:, :, None] + 1)
        mask = (key < inside) | ((key >= starts[:, :, None]) & (key <= places[:, :, None]))
        return self._run(lines, ids, positions, places, mask)

    def _run(
        self, lines: list[int], ids: Tensor, positions: Tensor, places: Tensor, mask: Tensor
    ) -> Tensor:
        needed = -(-(int(places.max()) + 1) // _GRAIN) * _GRAIN
        self._capacity = (
            max(self._capacity[0], len(self._line) + len(self._free)),
            max(self._capacity[1], needed),
        )
        spread = self._spread(lines)
        if spread is None:
            straight = lines == list(range(len(lines)))
            index = None if straight else torch.tensor(lines, device=ids.device)
            self._cache.aim(index, places, self._capacity)
        else:
            ids, positions, places, mask = (spread.fill(t) for t in (ids, positions, places, mask))
            self._cache.aim(None, places, self._capacity)
        out = self.body(
            input_ids=ids,
            attention_mask=mask[:, None],
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
        )
        hidden = cast(Tensor, out.last_hidden_state)
        return hidden if spread is None else hidden[spread.rows]

    def _spread(self, lines: list[int]) -> "_Spread | None":
        """How to read by whole lines, so that nothing of the cache is copied; None if that costs.

        It costs where it would read many lines for few, and must not be done where a line in
        between holds another history, which a filler would write over.
        """
        count = max(lines) + 1
        own = set(lines)
        if lines == list(range(count)) or count > 2 * len(lines):
            return None
        if not set(self._free).issuperset(set(range(count)) - own):
            return None
        return _Spread(lines, count, self.body.device)

    def _lines(self, sessions: Sequence[str]) -> list[int]:
        for session in sessions:
            if session not in self._line:
                self._free.sort(reverse=True)
                taken = len(self._line) + len(self._free)
                self._line[session] = self._free.pop() if self._free else taken
        return [self._line[session] for session in sessions]


class _Spread:
    """Rows of a forward put where their lines are; fillers stand in the lines between."""

    def __init__(self, lines: Sequence[int], count: int, device: torch.device) -> None:
        self.rows = torch.tensor(lines, device=device)
        self.like = torch.zeros(count, dtype=torch.long)
        """For each line a row that stands there: its own, or any to fill it."""
        for row, line in enumerate(lines):
            self.like[line] = row
        self.like = self.like.to(device)

    def fill(self, table: Tensor) -> Tensor:
        """(R, ...) rows to (lines, ...); a filler is a copy of the first row."""
        return table[self.like]


class _Row:
    """One history's new tokens and its branches, laid out in its line."""

    def __init__(
        self, history: tuple[int, ...], known: int, branches: Sequence[tuple[int, ...]]
    ) -> None:
        self.length = len(history)
        self.new = len(history) - known
        self.ids = list(history[known:])
        self.positions = list(range(known, len(history)))
        self.places = list(self.positions)
        self.starts = list(self.positions)
        self.ends: list[int] = []
        self.end = len(history)
        for branch in branches:
            self.ids.extend(branch)
            self.positions.extend(range(self.length, self.length + len(branch)))
            self.places.extend(range(self.end, self.end + len(branch)))
            self.starts.extend([self.end] * len(branch))
            self.end += len(branch)
            self.ends.append(len(self.ids) - 1 if branch else -1)


def _common(read: tuple[int, ...], history: tuple[int, ...]) -> int:
    """Length of the common beginning."""
    if read == history[: len(read)]:
        return len(read)
    return next(
        (i for i, (a, b) in enumerate(zip(read, history, strict=False)) if a != b),
        min(len(read), len(history)),
    )
