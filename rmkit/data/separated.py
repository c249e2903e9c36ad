"""Separated values as rows: what spreadsheets and pandas write, with quoted texts that hold line breaks."""

import csv
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from rmkit.data.columns import BadRowError, Row
from rmkit.errors import InputError

UNNAMED = "unnamed column "  # and its number
_SEPARATORS = ",;\t|"
_TOLD = re.compile(r"\Asep=(.)\r?\n", re.IGNORECASE)  # Excel's own first line


def separated_rows(path: Path, content: bytes, of: str) -> Iterator[Row]:
    """The rows of separated values; the first line with words names the columns.

    of: ".tsv", or ".csv": then the separator is the one that stands most often in that line.
    A line with stray quotation marks is a Row with a fault. Raises InputError where two columns have one
    name, and where a quotation mark is never closed.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        raise InputError(f"{path}, line {line} is not UTF-8 text; save the file as UTF-8.") from error
    told = _TOLD.match(text)
    skipped = bool(told)
    text = text[told.end() :] if told else text
    head = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    tabs = of == ".tsv" and "\t" in head
    separator = told[1] if told else "\t" if tabs else max(_SEPARATORS, key=head.count)
    csv.field_size_limit(sys.maxsize)  # a response may be longer than the module's 131,072 letters
    source = io.StringIO(text, newline="")
    quoting = csv.QUOTE_NONE if separator == "\t" and _is_unquoted(text) else csv.QUOTE_MINIMAL
    # Where the names stand behind spaces, so do the values.
    spaced = f"{separator} " in head
    reader = csv.reader(source, delimiter=separator, quoting=quoting, skipinitialspace=spaced, strict=True)
    names = _names(path, reader, skipped)
    while (found := _next(path, reader, names, skipped)) is not None:
        yield from found


_QUOTED = re.compile(r'"([^"]|"")*"')


def _is_unquoted(text: str) -> bool:
    """Whether quotation marks are letters as others: every line is a row, and some marks enclose no value."""
    rows = [line.rstrip("\r").split("\t") for line in text.split("\n") if line.strip()]
    if len(set(map(len, rows))) != 1:
        return False
    return any(value[:1] == '"' and not _QUOTED.fullmatch(value) for row in rows for value in row)


def _names(path: Path, reader, skipped: int) -> list[str]:
    try:
        names = next((values for values in reader if any(values)), [])
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num + skipped}: {error}; quote whole values.") from error
    for name in names:
        if name and names.count(name) > 1:
            place = f"{path}, line {reader.line_num + skipped}"
            raise InputError(f"{place} names two columns {name!r}; rename or remove one.")
    return [name or f"{UNNAMED}{number}" for number, name in enumerate(names, 1)]


def _next(path: Path, reader, names: list[str], skipped: int) -> list[Row] | None:
    """The next row, none for an empty line, or None at the end."""
    where = f"{path}, line {reader.line_num + skipped + 1}"
    try:
        values = next(reader, None)
    except csv.Error as error:
        if "end of data" in str(error):
            raise InputError(f"{where}: a quotation mark opens in this row and is never closed.") from error
        return [Row(where, {}, BadRowError(f'{where}: {error}; write "" for a mark inside', "quotation"))]
    if not values:
        return values
    if len(values) == len(names):
        pairs = zip(names, values, strict=True)
        # A separator at the end of each line makes a column without name and content.
        return [Row(where, {name: value for name, value in pairs if value or not name.startswith(UNNAMED)})]
    reason = f"{len(values)} values where the first line names {len(names)} columns"
    return [Row(where, {}, BadRowError(f"{where}: {reason}", "wrong number of values"))]
