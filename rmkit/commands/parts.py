"""Scoring in parts: the processes of a launcher share them, and what a killed command had done is not lost.

A part is some hundred records. One process scores it, and keeps the rewards in the cache until the command
is done. Which records make a part depends on how many there are, and on nothing else: the rewards are the
same bit for bit from any number of processes, and any number goes on where others were killed.
Processes on several machines need a cache that all of them see ($RMKIT_CACHE).
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pyarrow
import torch
import torch.distributed as dist
from torch import Tensor
from tqdm.auto import tqdm

from rmkit.data import stored
from rmkit.data.preferences import Preferences
from rmkit.data.stored_records import chosen
from rmkit.models.reward_model import RewardModel
from rmkit.paths import cache_folder

LEAST, MOST, PARTS = 64, 4096, 256  # records of a part, and about how many parts between them
VERSION = 1  # of how rewards are made: raise it, and no part of an older command is used
PATIENCE = timedelta(days=7)  # for the slowest process
SCHEMA = pyarrow.schema(
    {
        "rewards": pyarrow.list_(pyarrow.float32()),  # of each response, or of each step of each
        "steps": pyarrow.list_(pyarrow.int32()),  # how many of them belong to each response
        "cut": pyarrow.bool_(),  # whether it was read in part
    }
)


@dataclass
class Scored:
    """The rewards of all records, in order; and what `evaluate` and `evaluate_steps` ask of a model."""

    model: RewardModel
    table: pyarrow.Table

    def __iter__(self) -> Iterator[list[float]]:
        for batch in self.table.to_batches():
            yield from batch.column("rewards").to_pylist()

    @property
    def cut(self) -> int:
        """How many records were read in part."""
        return sum(self.table.column("cut").to_pylist())

    def score_all(self, _: Preferences) -> list[Tensor]:
        """(K,) rewards of each record."""
        return [torch.tensor(rewards) for rewards in self]

    def score_steps(self, _: Preferences) -> list[Sequence[Tensor]]:
        """For each record K tensors (S_k,)."""
        counts = self.table.column("steps").to_pylist()
        return [torch.tensor(rewards).split(steps) for rewards, steps in zip(self, counts, strict=True)]

    def encode(self, preferences: Preferences, *, training: bool = False):
        """As the model's."""
        return self.model.encode(preferences, training=training)


@contextlib.contextmanager
def scored(
    model: RewardModel, data: Preferences, *, steps: bool = False, progress: bool = False
) -> Iterator[Scored | None]:
    """The rewards of all records, in order, on the first process; None on the others, which have done theirs.

    steps: a reward for each step.   After the block, where nothing went wrong, the parts are deleted.
    """
    rank, processes = (int(os.environ.get(name, n)) for name, n in (("RANK", 0), ("WORLD_SIZE", 1)))
    size = min(MOST, max(LEAST, -(-len(data) // PARTS)))
    spans = [range(start, min(start + size, len(data))) for start in range(0, len(data), size)]
    kind = f"scores/{_key(model, data, steps)}"

    def part(number: int) -> pyarrow.Table:
        make = partial(_batches, model, data, spans[number], steps)
        return stored.table(kind, f"{number:06d}", SCHEMA, make)

    with tqdm(total=len(data), desc="score", disable=not progress) as bar:
        for number in range(rank, len(spans), processes):
            bar.update(len(part(number)) * processes)
    _wait_for_all(processes)
    if rank:
        yield None
        return
    yield Scored(model, pyarrow.concat_tables([part(number) for number in range(len(spans))]))
    shutil.rmtree(cache_folder() / kind, ignore_errors=True)


def _batches(
    model: RewardModel, data: Preferences, span: range, steps: bool
) -> Iterator[pyarrow.RecordBatch]:
    name = f"{data.name}, records {span.start + 1} to {span.stop}"
    groups, _ = model.encode(Preferences(chosen(data.records, span), name), training=False, steps=steps)
    rewards, counts = [], []
    for found, group in zip(model.score_groups(groups), groups, strict=True):
        read = [len(ends) for ends in group.steps] if steps else [1] * len(found)
        counts.append(read)
        rewards.append([x for row, n in zip(found.tolist(), read, strict=True) for x in _first(row, n)])
    columns = [rewards, counts, [group.truncated for group in groups]]
    yield pyarrow.record_batch(columns, schema=SCHEMA)


def _first(row: float | list[float], n: int) -> list[float]:
    return row[:n] if isinstance(row, list) else [row]


def _key(model: RewardModel, data: Preferences, steps: bool) -> str:
    """A digest of all that rewards depend on."""
    about = [VERSION, torch.__version__, model.layout, model.max_length, model.device.type, steps]
    about += [model.classifier.config.to_json_string(), model.tokenizer.chat_template]
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, weight in model.state_dict().items():
        content = weight.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(name.encode())
        digest.update(content.numpy().data)
    for record in data:
        digest.update(json.dumps([record.prompt, record.responses, record.steps if steps else None]).encode())
    return digest.hexdigest()[:40]


def _wait_for_all(processes: int) -> None:
    """Until every process of the launcher has come here."""
    if processes > 1:
        if not dist.is_initialized():  # once: a second group would find the addresses of the first
            dist.init_process_group("gloo", timeout=PATIENCE)
        dist.barrier()
