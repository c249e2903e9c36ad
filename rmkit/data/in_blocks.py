"""Large files read block after block: what becomes of a row goes to disk before the next block is read.

Of the rows before, only numbers are held: which share their responses (repeats), digests of pairs (votes).
Records, ledger and errors are those of all rows read at once. Where a row cannot be read without the others
(one response a line, trees, a column of several splits), `NotInBlocks` says so.
"""

from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from rmkit.data import cleaning, convert, files, reading, splits, stored
from rmkit.data.columns import Row
from rmkit.data.formats.registry import detect
from rmkit.data.groups import Preferences
from rmkit.data.ledger import Event
from rmkit.data.reading import Files
from rmkit.data.records import Record
from rmkit.data.stored_records import SCHEMA, StoredRecords, batches
from rmkit.data.transcripts import sides_alone, sides_told
from rmkit.data.votes import joined

BLOCK = 4096  # rows that are read together; a file's format is found among the first 200


class NotInBlocks(Exception):
    """What these rows become depends on rows that stand far apart: they must be read together."""


def preferences(
    source: str | Path | Sequence[str | Path],
    split: str | None,
    config: str | None,
    clean: bool,
    votes: str,
    malformed: float,
) -> Preferences:
    """What `load` gives of these files, its records in a draft on disk (`stored.draft`).

    Raises InputError as `load` does, and NotInBlocks.
    """
    found = _found(source, split, config)
    rows = _Rows(malformed)
    made = StoredRecords(stored.draft(SCHEMA, batches(rows.records(found))))
    events = [event for each in found for event in each.events] + rows.events
    if clean and not rows.benchmark:
        lost = cleaning.repeats(made, rows.marks)
        made = made.take(np.setdiff1d(np.arange(len(made)), list(lost)))
        events += lost.values()
    if votes != "each":
        made = StoredRecords(stored.draft(SCHEMA, batches(joined(made, votes, events))))
    return Preferences(made, reading.name_of([each.name for each in found]), events)


def _found(source: str | Path | Sequence[str | Path], split: str | None, config: str | None) -> list[Files]:
    sources = [source] if isinstance(source, str | Path) else source
    found = [reading.files_of(each, split, config) for each in sources]
    if any(each is None or each.split not in (None, "all") for each in found):
        raise NotInBlocks
    return found


class _Rows:
    """Rows of files on their way to records, and what is held of them."""

    def __init__(self, malformed: float):
        self.malformed, self.benchmark = malformed, False
        self.events: list[Event] = []
        self.marks = array("q")

    def records(self, found: list[Files]) -> Iterator[Record]:
        """The records of all files, in order."""
        for each in found:
            labels: list[str] = []
            for path in each.paths:
                for rows, placed in self._of_file(path):
                    if each.split is None:
                        labels = list(dict.fromkeys(labels + splits.of_rows(rows)))
                        if len(labels) > 1 and splits.are_splits(labels):
                            raise NotInBlocks
                    yield from map(self._kept, placed)

    def _of_file(self, path: Path) -> Iterator[tuple[list[Row], list[tuple[str, Record]]]]:
        rows, conversion = files.each_row(path), None
        told, alone = set(), set()
        while block := list(islice(rows, BLOCK)):
            if conversion is None:
                if all(row.fault is not None for row in block):
                    raise NotInBlocks
                form = detect(block)
                if form.joins or form.needs_all:
                    raise NotInBlocks
                conversion = convert.Conversion(form, self.malformed)
                self.benchmark |= form.benchmark
            told, alone = told | sides_told(block), alone | sides_alone(block)
            if told & alone:  # a prompt of one turn, in a file of transcripts (`transcripts.first_turns`)
                raise NotInBlocks
            yield block, conversion.add(convert.complete(block, conversion.form))
        self.events += conversion.finish()

    def _kept(self, placed: tuple[str, Record]) -> Record:
        record = placed[1]
        record.where = placed[0]
        self.marks.append(cleaning.mark(record))
        return record
