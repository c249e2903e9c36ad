"""JSON in the shapes that rows come in: a line each, an array, an object of columns, an object around it."""

import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from rmkit.data.columns import BadRowError, Row, are_objects, decoded
from rmkit.errors import InputError


def json_rows(path: Path, content: bytes, of: str) -> Iterator[Row]:
    """The rows of JSON text. of: ".json", or ".jsonl" (then a line is a row, never a table)."""
    start = content.lstrip()[:1]
    if start != b"[" and not (start == b"{" and _is_one_object(content, of)):
        yield from lines(path, io.BytesIO(content))
        return
    try:
        value = _parse(content, path, 1)
    except InputError:
        value = _several(content)  # what jq prints
        if len(value) < 2:
            raise
    yield from _listed(path, value) if isinstance(value, list) else _in_object(path, value)


def begins_lines(beginning: list[bytes], of: str) -> bool:
    """Whether the first two lines with words tell that each line is a row, as `json_rows` would read them."""
    if not beginning or beginning[0].lstrip().startswith(b"["):
        return False
    if not beginning[0].lstrip().startswith(b"{"):
        return True
    return any(map(_is_object, beginning)) if len(beginning) > 1 else of != ".json"


def _is_one_object(content: bytes, of: str) -> bool:
    """Whether the whole text is one object: a .json file of one line, or an object over several lines."""
    lines = list(islice((line for line in io.BytesIO(content) if line.strip()), 2))
    if len(lines) == 1:
        return of == ".json"
    if any(map(_is_object, lines)):
        return False
    try:
        return isinstance(json.loads(content), dict)
    except json.JSONDecodeError as error:
        # An object over several lines with a fault further down; else lines, with faults of their own.
        first = (line for line in islice(io.BytesIO(content), 50) if line.strip())
        return error.lineno > 1 and not any(map(_is_object, first))
    except (ValueError, RecursionError):
        return False


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def lines(path: Path, content: Iterable[bytes]) -> Iterator[Row]:
    """The rows of a file with one object a line; one line at a time is held."""
    # Only a line feed ends a line: JSON text may hold other line separators as they are.
    for number, line in enumerate(content, 1):
        line = line.removesuffix(b"\n")
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            yield _row(_parse(line, path, number), where)
        except InputError as error:
            several = _several(line)
            for place, value in enumerate(several, 1):
                yield _row(value, f"{where}, object {place}" if len(several) > 1 else where)
            if not several:
                yield Row(where, {}, BadRowError(str(error), "not JSON"))


_BETWEEN = re.compile(r"[\s,\x1e]*")  # the last one opens each text of a "JSON text sequence"


def _several(content: bytes) -> list:
    """The values of JSON texts that stand one after the other, a comma between them or none; else none."""
    found, decoder = [], json.JSONDecoder()
    try:
        text = content.decode("utf-8")
        place = _BETWEEN.match(text).end()
        while place < len(text):
            value, place = decoder.raw_decode(text, place)
            place = _BETWEEN.match(text, place).end()
            found.append(value)
    except (ValueError, RecursionError):
        return []
    return [] if any(_is_deep(value) for value in found) else found


def _listed(path: Path, values: list, under: str = "") -> Iterator[Row]:
    for number, value in enumerate(values, 1):
        yield _row(value, f"{path}{under}, row {number}")


# What an object that holds rows may call them, beside tables of other things.
_ROWS = ("data", "rows", "examples", "instances", "items", "records")


def _in_object(path: Path, value: dict) -> Iterator[Row]:
    """{"data": [rows]}, {split: [rows]}, {column: [values]}, {column: {index: value}}, or one row."""
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):  # pandas, "split"
        names = value["columns"]
        yield from _listed(path, [dict(zip(names, row, strict=False)) for row in value["data"]])
        return
    if value and all(rows == [] for rows in value.values()):
        return
    tables = {name: rows for name, rows in value.items() if _is_table(rows)}
    named = next((name for name in _ROWS if name in tables), None)
    if named and len(tables) > 1:
        tables, value = {named: tables[named]}, {named: tables[named]}
    inner = value.get("data")
    if not tables and isinstance(inner, dict) and any(map(_is_table, inner.values())):
        yield from _in_object(path, inner)
    elif tables and (len(tables) == 1 or len(tables) == len(value)) and not _are_columns(value):
        for name, rows in tables.items():
            for row in _listed(path, rows, f", {name!r}"):
                yield replace(row, about={"table": name})
    elif _are_columns(value):
        yield from _listed(path, rows_of_columns(value))
    elif value and all(isinstance(row, dict) for row in value.values()):  # pandas, "index": {index: row}
        yield from _listed(path, list(value.values()))
    else:
        yield _row(value, f"{path}, row 1")


def _is_table(value: object) -> bool:
    """Whether a list holds rows; one of chat messages is a value of one row."""
    turns = ({"role", "content"}, {"from", "value"})
    return (
        bool(value)
        and are_objects(value)
        and not all(any(turn <= set(row) for turn in turns) for row in value)
    )


def rows_of_columns(value: dict) -> list[dict]:
    """The rows of {column: [values]} or {column: {index: value}}; none where an object holds no columns."""
    if not _are_columns(value):
        return []
    columns = [list(column.values()) if isinstance(column, dict) else column for column in value.values()]
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]


def _are_columns(value: dict) -> bool:
    """Whether an object holds columns: lists of one length, or objects with the same numbers as keys."""
    columns = list(value.values())
    if len(columns) < 2:
        return False
    if all(isinstance(column, list) for column in columns):
        return len(set(map(len, columns))) == 1 and not all(map(are_objects, columns))
    if all(isinstance(column, dict) for column in columns):
        keys = [list(column) for column in columns]
        return keys.count(keys[0]) == len(keys) and all(key.isdigit() for key in keys[0])
    return False


_DEEP = 200  # levels


def _is_deep(value: object) -> bool:
    """Whether lists and objects stand in each other on more levels than any row has a use for."""
    layer = [value]
    for _ in range(_DEEP):
        layer = [
            inner
            for each in layer
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not layer:
            return False
    return True


def _parse(content: bytes, path: Path, first_line: int) -> object:
    try:
        value = json.loads(content.decode("utf-8"))
        if content.count(b"[") + content.count(b"{") > _DEEP and _is_deep(value):
            raise RecursionError
        return value
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
    return row_of(decoded(value), where)


def row_of(value: object, where: str) -> Row:
    """A row of these values; with a fault where they are no object, or one that the Hub's viewer has cut."""
    if not isinstance(value, dict):
        kind = "null" if value is None else f"a {type(value).__name__}"
        reason = f"{where}: {kind} where an object with named columns was wanted"
        return Row(where, {}, BadRowError(reason, "no object"))
    if isinstance(value.get("row"), dict) and "row_idx" in value:  # as the Hub's viewer hands out rows
        cut = value.get("truncated_cells")
        reason = (
            f"{where}: the Hub's viewer has cut {', '.join(map(str, cut or ()))}; download the file itself"
        )
        return Row(where, value["row"], BadRowError(reason, "cut by the viewer") if cut else None)
    return Row(where, value)
