"""Vectors of texts on disk: computed once, added in shards, checked one by one when they are read.

A shard is a safetensors file of keys (N, 16), vectors (N, D) and check sums (N,). It is written whole under a
name of its own, so that any number of processes may add at the same time, and nothing is ever changed.
"""

import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

Text = tuple[tuple[int, ...], tuple[int, ...]]  # the tokens of a prompt and of a response
WIDTH = 16  # bytes of a key


class Vectors:
    """The vectors of one model with one setting; folder: of all of them; identity: what they depend on."""

    def __init__(self, folder: Path, identity: list):
        self.folder = folder / hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]

    def read(self, texts: Collection[Text]) -> dict[Text, Tensor]:
        """{text: (D,)} of those that are here whole. A damaged shard is left out and removed."""
        wanted, found = {_key(text): text for text in texts}, {}
        for path in sorted(self.folder.glob("*.safetensors")):
            try:
                with safe_open(path, "pt") as shard:
                    keys, sums = (shard.get_tensor(name) for name in ("keys", "sums"))
                    vectors = shard.get_tensor("vectors")
            except FileNotFoundError:  # another process found it damaged
                continue
            except SafetensorError:
                path.unlink(missing_ok=True)
                continue
            names = keys.numpy().tobytes()
            for row, checked in enumerate(sums.tolist()):
                key = names[row * WIDTH : (row + 1) * WIDTH]
                if key in wanted and _sum(key, vectors[row]) == checked:
                    found[wanted[key]] = vectors[row].clone()
        return found

    def add(self, vectors: dict[Text, Tensor]) -> None:
        """Write one more shard."""
        keys = [_key(text) for text in vectors]
        tensors = {
            "keys": torch.from_numpy(np.frombuffer(b"".join(keys), dtype=np.uint8).copy()).view(-1, WIDTH),
            "vectors": torch.stack(list(vectors.values())),
            "sums": torch.tensor([_sum(*each) for each in zip(keys, vectors.values(), strict=True)]),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".part")
        os.close(handle)
        save_file(tensors, temporary)
        os.replace(temporary, Path(temporary).with_suffix(".safetensors"))  # whole or not at all


def _key(text: Text) -> bytes:
    return hashlib.sha256(json.dumps(text).encode()).digest()[:WIDTH]


def _sum(key: bytes, vector: Tensor) -> int:
    return zlib.crc32(vector.contiguous().numpy().tobytes(), zlib.crc32(key))
