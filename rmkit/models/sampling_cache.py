"""The keys and values of sequences that grow, with room ahead: a token is written, and nothing is copied.

The cache of transformers is concatenated anew for every token, and copied whole when a sequence ends: half of
the time of a small model. Its StaticCache copies nothing, but attends to the whole room at every token and
cannot let a sequence go. Responses to one prompt, moreover, hold its keys and values once, not a copy each
(`shared_prompt.py`).
"""

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer

ROOM = 64  # columns that are added at once: the memory stays near what is used


def sampling_cache(config: PreTrainedConfig) -> DynamicCache:
    """An empty cache for a model of this config; layers with a sliding window are those of transformers."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


class RoomyLayer(DynamicLayer):
    """Keys and values (R, H, L, D) of one layer, as views into tensors with more rows and columns.

    prompt: keys and values (1, H, P, D) that all rows share and that stand before their own; None = none.
    """

    prompt: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_, **__) -> tuple[Tensor, Tensor]:
        """Write the next columns (R, H, l, D), and show all that the rows have of their own."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._make(key_states, value_states, len(key_states), key_states.shape[-2])
        rows, _, begin, _ = self.keys.shape
        end = begin + key_states.shape[-2]
        if end > self.rooms[0].shape[-2]:
            self._move(torch.arange(rows, device=self.keys.device), end + ROOM)
        for room, new in zip(self.rooms, (key_states, value_states), strict=True):
            room[:rows, :, begin:end] = new
        self._show(rows, end)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """The prompt's columns, where it is shared, and the rows' own."""
        if not self.is_initialized:
            return 0
        return self.keys.shape[-2] + (0 if self.prompt is None else self.prompt[0].shape[-2])

    def share(self, rows: int) -> None:
        """Of the one row that there is, make the prompt of so many rows without anything of their own."""
        self.prompt = self.keys, self.values
        self._make(*self.prompt, rows, ROOM)

    def batch_select_indices(self, indices: Tensor) -> None:
        """Only these rows, in this order; a row that keeps its place is not touched."""
        number, length = len(indices), self.keys.shape[-2]
        if number > len(self.rooms[0]):
            self._move(indices, length + ROOM)
            return
        moved = (indices != torch.arange(number, device=indices.device)).nonzero().squeeze(1)
        for room in self.rooms:
            room[moved, :, :length] = room[indices[moved], :, :length]
        self._show(number, length)

    def _move(self, indices: Tensor, columns: int) -> None:
        """These rows into new tensors with so many columns."""
        old = self.keys, self.values
        self._make(*old, len(indices), columns)
        self._show(len(indices), old[0].shape[-2])
        for before, seen in zip(old, (self.keys, self.values), strict=True):
            torch.index_select(before, 0, indices, out=seen)

    def _make(self, keys: Tensor, values: Tensor, rows: int, columns: int) -> None:
        """Empty tensors for so many rows and columns of such keys and values."""
        self.rooms = tuple(x.new_empty(rows, x.shape[1], columns, x.shape[3]) for x in (keys, values))
        self._show(rows, 0)

    def _show(self, rows: int, columns: int) -> None:
        self.keys, self.values = (room[:rows, :, :columns] for room in self.rooms)
