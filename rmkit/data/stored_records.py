"""Records of a large set as an Arrow table: a `Record` is made when it is read, and gone after."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import islice, pairwise
from operator import attrgetter

import numpy as np
import pyarrow

from rmkit.data import stored
from rmkit.data.records import Record

CHUNK = 1024  # records of one batch of a table

_OWN = ("prompt", "responses", "ranks", "subset", "where")  # the fields that have a column of their own
_REST = tuple(each.name for each in fields(Record) if each.name not in _OWN)
_rest_of, _NOTHING = attrgetter(*_REST), (None,) * len(_REST)
SCHEMA = pyarrow.schema(
    {
        "prompt": pyarrow.large_string(),  # a text, or messages as JSON
        "talk": pyarrow.bool_(),  # it is messages
        "responses": pyarrow.large_list(pyarrow.large_string()),
        "ranks": pyarrow.list_(pyarrow.int64()),
        "subset": pyarrow.large_binary(),  # names may hold what is no UTF-8: see `as_bytes`
        "where": pyarrow.large_binary(),
        "rest": pyarrow.large_string(),  # the other fields as JSON; null: none is known
    }
)


class StoredRecords(Sequence[Record]):
    """Records by their place in a table of SCHEMA with CHUNK rows a batch. They are read, not changed.

    places: which rows, in which order; None = all.   texts: False = "" stands for every text, where only
    labels are looked at.
    """

    def __init__(self, table: pyarrow.Table, places: np.ndarray | None = None, texts: bool = True):
        self.table, self.texts = table, texts
        self.places = np.arange(len(table)) if places is None else places
        self._chunks = table.to_batches()

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, at: int | slice) -> "Record | StoredRecords":
        if isinstance(at, slice):
            return self.take(np.arange(len(self))[at])
        place = int(self.places[at])
        return _records(self._chunks[place // CHUNK].slice(place % CHUNK, 1), self.texts)[0]

    def __iter__(self) -> Iterator[Record]:
        for part in self.parts():
            yield from _records(part, self.texts)

    def parts(self) -> Iterator[pyarrow.RecordBatch]:
        """The rows of these records in order; rows of one batch that stand together come together.

        What was read of the tables is let go after each, so that a pass over all does not hold all.
        """
        for part in self._parts():
            yield part
            stored.let_go()

    def _parts(self) -> Iterator[pyarrow.RecordBatch]:
        runs = np.split(self.places, np.flatnonzero(np.diff(self.places // CHUNK)) + 1) if len(self) else []
        if len(runs) * 16 > len(self) + CHUNK:
            yield from self._shuffled_parts()
            return
        for places in runs:
            chunk = self._chunks[places[0] // CHUNK]
            whole = len(places) == len(chunk) and (np.diff(places) == 1).all()
            yield chunk if whole else chunk.take(pyarrow.array(places % CHUNK))

    def _shuffled_parts(self) -> Iterator[pyarrow.RecordBatch]:
        """The same where few neighbours are of one batch: many rows are gathered in the table's order."""
        for start in range(0, len(self), 16 * CHUNK):
            places = self.places[start : start + 16 * CHUNK]
            order = np.argsort(places, kind="stable")
            ends = np.flatnonzero(np.diff(places[order] // CHUNK)) + 1
            found = [
                self._chunks[some[0] // CHUNK].take(pyarrow.array(some % CHUNK))
                for some in np.split(places[order], ends)
            ]
            gathered = (
                pyarrow.Table.from_batches(found).combine_chunks().take(pyarrow.array(np.argsort(order)))
            )
            yield from gathered.combine_chunks().to_batches(max_chunksize=CHUNK)

    def take(self, chosen: Sequence[int] | np.ndarray) -> "StoredRecords":
        """These of the records, in this order."""
        places = self.places[np.asarray(chosen, dtype=np.int64)]
        return StoredRecords(self.table, places, self.texts)

    def without_texts(self) -> "StoredRecords":
        """The same records with "" for every prompt and response: quicker to read."""
        return StoredRecords(self.table, self.places, texts=False)

    def wheres(self) -> list[str | None]:
        """Where each record was read."""
        column = self.table.column("where").combine_chunks()
        return [as_text(place) for place in column.take(pyarrow.array(self.places)).to_pylist()]

    def __add__(self, others: Sequence[Record]) -> Sequence[Record]:
        if isinstance(others, StoredRecords) and others.table is self.table:
            return StoredRecords(self.table, np.concatenate([self.places, others.places]))
        return [*self, *others] if len(others) else self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None

    def __repr__(self) -> str:
        return f"StoredRecords({len(self):,} records)"


def chosen(records: Sequence[Record], places: Sequence[int]) -> Sequence[Record]:
    """The records at these places, in this order: a list of a list, stored ones of stored ones."""
    return records.take(places) if isinstance(records, StoredRecords) else [records[i] for i in places]


def labels_alone(records: Sequence[Record]) -> Sequence[Record]:
    """The same records, for who looks at no text: of stored ones their texts are not read."""
    return records.without_texts() if isinstance(records, StoredRecords) else records


def wheres(records: Sequence[Record]) -> list[str | None]:
    """Where each record was read; of stored ones without making them."""
    return records.wheres() if isinstance(records, StoredRecords) else [record.where for record in records]


def digest_of_texts(records: Sequence[Record]) -> bytes:
    """A digest of every prompt and response in order, the same for a list and for stored records."""
    # One digest for each kind of piece, so that batches of any sizes add up to the same.
    digests = [hashlib.blake2b() for _ in range(6)]
    for part in records.parts() if isinstance(records, StoredRecords) else batches(records):
        responses = part.column("responses")
        sizes = np.diff(responses.offsets.to_numpy())
        talk = part.column("talk").to_numpy(zero_copy_only=False)
        pieces = [sizes, talk, *bytes_of(part.column("prompt")), *bytes_of(responses.flatten())]
        for digest, piece in zip(digests, pieces, strict=True):
            digest.update(piece)
    return b"".join(digest.digest() for digest in digests)


def bytes_of(texts: pyarrow.LargeStringArray) -> tuple[np.ndarray, memoryview]:
    """(the bytes that each text takes, all of them one after the other)."""
    _, ends, content = texts.buffers()
    ends = np.frombuffer(ends, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.diff(ends), memoryview(content or b"")[ends[0] : ends[-1]]


def batches(records: Iterable[Record]) -> Iterator[pyarrow.RecordBatch]:
    """The records as batches of a table of SCHEMA."""
    if isinstance(records, StoredRecords):
        for start in range(0, len(records), CHUNK):
            part = pyarrow.Table.from_batches(records[start : start + CHUNK].parts(), SCHEMA)
            yield from part.combine_chunks().to_batches()
        return
    records = iter(records)
    while part := list(islice(records, CHUNK)):
        texts = [isinstance(record.prompt, str) for record in part]
        columns = {
            "prompt": [
                r.prompt if text else json.dumps(r.prompt) for r, text in zip(part, texts, strict=True)
            ],
            "talk": [not text for text in texts],
            "responses": [record.responses for record in part],
            "ranks": [record.ranks for record in part],
            "subset": [as_bytes(record.subset) for record in part],
            "where": [as_bytes(record.where) for record in part],
            "rest": [_rest(record) for record in part],
        }
        arrays = [pyarrow.array(columns[field.name], field.type) for field in SCHEMA]
        yield pyarrow.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def as_bytes(text: str | None) -> bytes | None:
    """A name from a file as bytes; half a surrogate pair, which JSON can write and UTF-8 cannot, stays."""
    return None if text is None else text.encode("utf-8", "surrogatepass")


def as_text(content: bytes | None) -> str | None:
    """What `as_bytes` made bytes of."""
    return None if content is None else content.decode("utf-8", "surrogatepass")


def _rest(record: Record) -> str | None:
    values = _rest_of(record)
    if values == _NOTHING:  # most records
        return None
    return json.dumps({name: v for name, v in zip(_REST, values, strict=True) if v is not None})


def _records(batch: pyarrow.RecordBatch, texts: bool) -> list[Record]:
    columns = batch.select(["ranks", "subset", "rest"]).to_pydict()
    responses = batch.column("responses")
    starts = responses.offsets.to_pylist()
    if texts:
        # `flatten` begins at this batch's own first text, the offsets may begin anywhere.
        found, first = responses.flatten().to_pylist(), starts[0]
        answers = [found[i - first : j - first] for i, j in pairwise(starts)]
        talk, where = batch.column("talk").to_pylist(), batch.column("where").to_pylist()
        prompts = [
            json.loads(prompt) if is_talk else prompt
            for prompt, is_talk in zip(batch.column("prompt").to_pylist(), talk, strict=True)
        ]
    else:
        answers = [[""] * (j - i) for i, j in pairwise(starts)]
        prompts, where = [""] * len(batch), [None] * len(batch)
    return [
        Record(
            prompt,
            answer,
            ranks,
            subset=as_text(subset),
            where=as_text(place),
            **(json.loads(rest) if rest else {}),
        )
        for prompt, answer, ranks, subset, place, rest in zip(
            prompts, answers, columns["ranks"], columns["subset"], where, columns["rest"], strict=True
        )
    ]
