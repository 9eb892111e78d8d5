"""Where keys and values lie: a line a session, and rows of a forward put where their lines are."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional
from transformers.cache_utils import Cache


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

    def copy(self, line: int, other: int, places: int, lines: int) -> None:
        """Write the first ``places`` of ``line`` to ``other``, in a cache of so many ``lines``."""
        for layer, pair in enumerate(self._kept):
            if pair[0].shape[0] < lines:
                shape = (lines, pair[0].shape[2])
                pair = cast(tuple[Tensor, Tensor], tuple(_grown(t, shape) for t in pair))
                self._kept[layer] = pair
            for kept in pair:
                kept[other, :, :places] = kept[line, :, :places]

    def move(self, lines: Tensor, sources: Tensor, targets: Tensor) -> None:
        """Copy what stands at ``sources`` (R, N) of ``lines`` (R,) to ``targets`` (R, N)."""
        for pair in self._kept:
            for kept in pair:
                kept[lines[:, None], :, targets] = kept[lines[:, None], :, sources]

    def get_seq_length(self, *args: Any, **kwargs: Any) -> int:
        """Unused: positions and masks are always given."""
        return 0


def _grown(tensor: Tensor, shape: tuple[int, int]) -> Tensor:
    """At least of ``shape``; lines that come one by one are paid for by a copy now and then."""
    lines, places = tensor.shape[0], max(shape[1], tensor.shape[2])
    if shape[0] > lines:
        lines = max(shape[0], lines + lines // 2)
    larger = tensor.new_zeros((lines, tensor.shape[1], places, tensor.shape[3]))
    larger[: tensor.shape[0], :, : tensor.shape[2]] = tensor
    return larger


class Spread:
    """Rows of a forward put where their lines are; fillers stand in the lines between.

    A filler says what the first row says, to itself alone, in the scratch places of its line.
    """

    def __init__(self, lines: Sequence[int], held: Sequence[int], device: torch.device) -> None:
        """Spread rows over ``lines``; ``held`` are the tokens that each line from 0 on holds."""
        self.rows = torch.tensor(lines, device=device)
        like = [0] * len(held)
        for row, line in enumerate(lines):
            like[line] = row
        fillers = sorted(set(range(len(held))) - set(lines))
        self._like = torch.tensor(like, device=device)
        self._fillers = torch.tensor(fillers, dtype=torch.long, device=device)
        self._scratch = torch.tensor([held[line] for line in fillers], device=device)

    def fill(self, table: Tensor) -> Tensor:
        """(R, ...) rows to (lines, ...)."""
        return table[self._like]

    def aside(self, places: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(R, N) places and (R, N, W) mask to those of all lines; W grows where fillers need it."""
        places, mask = self.fill(places), self.fill(mask)
        if not len(self._fillers):
            return places, mask
        own = self._scratch[:, None].long() + torch.arange(places.shape[1], device=places.device)
        places[self._fillers] = own
        mask = functional.pad(mask, (0, max(0, int(own.max()) + 1 - mask.shape[2])))
        mask[self._fillers] = own[:, :, None] == torch.arange(mask.shape[2], device=mask.device)
        return places, mask
