"""One file as rows, with the place of every row, so that an error can point at it.

A row that cannot be read is a Row with a fault; only a file that cannot be read at all is an InputError.
"""

import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pyarrow
import pyarrow.ipc
import pyarrow.parquet

from rmkit.data.columns import Row
from rmkit.data.json_rows import begins_lines, json_rows, lines
from rmkit.data.separated import separated_rows
from rmkit.errors import InputError

KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow")
PACKED = (".gz", ".zst")
ACCEPTED = (
    f"accepted are {', '.join(KINDS)} (each also with {' or '.join(PACKED)}), a folder or a list of these, "
    "a glob, a DataFrame, a list of dictionaries, and the id of a set on the Hub"
)
_HUB_ADDRESS = re.compile(r"(?:https?://(?:www\.)?huggingface\.co|hf:/)/datasets/([\w.-]+/[\w.-]+)")
_ADDRESS = re.compile(r"[a-zA-Z][\w+.-]+://")
_OF_A_MODEL = ("*.safetensors", "pytorch_model*.bin", "tokenizer_config.json")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# What a file begins with that is not what its name says.
_OTHER_KINDS = {
    b"\x1f\x8b": "packed: let its name end in .gz",
    b"\x28\xb5\x2f\xfd": "packed: let its name end in .zst",
    b"PK\x03\x04": "a zip archive or a workbook: unpack it, or export it as CSV",
    b"BZh": "packed with bzip2: unpack it",
    b"\xfd7zXZ": "packed with xz: unpack it",
    b"PAR1": "Parquet: let its name end in .parquet",
    b"ARROW1": "Arrow: let its name end in .arrow",
    b"SQLite format": "a database: export its table as CSV",
    b"<!doctype": "a web page, not the data: download the file itself",
    b"<html": "a web page, not the data: download the file itself",
}
_UNREADABLE = (OSError, EOFError, pyarrow.ArrowException)
_POINTER = b"version https://git-lfs"  # what a clone without Git LFS has in place of a large file


def check_place(source: str | Path) -> None:
    """An InputError where a text is no path and no name: rows themselves, an address; or a model's folder."""
    text = str(source)
    if text.lstrip().startswith(("{", "[{")) or "\n" in text or max(map(len, re.split(r"[\\/]", text))) > 255:
        raise InputError(
            "This text is no path of a file: rows in memory go in as a list of dictionaries, such as "
            "json.loads(text)."
        )
    if _ADDRESS.match(text):
        found = _HUB_ADDRESS.match(text)
        how = f"give its Hub id, {found[1]!r}" if found else "download the file, and give its path"
        raise InputError(f"{text} is an address, which is not read: {how}.")
    folder = Path(source).expanduser()
    if (folder / "config.json").is_file() and any(map(list, map(folder.glob, _OF_A_MODEL))):
        raise InputError(f"{folder} holds a model, not data: give the file or folder of preferences.")


def suffix(path: Path) -> str:
    """The file's suffix in lower case, ".gz" and ".zst" together with the one before."""
    parts = [part.lower() for part in path.suffixes]
    return "".join(parts[-2:] if parts[-1:] and parts[-1] in PACKED else parts[-1:])


def kind(path: Path) -> str | None:
    """What a file holds, without its packing (".jsonl", ".csv" ...), or None where it is no data file."""
    found = suffix(path)
    for packing in PACKED:
        found = found.removesuffix(packing)
    return found if found in KINDS else None


def rows(path: Path) -> list[Row]:
    """The rows of one file."""
    return list(each_row(path))


def each_row(path: Path) -> Iterator[Row]:
    """The rows of one file, one after the other; of a file with an object a line only one is held."""
    of = kind(path)
    if of is None:
        raise InputError(f"{path}: cannot read files of this kind; {ACCEPTED}.")
    if of in (".parquet", ".arrow"):
        found = _table(path, of)
    elif of in (".csv", ".tsv"):
        _refuse_other_kinds(path)
        found = separated_rows(path, text_bytes(path), of)
    else:
        _refuse_other_kinds(path)
        found = _json(path, of)
    first = next(found, None)
    if first is None:
        raise InputError(f"{path} is empty: it holds no rows.")
    yield first
    yield from found


def _refuse_other_kinds(path: Path) -> None:
    try:
        with _unpacked(path) as file:
            beginning = file.read(16)
    except _UNREADABLE as error:
        raise InputError(f"{path}: cannot be read ({error}).") from error
    for mark, what in _OTHER_KINDS.items():
        if beginning.startswith(mark) or beginning.lower().startswith(mark):
            raise InputError(f"{path} is {what}.")


def _json(path: Path, of: str) -> Iterator[Row]:
    try:
        with _unpacked(path) as file:
            beginning = [] if file.peek(1)[:1] == b"[" else _beginning(file)
            words = [line.removeprefix(_BYTE_ORDER_MARK) for line in beginning if line.strip()]
            if words and _is_utf_8(words[0]) and begins_lines(words, of):
                beginning[0] = beginning[0].removeprefix(_BYTE_ORDER_MARK)
                yield from lines(path, chain(beginning, file))
                return
    except _UNREADABLE as error:
        raise InputError(f"{path}: cannot be read ({error}).") from error
    yield from json_rows(path, text_bytes(path), of)


def _unpacked(path: Path) -> io.BufferedReader | gzip.GzipFile:
    packing = path.suffix.lower()
    if packing == ".zst":
        return io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd"))
    return gzip.open(path) if packing == ".gz" else path.open("rb")


def _beginning(file: Iterable[bytes]) -> list[bytes]:
    """Its lines up to the second one that holds words."""
    found, words = [], 0
    for line in file:
        found.append(line)
        words += bool(line.strip())
        if words == 2:
            break
    return found


def _is_utf_8(beginning: bytes) -> bool:
    """Whether a file begins as text that can be read where it lies."""
    return not beginning.startswith(_POINTER) and json.detect_encoding(beginning).startswith("utf-8")


def _bytes(path: Path) -> bytes:
    packing = path.suffix.lower()
    try:
        if packing == ".zst":
            with pyarrow.input_stream(str(path), compression="zstd") as stream:
                return stream.read()
        content = path.read_bytes()
        return gzip.decompress(content) if packing == ".gz" else content
    except _UNREADABLE as error:
        raise InputError(f"{path}: cannot be read ({error}).") from error


def text_bytes(path: Path) -> bytes:
    """The file's content, unpacked, in UTF-8 and without a byte order mark."""
    content = _bytes(path)
    if content.startswith(_POINTER):
        raise InputError(f"{path} is a Git LFS pointer, not the data; run `git lfs pull` in its folder.")
    encoding = json.detect_encoding(content)  # by its first four bytes, and as well where it is no JSON
    if not encoding.startswith("utf-8"):  # what a spreadsheet saves as "Unicode text"
        try:
            content = content.decode(encoding).encode("utf-8")
        except UnicodeError as error:
            raise InputError(f"{path} begins as {encoding.upper()} and is not; save it as UTF-8.") from error
    return content.removeprefix(_BYTE_ORDER_MARK)


def _table(path: Path, of: str) -> Iterator[Row]:
    packed = suffix(path) != of
    if not packed and path.stat().st_size < 1024:
        text_bytes(path)  # refuses a pointer
    try:
        source = pyarrow.BufferReader(_bytes(path)) if packed else str(path)
        if of == ".parquet":
            table = pyarrow.parquet.read_table(source)
        else:
            with source if packed else pyarrow.memory_map(source) as file:
                is_file = file.read(6) == b"ARROW1"  # else a stream, which is what datasets writes
                file.seek(0)
                table = (pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream)(file).read_all()
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as {of[1:]} ({error}).") from error
    values = chain.from_iterable(batch.to_pylist() for batch in table.to_batches(max_chunksize=4096))
    for number, row in enumerate(values, 1):
        yield Row(f"{path}, row {number}", row)
