"""Preferences that are read from front to back and never held: sets larger than the disk, or just a look."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from rmkit.data import convert, reading, saved_lines
from rmkit.data.columns import Row
from rmkit.data.files import suffix
from rmkit.data.formats.registry import Format, detect
from rmkit.data.groups import Preferences
from rmkit.data.ledger import Event, Ledger, counted
from rmkit.data.records import Record
from rmkit.errors import InputError

CHUNK = 256  # rows that are read, and counted, together


class Stream:
    """Records of a set as they are read; each loop over them reads the set anew.

    ledger: what became of the rows that the latest loop has read so far. All rows are of the format of the
    first ones. Rows that stand far apart are not compared: repeats stay, and `malformed` holds for 256 rows
    at a time. What needs all records at once takes `take(n)`, which are Preferences.
    """

    def __init__(self, rows: Callable[[], Iterable[Row]], name: str, malformed: float = 0.1):
        self._rows, self.name, self.malformed = rows, name, malformed
        self.ledger = Ledger()

    def __iter__(self) -> Iterator[Record]:
        self.ledger = Ledger()
        for records, events in self._chunks():
            self.ledger = self.ledger.merge(counted(records, events))
            yield from records

    def take(self, n: int) -> Preferences:
        """The first n records (all, where there are fewer), held in memory, with the ledger of their rows."""
        records, events = [], []
        for some, lost in self._chunks() if n > 0 else ():
            records += some
            events += lost
            if len(records) >= n:
                break
        return Preferences(records[:n], self.name, events, records[n:])

    def save(self, path: str | Path, n: int | None = None) -> Path:
        """Write the first n records (None: all) as .jsonl or .jsonl.gz, holding none of them.

        `load` of the file is read from disk, record by record: so a set that is larger than memory is trained
        on, shuffled and resumed as any other. Raises InputError where the path ends otherwise.
        """
        path = Path(path)
        if suffix(path) not in saved_lines.KINDS:
            raise InputError(f"Cannot save a stream as {path.name!r}: end it in .jsonl or .jsonl.gz.")
        return saved_lines.write(islice(self, n), path)

    def _chunks(self) -> Iterator[tuple[list[Record], list[Event]]]:
        rows, form, read = iter(self._rows()), None, 0
        while some := self._next(rows, read):
            form = form or self._format(some)
            placed, events, _ = convert.records(some, self.malformed, form)
            for where, record in placed:
                record.where = where
            read += len(some)
            yield [record for _, record in placed], events
        if not read:
            raise InputError(f"{self.name} is empty: it holds no rows.")

    def _next(self, rows: Iterator[Row], read: int) -> list[Row]:
        try:
            return list(islice(rows, CHUNK))
        except OSError as error:  # the network, or the file of a part
            reason = " ".join(str(error).split())[:300]
            raise InputError(
                f"{self.name} could not be read on after {read:,} rows ({reason}); loop over it again."
            ) from error

    def _format(self, rows: list[Row]) -> Format:
        form = detect(rows)
        if form.joins or form.needs_all:
            raise InputError(
                f"{self.name} is of the format {form.name}, which makes records of rows that may stand far "
                "apart: load it without streaming=True."
            )
        return form

    def __getattr__(self, name: str):
        if name in ("records", "events") or (name[:1] != "_" and hasattr(Preferences, name)):
            raise InputError(needs_all(self, f".{name}"))
        raise AttributeError(f"A Stream has no {name!r}.")

    def __getitem__(self, index):
        raise InputError(needs_all(self, f"[{index!r}]"))

    def __repr__(self) -> str:
        return f"Stream({self.name!r}, so far: {self.ledger.line()})"


def needs_all(stream: Stream, what: str) -> str:
    """The sentence of what a stream cannot do."""
    return (
        f"{stream.name} is a stream, and {what} needs all records at once: give the first ones, "
        "stream.take(10_000), or load the file that stream.save('set.jsonl') writes, which stays on disk."
    )


def stream(source, split: str | None, config: str | None, votes: str, malformed: float) -> Stream:
    """The stream of a set on the Hub, or of an IterableDataset of `datasets`.

    Raises InputError where the source is another, or votes are to be joined.
    """
    if votes != "each":
        raise InputError(f"votes={votes!r} joins rows that may stand far apart: load without streaming=True.")
    if isinstance(source, str) and reading.is_hub_id(source):
        found, name = reading.hub_set(source, config, split, streaming=True)
    elif hasattr(source, "column_names") and not hasattr(source, "__len__"):
        if split is not None or config is not None:
            raise InputError("split and config choose a set of the Hub; this dataset is one already.")
        found, name = source, "dataset"
    else:
        raise InputError(
            "streaming=True is for a set of the Hub, 'owner/name', and for an IterableDataset of `datasets`; "
            "load files without it: large ones are read from the cache, record by record."
        )
    return Stream(lambda: reading.dataset_rows(found, name), name, malformed)
