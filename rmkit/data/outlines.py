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

from rmkit.data.records import Record, prompt_key, ranks_of
from rmkit.data.stored_records import StoredRecords, as_bytes, as_text, bytes_of, chosen, labels_alone


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

    prompts (N,)    hashes (64 bits), equal where `prompt_key` is, the same in every process: of a million
                    prompts two are taken for one with a chance of 3 in 10**8
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


def all_ranks(records: Sequence[Record]) -> tuple[np.ndarray, np.ndarray]:
    """(N,) how many responses each record has, and (M,) `ranks_of` all of them, record after record."""
    groups = outline(records)
    ranks, starts = groups.ranks, np.cumsum(groups.sizes) - groups.sizes
    asked = np.flatnonzero(groups.asked).tolist()  # `correct` may stand where no rank does
    for number, record in zip(asked, labels_alone(chosen(records, asked)), strict=True):
        ranks[starts[number] : starts[number] + len(record.responses)] = ranks_of(record)
    return groups.sizes, ranks


def any_knows(records: Sequence[Record], name: str) -> bool:
    """Whether any record has a value in this field, one of those that are not among `Outline`."""
    if isinstance(records, StoredRecords) and not any(_mentions(part, name) for part in records.parts()):
        return False
    return any(getattr(record, name, None) is not None for record in records)


def _mentions(part: pyarrow.RecordBatch, name: str) -> bool:
    rest = part.column("rest")
    return rest.null_count < len(rest) and bool(pc.any(pc.match_substring(rest, f'"{name}"')).as_py())


def texts(records: Sequence[Record]) -> Texts:
    """Lengths and hashes of the texts of records, in their order."""
    if isinstance(records, StoredRecords):
        return _joined(Texts, [_texts_of(part) for part in records.parts()])
    said = [text for record in records for text in record.responses]
    keys, blank = list(map(_short_key, records)), list(map(_is_blank, records))
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
    blank, keys = np.zeros(len(part), dtype=bool), prompts.to_pylist()
    odd = np.flatnonzero(~_single_spaced(prompts) | _bools(part.column("talk")))
    records = StoredRecords(pyarrow.Table.from_batches([part.take(pyarrow.array(odd))]))
    for number, record in zip(odd.tolist(), records, strict=True):
        keys[number], blank[number] = _short_key(record), _is_blank(record)
    said = responses.cast(pyarrow.large_binary()).to_pylist()
    return _hashes(keys), blank, pc.utf8_length(responses).to_numpy(), _hashes(said)


def _short_key(record: Record) -> str:
    """The words of a prompt that is a text, one space between them; else its key, which no text can be."""
    words = " ".join(record.prompt.split()) if isinstance(record.prompt, str) else _alone(record.prompt)
    return words or f"\0  {prompt_key(record)}"  # white space comes twice in no words


def _alone(messages: list[dict[str, str]]) -> str:
    """The words of a single message of the user, which are the same prompt as their text; else none."""
    one = len(messages) == 1 and messages[0]["role"] == "user"
    return " ".join(messages[0]["content"].split()) if one else ""


def _single_spaced(texts: pyarrow.LargeStringArray) -> np.ndarray:
    """(N,) whether a text is ASCII words with single spaces and nothing else: most prompts of one line."""
    sizes, content = bytes_of(texts)
    spaces = np.frombuffer(content, np.uint8) == ord(" ")
    twice = np.flatnonzero(spaces[:-1] & spaces[1:])  # by far quicker than to search text by text
    good = _bools(pc.string_is_ascii(texts)) & _bools(pc.ascii_is_printable(texts)) & (sizes > 0)
    good[np.searchsorted(np.cumsum(sizes), twice, side="right")] = False
    return good & ~_bools(pc.starts_with(texts, " ")) & ~_bools(pc.ends_with(texts, " "))


def _bools(column: pyarrow.BooleanArray) -> np.ndarray:
    return column.to_numpy(zero_copy_only=False)


def _is_blank(record: Record) -> bool:
    prompt = record.prompt
    return not prompt if isinstance(prompt, str) else not any(message["content"] for message in prompt)


def _hashes(said: list[str] | list[bytes]) -> np.ndarray:
    return pd.util.hash_array(np.array(said, dtype=object), categorize=False)
