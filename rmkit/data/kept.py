"""Large files are converted once: their records and their ledger's events lie in the cache as Arrow tables.

An entry's name is a digest of all that decides what `load` gives: the files' bytes and names, the arguments,
and the code that reads. So a changed file, or a changed reader, is another entry. What is read by a format
of the user's own is not kept, since a function cannot be told by its name.
"""

import glob
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pyarrow

from rmkit.data import files, stored
from rmkit.data.formats.registry import FORMATS
from rmkit.data.groups import Preferences
from rmkit.data.ledger import Event
from rmkit.data.stored_records import SCHEMA, StoredRecords, as_bytes, as_text, batches

LARGE = 8_000_000  # bytes of text from which on a set is kept

_TEXTS = ("what", "where", "subset", "prompt", "done")
_EVENTS = pyarrow.schema(
    [(name, pyarrow.large_binary()) for name in _TEXTS] + [("n", pyarrow.int64()), ("kept", pyarrow.bool_())]
)


def key(source: object, arguments: dict) -> str | None:
    """The name of the entry of these files; None for what is not kept: small sets, and what is no file."""
    paths = _files(source)
    if not paths or sum(path.stat().st_size for path in paths) < LARGE:
        return None
    if not all(form.convert.__module__.startswith("rmkit.data.formats.") for form in FORMATS):
        return None
    digest = hashlib.blake2b(json.dumps([_code(), arguments, str(source)]).encode(), digest_size=20)
    for path in paths:
        digest.update(json.dumps([str(path), path.stat().st_size]).encode())
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


def once(name: str | None, make: Callable[[], Preferences]) -> Preferences:
    """The set that is kept under this name, else what `make` gives, kept; without a name as it is made."""
    if name is None:
        return make()
    folder = stored.cache_folder() / "records"
    with stored.alone(folder / f"{name}-set.arrow"):
        records, events = (stored.opened(folder / f"{each}.arrow") for each in (name, f"{name}-events"))
        if records is not None and events is not None:
            of = as_text(events.schema.metadata[b"name"])
            return Preferences(StoredRecords(records), of, _events(events))
        made = make()
        about = _EVENTS.with_metadata({"name": as_bytes(made.name)})
        events = stored.table("records", f"{name}-events", about, lambda: _event_batches(made.events, about))
        records = stored.table("records", name, SCHEMA, lambda: batches(made.records))
        return Preferences(StoredRecords(records), made.name, _events(events))


def _files(source: object) -> list[Path]:
    """The files that a source names itself: one, a list, or a glob."""
    if isinstance(source, list | tuple) and all(isinstance(each, str | Path) for each in source):
        found = [_files(each) for each in source]
        return [path for each in found for path in each] if all(found) else []
    if not isinstance(source, str | Path):
        return []
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    found = sorted(map(Path, glob.glob(str(path), recursive=True))) if glob.has_magic(str(path)) else []
    return [path for path in found if path.is_file() and files.kind(path)]


@cache
def _code() -> str:
    """A digest of the files of this room: what they hold decides what is read."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _event_batches(events: Sequence[Event], schema: pyarrow.Schema) -> Iterator[pyarrow.RecordBatch]:
    for start in range(0, len(events), 65536):
        part = events[start : start + 65536]
        columns = {name: [as_bytes(getattr(event, name)) for event in part] for name in _TEXTS}
        columns |= {"n": [event.n for event in part], "kept": [event.kept for event in part]}
        arrays = [pyarrow.array(columns[field.name], field.type) for field in schema]
        yield pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


def _events(table: pyarrow.Table) -> list[Event]:
    return [
        Event(**row | {name: as_text(row[name]) for name in _TEXTS})
        for batch in table.to_batches()
        for row in batch.to_pylist()
    ]
