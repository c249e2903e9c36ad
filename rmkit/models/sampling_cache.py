"""The keys and values of sequences that grow, with room ahead: a token is written, and nothing is copied.

The cache of transformers is concatenated anew for every token, and copied whole when a sequence ends: half of
the time of a small model. Its StaticCache copies nothing, but attends to the whole room at every token and
cannot let a sequence go.
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
    """Keys and values (R, H, L, D) of one layer, as views into tensors with more rows and columns."""

    def update(self, key_states: Tensor, value_states: Tensor, *_, **__) -> tuple[Tensor, Tensor]:
        """Write the next columns (R, H, l, D), and show all that there are."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.rooms = tuple(new.new_empty(new.shape) for new in (key_states, value_states))
            self._show(len(key_states), 0)
        rows, _, begin, _ = self.keys.shape
        end = begin + key_states.shape[-2]
        if end > self.rooms[0].shape[-2]:
            self._move(torch.arange(rows, device=self.keys.device), end + ROOM)
        for room, new in zip(self.rooms, (key_states, value_states), strict=True):
            room[:rows, :, begin:end] = new
        self._show(rows, end)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Only these rows, in this order; a row that keeps its place is not touched."""
        number, length = len(indices), self.get_seq_length()
        if number > len(self.rooms[0]):
            self._move(indices, length + ROOM)
            return
        moved = (indices != torch.arange(number, device=indices.device)).nonzero().squeeze(1)
        for room in self.rooms:
            room[moved, :, :length] = room[indices[moved], :, :length]
        self._show(number, length)

    def _move(self, indices: Tensor, columns: int) -> None:
        """These rows into new tensors with so many columns."""
        length, old = self.get_seq_length(), (self.keys, self.values)
        self.rooms = tuple(x.new_empty(len(indices), x.shape[1], columns, x.shape[3]) for x in old)
        self._show(len(indices), length)
        for before, seen in zip(old, (self.keys, self.values), strict=True):
            torch.index_select(before, 0, indices, out=seen)

    def _show(self, rows: int, columns: int) -> None:
        self.keys, self.values = (room[:rows, :, :columns] for room in self.rooms)
