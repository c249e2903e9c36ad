"""Files, folders and Hub sets as rows, with the place of every row, so that an error can point at it."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.ipc
import pyarrow.parquet

from rmkit.data.columns import Row
from rmkit.errors import InputError

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet", ".arrow")
ACCEPTED = f"accepted are {', '.join(SUFFIXES)}, a folder of these, and the id of a set on the Hub"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+){0,2}")


def suffix(path: Path) -> str:
    """The file's suffix in lower case, ".gz" together with the one before it."""
    parts = [part.lower() for part in path.suffixes]
    return "".join(parts[-2:]) if parts[-1:] == [".gz"] else "".join(parts[-1:])


def files(path: Path) -> list[Path]:
    """The data files that a path stands for: itself, or those that lie in the folder, by name."""
    if path.is_file():
        return [path]
    inside = sorted(child for child in path.iterdir() if suffix(child) in SUFFIXES and child.is_file())
    # Beside other data files, .json is what tools write about them (dataset_info.json, state.json).
    found = [child for child in inside if suffix(child) not in (".json", ".json.gz")] or inside
    if not found:
        below = sorted(str(child) for child in path.iterdir() if child.is_dir() and any(child.iterdir()))
        hint = f"its folders are {', '.join(below)}: name one" if below else ACCEPTED
        raise InputError(f"There is no data file in the folder {path}; {hint}.")
    return found


def rows(path: Path) -> list[Row]:
    """The rows of one file."""
    kind = suffix(path)
    if kind == ".parquet" or kind == ".arrow":
        found = list(_table_rows(path, kind))
    elif kind in SUFFIXES:
        found = list(_json_rows(path, _bytes(path)))
    else:
        raise InputError(f"{path}: cannot read files of this kind; {ACCEPTED}.")
    if not found:
        raise InputError(f"{path} is empty: it holds no rows.")
    return found


def _bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read ({error}).") from error
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path} is UTF-16; save it as UTF-8.")
    return content.removeprefix(_BYTE_ORDER_MARK)


def _json_rows(path: Path, content: bytes) -> Iterator[Row]:
    """JSON Lines, or one JSON array of objects."""
    if content.lstrip()[:1] == b"[":
        values = _parse(content, path, 1)
        for number, value in enumerate(values, 1):
            yield _row(value, f"{path}, row {number}")
        return
    # Only a line feed ends a line: JSON text may hold other line separators as they are.
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield _row(_parse(line, path, number), f"{path}, line {number}")


def _parse(content: bytes, path: Path, first_line: int) -> object:
    try:
        return json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = first_line + content.count(b"\n", 0, error.start)
        raise InputError(f"{path}, line {line} is not UTF-8 text; save the file as UTF-8.") from error
    except json.JSONDecodeError as error:
        place = f"{path}, line {first_line + error.lineno - 1}, column {error.colno}"
        raise InputError(
            f"{place}: this is not JSON ({error.msg}); write one object a line, or one array of objects."
        ) from error
    except RecursionError as error:
        raise InputError(f"{path}, line {first_line}: this JSON is nested too deeply.") from error


def _row(value: object, where: str) -> Row:
    if not isinstance(value, dict):
        raise InputError(f"{where}: a {type(value).__name__} where an object with named columns was wanted.")
    return Row(where, value)


def _table_rows(path: Path, kind: str) -> Iterator[Row]:
    try:
        if kind == ".parquet":
            table = pyarrow.parquet.read_table(path)
        else:
            with path.open("rb") as file:
                is_file = file.read(6) == b"ARROW1"  # else a stream, which is what datasets writes
            open_ipc = pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream
            with pyarrow.memory_map(str(path)) as source:
                table = open_ipc(source).read_all()
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: cannot be read as {kind[1:]} ({error}).") from error
    for number, values in enumerate(table.to_pylist(), 1):
        yield Row(f"{path}, row {number}", values)


def table(records: list[dict], path: Path) -> None:
    """Write records as Parquet or Arrow; a column that no record knows is left out."""
    if len({isinstance(record["prompt"], str) for record in records}) > 1:
        raise InputError(f"{path}: some prompts are text and some are chat messages; save these as .jsonl.")
    columns = list(dict.fromkeys(column for record in records for column in record))
    data = pyarrow.Table.from_pylist([{c: record.get(c) for c in columns} for record in records])
    if suffix(path) == ".parquet":
        pyarrow.parquet.write_table(data, path)
    else:
        with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, data.schema) as stream:
            stream.write_table(data)


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of a Hub id: "owner/name", with ":split" or ":config:split"."""
    return bool(_HUB_ID.fullmatch(name)) and suffix(Path(name)) not in SUFFIXES


def hub_rows(name: str, config: str | None, split: str | None) -> list[Row]:
    """The rows of a set on the Hugging Face Hub, through `datasets` and its cache."""
    import datasets

    name, *rest = name.split(":")
    split = split or (rest[-1] if rest else "train")
    config = config or (rest[0] if len(rest) == 2 else None)
    try:
        found = datasets.load_dataset(name, config, split=split)
    # No such set, or no network: an OSError. No such split or config: a ValueError.
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{name!r} is no file here, and the set of that name cannot be had from the Hub "
            f"(config {config or 'default'}, split {split}: {reason}). With a network, check the id and "
            f"unset HF_HUB_OFFLINE; without one, download the set elsewhere and give the path of its file."
        ) from error
    return dataset_rows(found, f"{name}:{split}")


def dataset_rows(dataset, name: str) -> list[Row]:
    """The rows of a `datasets.Dataset`."""
    return [Row(f"{name}, row {number}", dict(values)) for number, values in enumerate(dataset, 1)]
