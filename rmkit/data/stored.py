"""Arrow tables in the cache: written whole or not at all, checked when they are opened, read where they lie.

A file is an Arrow stream and the check sum of its bytes. It is written under a name of its own and then
renamed. Of the processes of a machine one makes a table and the others wait for it; processes of several
machines may all make it, and the last one wins, for all are the same.
Tables are mapped into memory: the system holds the pages that are read, and drops them when it needs room,
or when told that they were read in passing (`let_go`).
"""

import contextlib
import io
import mmap
import os
import tempfile
import warnings
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow
import pyarrow.ipc
from filelock import FileLock

from rmkit.paths import cache_folder

Batches = Callable[[], Iterable[pyarrow.RecordBatch]]
_SEAL = 4  # bytes of the check sum at the end
_PIECE = 1 << 20  # bytes that are read at once
_MAPS: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()  # of the tables in use


def table(kind: str, key: str | None, schema: pyarrow.Schema, batches: Batches) -> pyarrow.Table:
    """The table of a key: opened where it is kept whole, else made from `batches` and kept.

    kind: the folder in the cache ("tokens" ...).   key: a digest of all that the table is made of; None: it
    stays in memory. So it does, with a warning, where the cache cannot be written.
    """
    if key is None:
        return pyarrow.Table.from_batches(batches(), schema)
    path = cache_folder() / kind / f"{key}.arrow"
    found = opened(path)
    if found is None:
        try:
            _write(path, schema, batches)
        except OSError as error:
            warnings.warn(
                f"The cache {path.parent} cannot be written ({error}): memory is used.", stacklevel=2
            )
            return pyarrow.Table.from_batches(batches(), schema)
        found = opened(path)
    if found is None:
        raise OSError(f"{path} was written and cannot be read: is the disk damaged?")
    return found


def draft(schema: pyarrow.Schema, batches: Iterable[pyarrow.RecordBatch]) -> pyarrow.Table:
    """A table of these batches in a file without a name, mapped into memory; it is gone with the table."""
    folder = cache_folder() / "drafts"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        with pyarrow.ipc.new_stream(file, schema) as stream:
            for batch in batches:
                stream.write_batch(batch)
        file.flush()
        return pyarrow.ipc.open_stream(_mapped(file)).read_all()


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process of a machine at a time works on this entry; the others wait, and then find it made.

    Where no lock can be had, all of them make it: that is slower, and as right.
    """
    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError):  # a folder that cannot be written, a file system without locks
        lock = None
    try:
        yield
    finally:
        if lock:
            lock.release()


def opened(path: Path) -> pyarrow.Table | None:
    """The table in a file, mapped into memory; None where there is none, or not a whole one."""
    try:
        if not _is_whole(path):
            return None  # cut short, or changed: it is made again
        with path.open("rb") as file:
            content = _mapped(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return pyarrow.ipc.open_stream(content[: len(content) - _SEAL]).read_all()


def let_go() -> None:
    """Hold no more the pages that were read of any table: mapped pages count as memory of this process.

    They come back when they are read again, mostly without the disk. Where a system has no such call, nothing
    happens.
    """
    if hasattr(mmap, "MADV_DONTNEED"):
        for mapped in list(_MAPS):
            mapped.madvise(mmap.MADV_DONTNEED)


def _mapped(file: BinaryIO) -> pyarrow.Buffer:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    _MAPS.add(mapped)
    return pyarrow.py_buffer(mapped)


def _is_whole(path: Path) -> bool:
    """Whether the check sum at the end is that of all before it. Read, since mapped pages count as held."""
    left, found = path.stat().st_size - _SEAL, 0
    with path.open("rb") as file:
        while left > 0 and (piece := file.read(min(left, _PIECE))):
            left, found = left - len(piece), zlib.crc32(piece, found)
        return left == 0 and file.read() == found.to_bytes(_SEAL, "big")


def _write(path: Path, schema: pyarrow.Schema, batches: Batches) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            sealed = _Sealed(file)
            with pyarrow.ipc.new_stream(sealed, schema) as stream:
                for batch in batches():
                    stream.write_batch(batch)
            file.write(sealed.sum.to_bytes(_SEAL, "big"))
        os.replace(name, path)
    except BaseException:  # whatever it was, Ctrl-C too: no half of a table stays behind
        Path(name).unlink(missing_ok=True)
        raise


class _Sealed(io.RawIOBase):
    """A file to write, and the check sum of what was written."""

    def __init__(self, file: io.BufferedWriter):
        self.file, self.sum = file, 0

    def writable(self) -> bool:
        return True

    def write(self, content) -> int:
        self.sum = zlib.crc32(content, self.sum)
        return self.file.write(content)
