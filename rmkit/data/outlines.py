"""Many records as columns of numbers: how many responses, ranks, subsets; of texts their lengths and hashes.

Of stored records they are read column by column, and no record is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.compute as pc

from rmkit.data.records import Record, key_of_words, prompt_key
from rmkit.data.stored_records import StoredRecords, as_bytes, as_text

# A prompt that stands in its key as it is: words with single spaces, and nothing that JSON writes otherwise.
_PLAIN = r"\A[!#-\[\]-~]+(?: [!#-\[\]-~]+)*\z"


@dataclass
class Outline:
    """What N records with M responses say beside their texts.

    sizes (N,)    responses of each.   ranks (M,)  of all responses, record after record; 0 = not ranked
    subsets (N,)  names, or None.   asked (N,)  False: the record has neither `share` nor `correct`
    """

    sizes: np.ndarray
    ranks: np.ndarray
    subsets: np.ndarray
    asked: np.ndarray

    @property
    def tied(self) -> np.ndarray:
        """(N,) whether the ranks tie two responses of the record and order none."""
        lowest, highest, number = ranked(self.ranks, self.sizes)
        return (lowest == highest) & (number > 1)


def ranked(ranks: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(lowest, highest, how many) (N,) of each record's ranks above 0; where none is, the lowest is huge."""
    record, known = np.repeat(np.arange(len(sizes)), sizes)[ranks > 0], ranks[ranks > 0]
    lowest, highest = np.full(len(sizes), np.iinfo(np.int64).max), np.zeros(len(sizes), dtype=np.int64)
    np.minimum.at(lowest, record, known)
    np.maximum.at(highest, record, known)
    return lowest, highest, np.bincount(record, minlength=len(sizes))


class Texts(NamedTuple):
    """What N records with M responses say, as far as numbers tell it.

    prompts (N,)    hashes (64 bits) of `prompt_key`, the same in every process: of a million prompts two are
                    taken for one with a chance of 3 in 10**8
    blank (N,)      there is no prompt.   lengths, responses (M,)   characters, and hashes of the texts
    """

    prompts: np.ndarray
    blank: np.ndarray
    lengths: np.ndarray
    responses: np.ndarray


def outline(records: Sequence[Record]) -> Outline:
    """The outline of records, in their order."""
    if isinstance(records, StoredRecords):
        return _joined(Outline, [_outline_of(part) for part in records.parts()])
    sizes = [len(record.responses) for record in records]
    ranks = [rank or 0 for record, k in zip(records, sizes, strict=True) for rank in record.ranks or [0] * k]
    subsets = [record.subset for record in records]
    return _joined(Outline, [(sizes, ranks, subsets, [True] * len(sizes))])


def texts(records: Sequence[Record]) -> Texts:
    """Lengths and hashes of the texts of records, in their order."""
    if isinstance(records, StoredRecords):
        return _joined(Texts, [_texts_of(part) for part in records.parts()])
    said = [text for record in records for text in record.responses]
    keys, blank = [prompt_key(record) for record in records], [_is_blank(record) for record in records]
    return _joined(Texts, [(_hashes(keys), blank, list(map(len, said)), _hashes(list(map(as_bytes, said))))])


_TYPES = {
    "sizes": np.int64,
    "ranks": np.int64,
    "subsets": object,
    "asked": bool,
    "prompts": np.uint64,
    "blank": bool,
    "lengths": np.int64,
    "responses": np.uint64,
}


def _joined(kind: type, parts: list[tuple]):
    names = list(kind.__annotations__)
    columns = zip(*parts, strict=True) if parts else [()] * len(names)
    return kind(
        *(
            np.concatenate([np.zeros(0, _TYPES[name]), *(np.asarray(each, _TYPES[name]) for each in column)])
            for name, column in zip(names, columns, strict=True)
        )
    )


def _outline_of(part: pyarrow.RecordBatch) -> tuple:
    sizes = np.diff(part.column("responses").offsets.to_numpy())
    ranks, rest = part.column("ranks"), part.column("rest")
    said = ranks.flatten().fill_null(0).to_numpy(zero_copy_only=False)
    if ranks.null_count:
        known = ranks.is_valid().to_numpy(zero_copy_only=False)
        places, given = np.repeat(known, sizes), said
        said = np.zeros(int(sizes.sum()), dtype=np.int64)
        said[places] = given
    asked = np.zeros(len(part), dtype=bool)
    for word in ('"share"', '"correct"') if rest.null_count < len(rest) else ():
        found = pc.match_substring(rest, word).fill_null(False)
        asked |= found.to_numpy(zero_copy_only=False)
    subset = part.column("subset")
    named = subset.null_count < len(part)
    subsets = [as_text(name) for name in subset.to_pylist()] if named else [None] * len(part)
    return sizes, said, subsets, asked


def _texts_of(part: pyarrow.RecordBatch) -> tuple:
    prompts, responses = part.column("prompt"), part.column("responses").flatten()
    blank, table = np.zeros(len(part), dtype=bool), pyarrow.Table.from_batches([part])
    keys = [f'[["user", "{words}"]]' for words in prompts.to_pylist()]
    plain = pc.match_substring_regex(prompts, _PLAIN).to_numpy(zero_copy_only=False)
    for number in np.flatnonzero(~plain).tolist():
        words = "" if part.column("talk")[number].as_py() else " ".join(prompts[number].as_py().split())
        if words:
            keys[number] = key_of_words(words)
        else:
            record = StoredRecords(table)[number]
            keys[number], blank[number] = prompt_key(record), _is_blank(record)
    said = responses.cast(pyarrow.large_binary()).to_pylist()
    return _hashes(keys), blank, pc.utf8_length(responses).to_numpy(), _hashes(said)


def _is_blank(record: Record) -> bool:
    prompt = record.prompt
    return not prompt if isinstance(prompt, str) else not any(message["content"] for message in prompt)


def _hashes(said: list[str] | list[bytes]) -> np.ndarray:
    return pd.util.hash_array(np.array(said, dtype=object), categorize=False)
