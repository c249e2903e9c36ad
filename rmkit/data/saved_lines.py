"""Records as a file with one JSON object a line, written one after the other: none is held."""

import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path

from rmkit.data.files import suffix
from rmkit.data.records import Record

KINDS = (".jsonl", ".jsonl.gz")


def write(records: Iterable[Record], path: Path) -> Path:
    """Write the records as one of KINDS; `load` reads them back unchanged. It appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as plain, _packed(plain, path) as file:
            for record in records:
                file.write(as_line(record.to_dict()))
        os.replace(part, path)
    except BaseException:  # Ctrl-C too: no half of a file stays behind
        part.unlink(missing_ok=True)
        raise
    return path


def as_line(values: dict) -> bytes:
    """The values as one line of JSON; half of a pair of surrogates, which is no text, stays an escape."""
    return json.dumps(values, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


def _packed(file, path: Path):
    """What packs into a file as its name says; the same records give the same bytes."""
    return gzip.GzipFile("", "wb", fileobj=file, mtime=0) if suffix(path).endswith(".gz") else file
