"""Whatever holds rows as tables of rows: files, folders, lists, globs, frames, datasets, sets on the Hub.

Splits are never mixed: `split` and `config` are honoured, or refused with the names there are. Where nothing
is asked, "train" is read where there is one (as `datasets` does), and an event says so.
"""

import glob
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import IOBase
from pathlib import Path

import pyarrow
import pyarrow.parquet

from rmkit.data import files, splits
from rmkit.data.cleaning import Event
from rmkit.data.columns import Row
from rmkit.data.files import ACCEPTED, suffix
from rmkit.data.folders import Part, named_apart, parts
from rmkit.data.json_rows import row_of, rows_of_columns
from rmkit.data.splits import are_splits, choose
from rmkit.errors import InputError

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+){0,2}")


@dataclass
class Source:
    """Rows of one or more files, and what was left out to get them."""

    name: str
    tables: list[list[Row]]
    events: list[Event] = field(default_factory=list)


def read(source, split: str | None = None, config: str | None = None) -> Source:
    """The rows of a source.

    source: a file, a folder, a glob, a list of files or of dictionaries, a pandas DataFrame, a Dataset or
        DatasetDict of `datasets`, or a Hub id.
    Raises InputError where there is no such thing, split or config, with the names there are.
    """
    if isinstance(source, list | tuple):
        return _list(source, split, config)
    if isinstance(source, Mapping):
        return _splits_in_memory(source, split, config)
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        rows = [Row(f"row {number}", _plain(row)) for number, row in enumerate(_frame(source), 1)]
        return _chosen_rows(Source("DataFrame", [rows]), split, config)
    if hasattr(source, "to_pylist") and hasattr(source, "column_names"):  # a pyarrow Table
        rows = [Row(f"row {number}", row) for number, row in enumerate(source.to_pylist(), 1)]
        return _chosen_rows(Source("table", [rows]), split, config)
    if hasattr(source, "column_names"):
        return _chosen_rows(Source("dataset", [list(dataset_rows(source, "dataset"))]), split, config)
    if isinstance(source, Iterator) and not isinstance(source, IOBase):
        return _list(list(source), split, config)
    if not isinstance(source, str | Path):
        raise InputError(f"Cannot load from a {type(source).__name__}; {ACCEPTED}.")
    return _path(source, split, config)


def _path(source: str | Path, split: str | None, config: str | None) -> Source:
    found = files_of(source, split, config)
    if found is not None:
        tables = [files.rows(path) for path in found.paths]
        return _chosen_rows(Source(found.name, tables, found.events), found.split, None)
    if isinstance(source, str) and is_hub_id(source):
        return Source(source, [hub_rows(source, config, split)])
    raise InputError(f"There is no file or folder {source}; {ACCEPTED}.")


@dataclass
class Files:
    """The files of one set, and the split to choose among their rows, where their names do not tell."""

    name: str
    paths: list[Path]
    split: str | None
    events: list[Event] = field(default_factory=list)


def files_of(source: str | Path, split: str | None, config: str | None) -> Files | None:
    """The files of a file, folder or glob, of one config and one split; None where there is none."""
    path = Path(source).expanduser()
    if path.is_file():
        return _files(path.name, [Part(path)], split, config)
    if path.is_dir():
        return _files(path.name, parts(path), split, config, str(path))
    found = sorted(map(Path, glob.glob(str(path), recursive=True))) if glob.has_magic(str(path)) else []
    fixed = next((n for n, name in enumerate(path.parts) if glob.has_magic(name)), 0)
    of_files = [Part.of(file, file.parts[fixed:-1]) for file in found if file.is_file() and files.kind(file)]
    if found and not of_files:
        raise InputError(f"{source} matches no data file, such as {found[0]}; {ACCEPTED}.")
    return _files(str(source), of_files, split, config) if found else None


def _list(source: list | tuple, split: str | None, config: str | None) -> Source:
    """A list of rows, or of files, all of which are read."""
    if any(isinstance(item, dict) for item in source):
        rows = [row_of(row, f"row {number}") for number, row in enumerate(source, 1)]
        return _chosen_rows(Source("list", [rows]), split, config)
    if source and all(isinstance(item, str | Path) for item in source):
        paths = [Path(item).expanduser() for item in source]
        if split not in (None, "all") and all(path.is_file() for path in paths) and len(paths) > 1:
            of_one = _files(name_of([path.name for path in paths]), list(map(Part.of, paths)), split, config)
            return _chosen_rows(Source(of_one.name, list(map(files.rows, of_one.paths))), of_one.split, None)
        found = [read(item, split, config) for item in source]
        name = name_of([each.name for each in found])
        tables = [table for each in found for table in each.tables]
        return Source(name, tables, [event for each in found for event in each.events])
    raise InputError("A list must hold one or more dictionaries, one for each row, or the paths of files.")


def name_of(names: list[str]) -> str:
    """What a set of several sources is called."""
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]


def _splits_in_memory(source: Mapping, split: str | None, config: str | None) -> Source:
    """A DatasetDict, a dictionary {split: rows}, or {column: values}."""
    columns = rows_of_columns(source) if isinstance(source, dict) else []
    if columns:
        return _list(columns, split, config)
    if not source or not all(_are_rows(name, rows) for name, rows in source.items()):
        raise InputError(
            "A dictionary must hold splits, {'train': rows, 'test': rows}, or columns of one length; one row "
            "goes into a list."
        )
    if config is not None:
        raise InputError(f"config={config!r}: a dictionary of splits has no configs.")
    if split == "all":
        return Source("all", [table for name in source for table in _of_split_in_memory(source, name)])
    name, events = choose(list(source), split, "split", "this set")
    return Source(name, _of_split_in_memory(source, name), events)


def _of_split_in_memory(source: Mapping, name: str) -> list[list[Row]]:
    """The tables of one split; the place of a row that stands in no file begins with the split."""
    read_in, rows = read(source[name], split="all").tables, not isinstance(source[name], str | Path)
    return [
        [replace(row, where=f"{name}, {row.where}") for row in table] if rows else table for table in read_in
    ]


def _are_rows(name: str, value: object) -> bool:
    """Whether a value can be one split: a set, a frame, a file, or a list of rows."""
    if isinstance(value, list):
        return all(isinstance(row, dict) for row in value)
    if isinstance(value, str):  # a path, unless it is a text of {"prompt": text}
        return splits.told(name) is not None or files.kind(Path(value)) is not None
    return isinstance(value, Path) or hasattr(value, "column_names") or hasattr(value, "columns")


# --- files and their splits ---------------------------------------------------------------------------------


def _files(name: str, found: list[Part], split: str | None, config: str | None, where: str = "") -> Files:
    where = where or name
    events: list[Event] = []
    if config is None:
        aside, found = [p for p in found if p.aside], [p for p in found if not p.aside] or found
        events += [Event("file not read", str(part.path), kept=True) for part in aside if part not in found]
    configs = list(dict.fromkeys(part.config for part in found))
    if config is not None or len(configs) > 1:
        default = next((part.config for part in found if part.default), "default")
        named = [each for each in configs if each is not None]
        chosen, more = choose(named, config, "config", where, default)
        events += more
        found = [part for part in found if part.config == chosen]
    found = named_apart(found)
    told = list(dict.fromkeys(part.split for part in found))
    alone = len(found) == 1 and found[0].split is None
    if not alone and split != "all" and (split is not None or len(told) > 1):
        if told == [None]:
            raise InputError(f"{where} has no split {split!r}: none of its files names a split.")
        chosen, found, more = _of_split(found, split, where)
        name, split, events = f"{name}:{chosen}", None, events + more
    if alone and split is not None and Part.of(found[0].path).split == split:
        split = None
    return Files(name, [part.path for part in found], split, events)


def _of_split(found: list[Part], asked: str | None, where: str) -> tuple[str, list[Part], list[Event]]:
    """(its name, its parts, what to say) of the split that was asked for, or of the default one."""
    # Beside files that name their split, a file without one is a split of its own.
    labelled = {part: part.split or part.path.name.split(".")[0] for part in found}
    named = list(dict.fromkeys(labelled.values()))
    under_full_name = [part for part in found if part.name is not None and part.name == asked]
    if under_full_name and asked not in named:
        return asked, under_full_name, []
    chosen, events = choose(named, asked, "split", where)
    return chosen, [part for part in found if labelled[part] == chosen], events


def _chosen_rows(source: Source, split: str | None, config: str | None) -> Source:
    """The rows of one split, where rows say which one they are of; a file without splits is taken whole."""
    if not any(source.tables):
        raise InputError(f"{source.name} is empty: it holds no rows.")
    if split == "all" and config is None:
        return source
    if config is not None:
        raise InputError(f"{source.name} has no config {config!r}: it has no configs.")
    rows = [row for table in source.tables for row in table]
    known = splits.of_rows(rows)
    if not are_splits(known):
        if split is not None:
            raise InputError(f"{source.name} has no split {split!r}: it has no splits.")
        return source
    if len(known) == 1 and split is None:
        return source
    chosen, _ = choose(known, split, "split", source.name)
    left = [row for row in rows if not _is_of(row, chosen)]
    if not left:
        return source
    events = [Event(f"of split {splits.of_row(row) or 'none'!r}", row.where) for row in left]
    kept = [[row for row in table if _is_of(row, chosen)] for table in source.tables]
    return Source(f"{source.name}:{chosen}", [table for table in kept if table], source.events + events)


def _is_of(row: Row, split: str) -> bool:
    """Whether a row is of the split; one that cannot be read stays, to be counted as that."""
    return row.fault is not None or splits.of_row(row) == split


# --- datasets, the Hub, frames ------------------------------------------------------------------------------


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of a Hub id: "owner/name", with ":split" or ":config:split"."""
    return bool(_HUB_ID.fullmatch(name)) and files.kind(Path(name)) is None


def hub_rows(name: str, config: str | None, split: str | None) -> list[Row]:
    """The rows of a set on the Hugging Face Hub, through `datasets` and its cache."""
    found, name = hub_set(name, config, split)
    return list(dataset_rows(found, name))


def hub_set(name: str, config: str | None, split: str | None, **how: bool) -> tuple[object, str]:
    """(the set of `datasets`, its name with the split). how: streaming=True, for rows one by one."""
    import datasets

    name, *rest = name.split(":")
    split = split or (rest[-1] if rest else "train")
    config = config or (rest[0] if len(rest) == 2 else None)
    try:
        return datasets.load_dataset(name, config, split=split, **how), f"{name}:{split}"
    # No such set, or no network: an OSError. No such split or config: a ValueError.
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{name!r} is no file here, and the set of that name cannot be had from the Hub "
            f"(config {config or 'default'}, split {split}: {reason}). With a network, check the id and "
            f"unset HF_HUB_OFFLINE; without one, download the set elsewhere and give the path of its file."
        ) from error


def dataset_rows(dataset, name: str) -> Iterator[Row]:
    """The rows of a set of `datasets`, as plain Python values whatever its format."""
    plain = dataset.with_format(None) if hasattr(dataset, "with_format") else dataset
    return (Row(f"{name}, row {number}", dict(values)) for number, values in enumerate(plain, 1))


def _frame(frame) -> list[dict]:
    """The rows of a DataFrame of pandas (with the columns that are its index) or of polars."""
    if hasattr(frame, "to_dicts"):
        return frame.to_dicts()
    named = [name for name in frame.index.names if name is not None and name not in frame.columns]
    frame = frame.reset_index(named) if named else frame
    twice = list(frame.columns[frame.columns.duplicated()])
    if twice:
        raise InputError(f"The DataFrame has two columns {twice[0]!r}; rename or remove one.")
    return frame.to_dict("records")


def _plain(value: object) -> object:
    """What a pandas cell holds as Python values: arrays as lists, NumPy numbers as numbers, NaN as None."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return None if value is None or value != value else value  # NaN and NaT differ from themselves


def table(records: list[dict], path: Path) -> None:
    """Write records as Parquet or Arrow; a column that no record knows is left out.

    A column has one type: `extra` is written as JSON text, and so are chat messages where other prompts are
    texts. `load` reads both back as they were.
    """
    mixed = len({isinstance(record["prompt"], str) for record in records}) > 1
    as_text = [("extra", True), ("prompt", mixed)]
    records = [
        record
        | {
            c: json.dumps(record[c])
            for c, needed in as_text
            if needed and not isinstance(record.get(c), str | None)
        }
        for record in records
    ]
    columns = list(dict.fromkeys(column for record in records for column in record))
    data = pyarrow.Table.from_pylist([{c: record.get(c) for c in columns} for record in records])
    if suffix(path) == ".parquet":
        pyarrow.parquet.write_table(data, path)
    else:
        with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, data.schema) as stream:
            stream.write_table(data)
