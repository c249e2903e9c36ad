"""Files of battles, as a program or a spreadsheet writes them."""

import gzip
import io
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from rmkit.errors import InputError
from rmkit.theory.battle_shapes import indexed, shaped

KINDS = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json")


def read_file(path: str | Path) -> "pd.DataFrame | list":
    """A table (.csv, .tsv, .parquet, .json, .jsonl; also .gz; CSV as text), or a list of rankings (JSON)."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f"There is no file {path}; comparisons can be a path, a table, an array or a list.")
    packed = path.suffix.lower() == ".gz"
    kind = (path.with_suffix("") if packed else path).suffix.lower()
    if kind not in KINDS:
        raise InputError(f"{path} is no {', '.join(KINDS[:-1])} or {KINDS[-1]} file.")
    try:
        content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
        if kind == ".parquet":
            return pd.read_parquet(io.BytesIO(content))
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        if kind in (".csv", ".tsv"):
            return indexed(_separated(text, kind))
        if kind == ".json":
            return shaped(json.loads(text))
        return shaped(_lines(text))
    except pd.errors.ParserWarning as error:
        raise InputError(f"{path} has a row with more fields than its header: {error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (ValueError, UnicodeDecodeError, OSError, EOFError) as error:  # pandas, pyarrow, json and gzip
        raise InputError(f"{path} cannot be read as {kind[1:]}: {error}") from error


def _lines(text: str) -> list:
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            found += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise InputError(f"line {number} is not JSON: {error.msg} at column {error.colno}.") from error
    return found


def _separated(text: str, kind: str) -> pd.DataFrame:
    """As text: a model called "NA" or "007" keeps its name."""
    head = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    separator = "\t" if kind == ".tsv" else max(",;\t|", key=head.count)
    how = {"dtype": str, "keep_default_na": False, "na_values": [""]}
    with warnings.catch_warnings():
        # A row longer than the header is an error; pandas would else shift its columns, or cut it.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return _stripped(pd.read_csv(io.StringIO(text), sep=separator, index_col=False, **how))


def _stripped(frame: pd.DataFrame) -> pd.DataFrame:
    """White space around a field is layout: "red, blue" names no item " blue". A blank field is missing."""
    names = {name: str(name).strip() for name in frame.columns}
    return frame.apply(lambda column: column.str.strip().replace("", np.nan)).rename(columns=names)
