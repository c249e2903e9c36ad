"""Preferences: groups of one prompt, K responses, and what people said: split, take, pair, save."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from numbers import Real
from pathlib import Path

import numpy as np

from rmkit.arguments import argument, seen
from rmkit.data import reading, saved_lines
from rmkit.data.display import card
from rmkit.data.ledger import Event, Ledger, counted
from rmkit.data.notes import notes
from rmkit.data.outlines import outline
from rmkit.data.records import Record, prompt_key
from rmkit.data.stored_records import StoredRecords, chosen, wheres
from rmkit.errors import InputError, did_you_mean


class Preferences:
    """A sequence of records, and the ledger of everything that was read to get them.

    records: a list of Record; of a large file `StoredRecords`, each made when it is read.  events: what
    became of the other rows, one by one.  untaken: records of the source that a slice or `take` passed over.
    part: the split that the ledger names ("train" ...).
    """

    def __init__(
        self,
        records: Iterable[Record],
        name: str = "preferences",
        events: Iterable[Event] = (),
        untaken: Iterable[Record] = (),
        part: str | None = None,
    ):
        self.records, self.events, self.untaken = _held(records), list(events), _held(untaken)
        self.name, self.part = name, part

    @cached_property
    def ledger(self) -> Ledger:
        """Counts by split and subset, with rows to look at."""
        return counted(self.records, self.events, self.untaken, self.part)

    @cached_property
    def notes(self) -> list[str]:
        """Sentences on what the rows do not say one by one: few prompts, votes, length, unused columns."""
        return notes(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __getitem__(self, index: int | slice) -> "Record | Preferences":
        if isinstance(index, str):
            raise InputError(f"Preferences have no columns: for {index!r} look at a record, such as data[0].")
        if not isinstance(index, slice):
            return self.records[index]
        numbers = range(len(self.records))[index]
        inside = set(numbers)
        taken = chosen(self.records, numbers)
        rest = chosen(self.records, [i for i in range(len(self.records)) if i not in inside])
        events = self.events
        if any(event.is_remark for event in events):
            # A remark about a record goes with it; a row that was dropped stays counted.
            gone = set(wheres(rest)) - set(wheres(taken)) - {None}
            events = [event for event in events if not (event.is_remark and event.where in gone)]
        return Preferences(taken, self.name, events, _both(self.untaken, rest), self.part)

    @property
    def subsets(self) -> dict[str, int]:
        """Groups of each named subset."""
        return dict(Counter(name for name in outline(self.records).subsets if name is not None))

    def subset(self, name: str) -> "Preferences":
        """The records of one subset."""
        if name not in self.subsets:
            raise InputError(f"There is no subset {name!r} here{did_you_mean(name, self.subsets)}")
        records, untaken = (
            chosen(found, np.flatnonzero(outline(found).subsets == name).tolist())
            for found in (self.records, self.untaken)
        )
        events = [event for event in self.events if event.subset == name]
        return Preferences(records, f"{self.name}, {name}", events, untaken, self.part)

    def split(self, test: float = 0.2, seed: int = 0) -> "tuple[Preferences, Preferences]":
        """(train, test), by prompt: records of one prompt stay together, whatever its white space.

        test is the share of prompts. Prompts are ordered by a hash of seed and prompt, so the split depends
        on neither the order of the rows nor the machine. Both parts keep their share of the ledger.
        """
        if not isinstance(test, Real) or isinstance(test, bool) or not 0 <= test <= 1:
            raise InputError(f"test={seen(test)} is no share: give a number between 0 and 1, such as 0.2.")
        digests = [_digest(prompt_key(record), seed) for record in self.records]
        others = [_digest(prompt_key(record), seed) for record in self.untaken]
        order = sorted(set(digests))
        held_out = round(test * len(order))
        # A dropped row whose prompt has no other record falls on the side that its hash gives it.
        last = order[held_out - 1] if held_out else b""

        def part(name: str, inside: Callable[[bytes], bool]) -> Preferences:
            records, untaken = (
                chosen(found, [i for i, digest in enumerate(its) if inside(digest)])
                for found, its in ((self.records, digests), (self.untaken, others))
            )
            events = [event for event in self.events if inside(_digest(event.prompt, seed))]
            return Preferences(records, f"{self.name} ({name})", events, untaken, name)

        return part("train", lambda digest: digest > last), part("test", lambda digest: digest <= last)

    def to_pairs(self) -> "Preferences":
        """Every ranking as its pairs, the preferred response first; tied pairs are left out and counted."""
        pairs, events = [], list(self.events)
        for record in self.records:
            key = prompt_key(record)
            for i, j in record.pairs():
                named = (
                    record.id if len(record.responses) == 2 or record.id is None else f"{record.id}:{i}>{j}"
                )
                pairs.append(replace(record.choose([i, j]), ranks=[1, 2], id=named))
            alone = 0 if record.pairs() or record.ties() else 1  # nothing ranked
            place = record.where or record.id or ""
            for reason, n in (("tied", len(record.ties())), ("no pair", alone)):
                events += [Event(reason, place, record.subset, key, n)] if n else []
        return Preferences(pairs, f"{self.name}, pairs", events, self.untaken, self.part)

    def shuffled(self, seed: int = 0) -> "Preferences":
        """The same records in another order."""
        order = list(range(len(self.records)))
        random.Random(seed).shuffle(order)
        return Preferences(chosen(self.records, order), self.name, self.events, self.untaken, self.part)

    def take(self, n: int, seed: int = 0) -> "Preferences":
        """n records drawn without replacement (all, where there are fewer); the ledger counts the others."""
        return self.shuffled(seed)[: argument("n", n, kind=int, least=0)]

    def save(self, path: str | Path) -> Path:
        """Write the records as .jsonl, .jsonl.gz, .parquet or .arrow; `load` reads them back unchanged."""
        path = Path(argument("path", path, kind=Path))
        kind = reading.suffix(path)
        if kind not in (*saved_lines.KINDS, ".parquet", ".arrow"):
            raise InputError(
                f"Cannot save as {path.name!r}: end it in .jsonl, .jsonl.gz, .parquet or .arrow."
            )
        if kind in saved_lines.KINDS:
            return saved_lines.write(self.records, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        reading.table([record.to_dict() for record in self.records], path)
        return path

    def __repr__(self) -> str:
        return f"Preferences({self.name!r}: {self.ledger.line()})"

    def figure(self):
        """A plotly figure: lengths, sizes of groups, strengths, and length against label."""
        from rmkit.data import figures

        return figures.figure(self)

    def _ipython_display_(self) -> None:
        from rmkit.notebook import page

        page.show(self)

    def _repr_html_(self) -> str:
        from rmkit.notebook.page import fold

        about = card(self.name, self.records, self.subsets, self.ledger, self.notes)
        return fold("Subsets, ledger and the first record", about)


def _held(records: Iterable[Record]) -> Sequence[Record]:
    return records if isinstance(records, StoredRecords) else list(records)


def _both(some: Sequence[Record], more: Sequence[Record]) -> Sequence[Record]:
    return some + more if len(some) else more


def _digest(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{key}".encode()).digest()
