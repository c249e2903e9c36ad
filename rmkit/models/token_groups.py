"""Tokens of a whole set: int32 in Arrow tables, from which a `TokenGroup` is made when it is read."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, pairwise

import numpy as np
import pyarrow

from rmkit.data.ledger import PROMPT_CUT, RESPONSE_CUT
from rmkit.models.chat import APART, FOLDED, PARTED
from rmkit.models.packing import TokenGroup, cuts

CHUNK = 1024  # records that are tokenized in one call, and stand in one batch of a table
NOTES = (FOLDED, PARTED, APART)  # the note number i is the bit 2**i

_DIGEST = np.dtype("V16")
_LISTS = pyarrow.list_(pyarrow.list_(pyarrow.int32()))
SCHEMA = pyarrow.schema(
    {
        "segments": _LISTS,  # a prompt and its K responses
        "cut": pyarrow.list_(pyarrow.bool_()),  # which of them lost something
        "packed": pyarrow.int32(),  # tokens of the packed layout, and of the padded one
        "padded": pyarrow.int32(),
        PROMPT_CUT: pyarrow.bool_(),
        RESPONSE_CUT: pyarrow.bool_(),
        "same": pyarrow.bool_(),  # two responses have the same tokens
        "pair": pyarrow.bool_(),
        "notes": pyarrow.uint8(),
        "steps": _LISTS,  # `TokenGroup.steps`; null: not looked for
        "digest": pyarrow.binary(16),  # of the tokens and steps
        "refusal": pyarrow.string(),  # why the chat template does not write this record; null: it does
    }
)


class TokenGroups(Sequence[TokenGroup]):
    """Groups of tokens by their place, 4 bytes a token; in memory only as far as they are read.

    table: of SCHEMA, a row for each record, CHUNK rows a batch.   places: the rows that these groups are, and
    so the records' numbers (`TokenGroup.index`); None = all.
    """

    def __init__(self, table: pyarrow.Table, places: np.ndarray | None = None):
        self.table = table
        self.places = np.arange(len(table)) if places is None else places
        self._chunks = [_Chunk(batch) for batch in table.to_batches()]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, at: int | slice) -> "TokenGroup | TokenGroups":
        if isinstance(at, slice):
            return self.take(np.arange(len(self))[at])
        place = int(self.places[at])
        return self._chunks[place // CHUNK].group(place)

    def take(self, chosen: Sequence[int]) -> "TokenGroups":
        """These of the groups, in this order."""
        return TokenGroups(self.table, self.places[np.asarray(chosen, dtype=np.int64)])

    def column(self, name: str) -> np.ndarray:
        """(N,) one number or truth value of each group: "packed", "same", PROMPT_CUT ..."""
        parts = [batch.column(name).to_numpy(zero_copy_only=False) for batch in self.table.to_batches()]
        return np.concatenate(parts or [np.zeros(0, dtype=np.int32)])[self.places]

    def cuts(self) -> Iterator[tuple[str, str, np.ndarray]]:
        """(what the ledger counts, what was done, (N,) with which groups) of all that lost something."""
        prompt, response = self.column(PROMPT_CUT), self.column(RESPONSE_CUT)
        of = {PROMPT_CUT: prompt, RESPONSE_CUT: response}
        return ((what, done, of.get(what, prompt | response)) for what, done in cuts(True, True).items())

    def notes(self) -> list[str]:
        """What the chat template did not allow in any of the groups."""
        bits = int(np.bitwise_or.reduce(self.column("notes"), initial=0, dtype=np.uint8))
        return _notes(bits)

    def digest(self) -> str:
        """A digest of every token and of where steps end, in the order of the groups."""
        columns = [batch.column("digest") for batch in self.table.to_batches()]
        parts = [np.frombuffer(c.buffers()[1], _DIGEST, len(c), c.offset * _DIGEST.itemsize) for c in columns]
        own = np.concatenate(parts or [np.zeros(0, _DIGEST)])
        return hashlib.sha256(own[self.places].tobytes()).hexdigest()


class _Chunk:
    """One batch of a table as NumPy arrays, which are views of it."""

    def __init__(self, batch: pyarrow.RecordBatch):
        segments, cut = batch.column("segments"), batch.column("cut")
        self.first, self.tokens = segments.offsets.to_numpy(), segments.values.values.to_numpy()
        self.starts = segments.values.offsets.to_numpy()
        self.cut, self.batch = cut.values, batch
        steps = batch.column("steps")
        self.steps = steps if steps.null_count < len(steps) else None

    def group(self, place: int) -> TokenGroup:
        row = place % CHUNK
        a, b = self.first[row : row + 2].tolist()
        starts = self.starts[a : b + 1].tolist()
        tokens = self.tokens[starts[0] : starts[-1]].tolist()
        ends = [start - starts[0] for start in starts]
        prompt, *responses = [tokens[i:j] for i, j in pairwise(ends)]
        cut = self.cut[a:b].to_pylist()
        pair, notes = self.batch.column("pair")[row].as_py(), self.batch.column("notes")[row].as_py()
        steps = None if self.steps is None else self.steps[row].as_py()
        return TokenGroup(prompt, responses, cut[0], tuple(cut[1:]), place, pair, tuple(_notes(notes)), steps)


def _notes(bits: int) -> list[str]:
    return [note for i, note in enumerate(NOTES) if bits >> i & 1]


def batch_of(groups: Iterable[TokenGroup | str]) -> pyarrow.RecordBatch:
    """A batch of a table of SCHEMA: each record as its group of tokens, or as the sentence of a refusal."""
    items = list(groups)
    known = [None if isinstance(item, str) else item for item in items]
    rows = [[] if group is None else [group.prompt, *group.responses] for group in known]
    cut = [[] if group is None else [group.prompt_cut, *_cuts(group)] for group in known]
    segments = _lists(rows, _lists(list(chain.from_iterable(rows))))
    columns = {
        "segments": segments,
        "cut": pyarrow.array(cut, pyarrow.list_(pyarrow.bool_())),
        "packed": [0 if group is None else len(group) for group in known],
        "padded": [0 if group is None else group.padded_tokens for group in known],
        PROMPT_CUT: [group is not None and group.prompt_cut for group in known],
        RESPONSE_CUT: [group is not None and any(group.responses_cut) for group in known],
        "same": [group is not None and bool(group.same()) for group in known],
        "pair": [group is not None and group.pair for group in known],
        "notes": [_bits(group.notes) if group is not None else 0 for group in known],
        "steps": [None if group is None else group.steps for group in known],
        "digest": _digests(segments, [None if group is None else group.steps for group in known]),
        "refusal": [item if isinstance(item, str) else None for item in items],
    }
    arrays = [pyarrow.array(columns[field.name], field.type) for field in SCHEMA]
    return pyarrow.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _digests(segments: pyarrow.ListArray, steps: list) -> list[bytes]:
    """Of each row a digest of its tokens, of where its prompt and responses end, and of its steps."""
    firsts, starts = segments.offsets.to_numpy(), segments.values.offsets.to_numpy()
    tokens, found = segments.values.values.to_numpy(), []
    for (a, b), ends in zip(pairwise(firsts.tolist()), steps, strict=True):
        own = hashlib.blake2b(tokens[starts[a] : starts[b]], digest_size=_DIGEST.itemsize)
        own.update(np.diff(starts[a : b + 1]).tobytes())
        own.update(b"" if ends is None else json.dumps(ends).encode())
        found.append(own.digest())
    return found


def _cuts(group: TokenGroup) -> tuple[bool, ...]:
    return group.responses_cut or (False,) * len(group.responses)


def _bits(notes: Sequence[str]) -> int:
    return sum(1 << NOTES.index(note) for note in notes)


def _lists(rows: list[list], values: pyarrow.Array | None = None) -> pyarrow.ListArray:
    """Lists of integers, or of the given values, as one array and the places where each begins."""
    offsets = np.fromiter(accumulate(map(len, rows), initial=0), dtype=np.int32, count=len(rows) + 1)
    if values is None:
        flat = np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(offsets[-1]))
        values = pyarrow.array(flat)
    return pyarrow.ListArray.from_arrays(pyarrow.array(offsets), values)


def chunks(number: int) -> Iterator[range]:
    """The numbers of `number` records, CHUNK at a time."""
    return (range(start, min(start + CHUNK, number)) for start in range(0, number, CHUNK))
