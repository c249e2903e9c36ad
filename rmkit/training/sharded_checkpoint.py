"""The checkpoint of a run whose weights lie over processes: each writes its part, in safetensors.

PyTorch's distributed checkpoints do it; they are read again by any number of processes. One small JSON file
says which folder holds the parts: it is replaced in one instant when all of them are written. The folder of
the run must be one that every process sees.
"""

import contextlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from accelerate.utils import broadcast_object_list
from torch import Tensor
from torch.distributed.checkpoint import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.api import CheckpointException

from rmkit.training.checkpoint import BEST, NAME, Checkpoint
from rmkit.training.objective import tensors_of


class ShardedCheckpoint(Checkpoint):
    """As Checkpoint; over several processes all of them call every method at once."""

    @property
    def alone(self) -> bool:
        """Whether this process can write by itself, whatever becomes of the others."""
        return not dist.is_initialized() or dist.get_world_size() == 1

    @property
    def first(self) -> bool:
        """Whether this is the first process."""
        return not dist.is_initialized() or dist.get_rank() == 0

    def due(self, step: int, every: int | None) -> bool:
        """As Checkpoint.due, by the first process's clock."""
        answer = [super().due(step, every)]
        if not (every or self.alone):
            broadcast_object_list(answer)
        return answer[0]

    def write(self, name: str, tensors: dict[str, Tensor], header: dict) -> None:
        """Write the parts into a new folder, then the file that names it; the folder before goes away."""
        stem, now = _stem(name), self._parts(name)
        number = 1 + (int(now.rpartition("-")[2]) if now else 0)
        folder = self.folder / f"{stem}-{number}"
        self._first_does(lambda: shutil.rmtree(folder, ignore_errors=True))  # of a write that was killed
        writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
        try:
            with _without_a_group():
                dcp.save(tensors, storage_writer=writer, no_dist=self.alone)
        except CheckpointException as error:  # of whichever process
            self._first_does(lambda: shutil.rmtree(folder, ignore_errors=True))
            raise OSError(*_cause(error)) from error
        self._first_does(lambda: self._point_to(name, header | {"parts": folder.name}))

    def read(self, name: str) -> dict[str, Tensor]:
        """The tensors in the parts of whatever number of processes, each as this process holds it."""
        reader = HuggingFaceStorageReader(str(self.folder / self._parts(name)))
        found = {
            key: self._like(key, about.size, about.properties.dtype)
            for key, about in reader.read_metadata().state_dict_metadata.items()
        }
        with _without_a_group():
            dcp.load(found, storage_reader=reader, no_dist=self.alone)
        return found

    def remove(self) -> None:
        """Delete what a finished run does not need; the first process alone."""
        for name in (NAME, BEST):
            (self.folder / f"{_stem(name)}.json").unlink(missing_ok=True)
            for parts in self.folder.glob(f"{_stem(name)}-*"):
                shutil.rmtree(parts)

    def _like(self, key: str, size: torch.Size, dtype: torch.dtype) -> Tensor:
        """An empty tensor for what a key names, in parts as the weight is that it belongs to."""
        kind, _, name = key.partition(".")
        if kind == "optimizer":
            held = [p for group in self.optimizer.param_groups for p in group["params"]]
            place = int(name.partition(".")[0])
            weight = held[place] if place < len(held) else None
        else:
            module = self.model if kind == "weight" else self.loss
            weight = tensors_of(module).get(name)
        if weight is None or weight.shape != size:  # a count of steps
            return torch.empty(size, dtype=dtype)
        return torch.empty_like(weight, dtype=dtype, requires_grad=False)

    def _parts(self, name: str) -> str | None:
        """The folder of the parts that are whole."""
        path = self.folder / f"{_stem(name)}.json"
        return json.loads(path.read_text(encoding="utf-8"))["parts"] if path.is_file() else None

    def _point_to(self, name: str, header: dict) -> None:
        path = self.folder / f"{_stem(name)}.json"
        temporary = path.with_name(path.name + ".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(header, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        for parts in self.folder.glob(f"{_stem(name)}-*"):
            if parts.name != header["parts"]:
                shutil.rmtree(parts)

    def _first_does(self, act) -> None:
        """The first process acts, the others wait; what fails there fails everywhere."""
        told: list = [None]
        if self.first:
            try:
                act()
            except OSError as error:
                told[0] = (error.errno, str(error))
        if not self.alone:
            broadcast_object_list(told)
        if told[0]:
            raise OSError(*told[0])


@contextlib.contextmanager
def _without_a_group() -> Iterator[None]:
    """PyTorch's warning that one process is alone says nothing new."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        yield


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _cause(error: CheckpointException) -> tuple:
    """(errno, words) of what failed first."""
    cause, _ = next(iter(error.failures.values()))
    return getattr(cause, "errno", None), str(cause)
