"""A transformer that reads many histories at once and keeps what it has read, branches included.

Each session owns a line of the cache: places 0..n-1 hold its history, the places after it are
scratch for branches (replies that are tried). A mask says who sees whom, so K branches of a
history are read side by side without a copy of the history, and dropping them costs nothing.
"""

import inspect
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from oreo_agent.agent.engines.lines import LineCache, Spread

_GRAIN = 64  # the cache grows by whole multiples, so that few steps pay for a copy


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
        # transformers 5.24 calls it `cache`; before, and in models of others, it is the longer word
        named = "cache" in inspect.signature(body.forward).parameters
        self._cache_name = "cache" if named else "past_key_values"
        self.encoded = 0
        """Tokens read so far, padding not counted."""

    def close(self, session: str) -> None:
        """Give the session's line back."""
        if session in self._line:
            self._free.append(self._line.pop(session))
            self._read.pop(session, None)
            self._last.pop(session, None)

    @torch.inference_mode()
    def fork(self, session: str, other: str) -> None:
        """Copy what is known of ``session`` to the line of ``other``."""
        if session not in self._read:
            self.close(other)
            return
        line, copy = self._lines([session, other])
        self._read[other] = self._read[session]
        self._last[other] = self._last[session]
        self._cache.copy(line, copy, len(self._read[session]), self._lines_held())

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
        branches = branches or [()] * len(sessions)
        found = self._states(sessions, histories, branches)
        lasts = [self._last[session] for session in sessions]
        ends = [
            [states[span.stop - 1] if span.start < span.stop else last for span in spans]
            for (states, spans), last in zip(found, lasts, strict=True)
        ]
        return torch.stack(lasts), ends

    @torch.inference_mode()
    def along(
        self,
        sessions: Sequence[str],
        histories: Sequence[tuple[int, ...]],
        branches: Sequence[Sequence[tuple[int, ...]]],
    ) -> list[list[Tensor]]:
        """For each history and branch the (T, H) hidden states before each of its T tokens."""
        found = self._states(sessions, histories, branches)
        lasts = [self._last[session][None] for session in sessions]
        return [
            [
                # of an empty branch there are none, whatever was read
                torch.cat([last, states[span][:-1]]) if span.start < span.stop else last[:0]
                for span in spans
            ]
            for last, (states, spans) in zip(lasts, found, strict=True)
        ]

    @torch.inference_mode()
    def _states(
        self,
        sessions: Sequence[str],
        histories: Sequence[tuple[int, ...]],
        branches: Sequence[Sequence[tuple[int, ...]]],
    ) -> list[tuple[Tensor, list[slice]]]:
        """For each history (T, H) states of what was read now, and where its branches are in it."""
        lines = self._lines(sessions)
        pairs = zip(sessions, histories, strict=True)
        known = [_common(self._read.get(session, ()), history) for session, history in pairs]
        for i, session in enumerate(sessions):
            if known[i] == len(histories[i]) and len(self._read[session]) > known[i]:
                known[i] -= 1  # the history was cut back: its end must be read again
        rows = [
            _Row(history, at, line)
            for history, at, line in zip(histories, known, branches, strict=True)
        ]
        found = [(torch.empty(0), row.spans) for row in rows]
        for group in _groups([len(row.ids) for row in rows]):
            width = max(len(rows[r].ids) for r in group)
            hidden = torch.empty(len(group), 0)
            if width:
                hidden = self._forward([lines[r] for r in group], [rows[r] for r in group], width)
            for r, states in zip(group, hidden, strict=True):
                session, row = sessions[r], rows[r]
                if row.new:
                    self._last[session] = states[row.new - 1].clone()  # not a view of the batch
                self._read[session] = histories[r]
                self.encoded += len(row.ids)
                found[r] = (states, row.spans)
        return found

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
        self.encoded += tokens.numel()
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

    @torch.inference_mode()
    def narrow(
        self, sessions: Sequence[str], lengths: Sequence[int], kept: Tensor, k: int, steps: int
    ) -> None:
        """Let go of branches, so that fewer are grown from here on.

        Args:
            sessions: whose branches have grown.
            lengths: tokens of each history.
            kept: (R, M) which of the K branches stay, in their new order.
            k: branches so far.
            steps: how many tokens the branches have already.
        """
        lines = torch.tensor(self._lines(sessions), device=kept.device)
        start = torch.tensor(lengths, device=kept.device)[:, None, None]
        step = torch.arange(steps, device=kept.device)[None, :, None]
        fewer = kept.shape[1]
        sources = start + step * k + kept[:, None, :]
        targets = start + step * fewer + torch.arange(fewer, device=kept.device)
        self._cache.move(lines, sources.flatten(1), targets.expand_as(sources).flatten(1))

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
        spread = self._spread(lines)
        index = None
        if spread is not None:
            ids, positions = spread.fill(ids), spread.fill(positions)
            places, mask = spread.aside(places, mask)
        elif lines != list(range(len(lines))):
            index = torch.tensor(lines, device=ids.device)
        needed = -(-(int(places.max()) + 1) // _GRAIN) * _GRAIN
        self._capacity = (
            max(self._capacity[0], self._lines_held()),
            max(self._capacity[1], needed),
        )
        self._cache.aim(index, places, self._capacity)
        out = self.body(
            input_ids=ids,
            attention_mask=mask[:, None],
            position_ids=positions,
            use_cache=True,
            **{self._cache_name: self._cache},
        )
        hidden = cast(Tensor, out.last_hidden_state)
        return hidden if spread is None else hidden[spread.rows]

    def _spread(self, lines: list[int]) -> "Spread | None":
        """How to read by whole lines, so that nothing of the cache is copied.

        None if they are whole lines already, or if it would read many lines for few.
        """
        count = max(lines) + 1
        if lines == list(range(count)) or count > 2 * len(lines):
            return None
        holders = {line: session for session, line in self._line.items()}
        held = [len(self._read.get(holders.get(line, ""), ())) for line in range(count)]
        return Spread(lines, held, self.body.device)

    def _lines_held(self) -> int:
        return len(self._line) + len(self._free)

    def _lines(self, sessions: Sequence[str]) -> list[int]:
        for session in sessions:
            if session not in self._line:
                self._free.sort(reverse=True)
                taken = len(self._line) + len(self._free)
                self._line[session] = self._free.pop() if self._free else taken
        return [self._line[session] for session in sessions]


def _groups(lengths: Sequence[int]) -> list[list[int]]:
    """Rows that are read in one forward: all of them, or the short ones and the long ones.

    Two forwards are made where padding the short rows to the longest would double the work.
    """
    order = sorted(range(len(lengths)), key=lambda r: (lengths[r], r))
    longest = lengths[order[-1]]
    costs = [
        (n * lengths[order[n - 1]] + (len(order) - n) * longest, n)
        for n in range(1, len(order) + 1)
    ]
    cost, short = min(costs)
    if 2 * cost > len(order) * longest:
        return [list(range(len(lengths)))]
    return [sorted(part) for part in (order[:short], order[short:]) if part]


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
        self.spans: list[slice] = []
        self.end = len(history)
        for branch in branches:
            self.ids.extend(branch)
            self.positions.extend(range(self.length, self.length + len(branch)))
            self.places.extend(range(self.end, self.end + len(branch)))
            self.starts.extend([self.end] * len(branch))
            self.end += len(branch)
            self.spans.append(slice(len(self.ids) - len(branch), len(self.ids)))


def _common(read: tuple[int, ...], history: tuple[int, ...]) -> int:
    """Length of the common beginning."""
    if read == history[: len(read)]:
        return len(read)
    return next(
        (i for i, (a, b) in enumerate(zip(read, history, strict=False)) if a != b),
        min(len(read), len(history)),
    )
