"""Tables of battles, as DataFrame or file: two columns of items, and who won."""

import json
import re
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rmkit.errors import InputError
from rmkit.theory.battles import Battles, factorized, numbers
from rmkit.theory.comparisons import checked_counts
from rmkit.theory.connected import listing
from rmkit.theory.duels import LOST, TIED, WON

SIDES = [
    ("model_a", "model_b"), ("left", "right"), ("item_a", "item_b"), ("player_a", "player_b"),
    ("system_a", "system_b"), ("team_a", "team_b"), ("model_1", "model_2"), ("model1", "model2"),
    ("player1", "player2"), ("a", "b"),
]  # fmt: skip
WINNER = ("winner", "outcome", "result", "verdict", "preference", "preferred", "vote", "choice", "label")
COUNTED = [  # how often a won, b won, and (there or not) they tied
    ("wins_a", "wins_b", "ties"), ("votes_a", "votes_b", "votes_tie"), ("a_wins", "b_wins", "ties"),
    ("winner_model_a", "winner_model_b", "winner_tie"),
]  # fmt: skip
COUNT, WEIGHT = ("count", "counts", "n", "battles"), ("weight", "weights")
SAYS_A = ("modela", "a", "left", "itema", "playera", "systema", "teama", "model1", "player1", "first", "a>b")
SAYS_B = (
    "modelb",
    "b",
    "right",
    "itemb",
    "playerb",
    "systemb",
    "teamb",
    "model2",
    "player2",
    "second",
    "b>a",
)
SAYS_TIE = ("tie", "equal", "a=b")
SAID = dict.fromkeys(SAYS_A, WON) | dict.fromkeys(SAYS_B, LOST) | dict.fromkeys(SAYS_TIE, TIED)
Where = Callable[[int], str]


def read_file(path: str | Path) -> "pd.DataFrame | list":
    """A table (.csv, .tsv, .parquet, .json, .jsonl; CSV as text), or a list of rankings (.json, .jsonl)."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}; comparisons can be a path, a table, an array or a list.")
    kind = path.suffix.lower()
    try:
        if kind in (".csv", ".tsv"):
            # As text: a model called "NA" or "007" keeps its name.
            text = {"dtype": str, "keep_default_na": False, "na_values": [""]}
            with warnings.catch_warnings():
                # A row longer than the header is an error; pandas would else shift its columns, or cut it.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                separator = "\t" if kind == ".tsv" else ","
                return _stripped(pd.read_csv(path, sep=separator, index_col=False, **text))
        if kind == ".parquet":
            return pd.read_parquet(path)
        if kind == ".jsonl":
            lines = path.read_text(encoding="utf-8").splitlines()
            rows = [json.loads(line) for line in lines if line.strip()]
        elif kind == ".json":
            rows = json.loads(path.read_text(encoding="utf-8"))
        else:
            raise InputError(f"{path} is no .csv, .tsv, .parquet, .jsonl or .json file.")
    except pd.errors.ParserWarning as error:
        raise InputError(f"{path} has a row with more fields than its header: {error}") from error
    except (ValueError, UnicodeDecodeError) as error:  # of pandas, pyarrow and json alike
        raise InputError(f"{path} cannot be read as {kind[1:]}: {error}") from error
    return from_rows(rows)


def _stripped(frame: pd.DataFrame) -> pd.DataFrame:
    """White space around a field is layout: "red, blue" names no item " blue". A blank field is missing."""
    names = {name: str(name).strip() for name in frame.columns}
    return frame.apply(lambda column: column.str.strip().replace("", np.nan)).rename(columns=names)


def from_rows(rows: object) -> "pd.DataFrame | object":
    """A list of dicts as a table; anything else, lists of rankings too, as it is."""
    kinds = set(map(type, rows)) if isinstance(rows, list) else set()
    battles = kinds and all(issubclass(kind, Mapping) for kind in kinds) and "ranking" not in rows[0]
    return pd.DataFrame(rows) if battles else rows


def has_battles(frame: pd.DataFrame) -> bool:
    """Whether the columns are those of a table of battles."""
    names = {str(name).strip().lower() for name in frame.columns}
    return {"winner", "loser"} <= names or any(set(pair) <= names for pair in SIDES)


def from_table(
    frame: pd.DataFrame, where: Where, *, items: Sequence[Hashable] | None = None, counts=None
) -> Battles:
    """Rows with model_a, model_b and winner; or winner and loser; or counts of wins. where: names a row."""
    column = {str(name).strip().lower(): name for name in frame.columns}
    if len(column) < len(frame.columns):
        raise InputError(f"Two columns have the same name: {listing(list(frame.columns), 20)}.")
    if {"winner", "loser"} <= set(column):
        sides, tally = (column["winner"], column["loser"]), None
    else:
        sides = _sides(frame, column)
        tally = next((t for t in COUNTED if set(t[:2]) <= set(column)), None)
    names, (a, b) = factorized([frame[side] for side in sides], list(sides), items, where)
    if {"winner", "loser"} <= set(column):
        result = np.full(len(a), WON)
    elif tally is not None:
        return _tallied(frame, [column[t] for t in tally if t in column], names, a, b, where)
    else:
        result = _results(frame, _one(column, WINNER, frame, "who won"), names, a, b, where)
    found = Battles(names, a, b, result)
    for field, spellings in (("count", COUNT), ("weight", WEIGHT)):
        there = [column[s] for s in spellings if s in column]
        if len(there) > 1:
            raise InputError(f"Columns {there[0]} and {there[1]} both look like a {field}: leave one out.")
        if there:
            setattr(found, field, numbers(frame, there[0], where, least=0))
    if counts is not None:
        if any(spelling in column for spelling in COUNT):
            raise InputError("The table has a column of counts already; leave out `counts`.")
        found.count = checked_counts(counts, len(found.a))
    return found


def _sides(frame: pd.DataFrame, column: dict[str, Hashable]) -> tuple[Hashable, Hashable]:
    found = [pair for pair in SIDES if set(pair) <= set(column)]
    if not found:
        raise InputError(
            f"A table of battles has columns model_a, model_b and winner (or winner and loser); this one has "
            f"{listing(list(frame.columns), 12)}: rename its columns."
        )
    if len(found) > 1:
        raise InputError(
            f"Columns {found[0]} and {found[1]} both look like the two items: leave one pair out."
        )
    return column[found[0][0]], column[found[0][1]]


def _one(column: dict[str, Hashable], spellings: Sequence[str], frame: pd.DataFrame, what: str) -> Hashable:
    found = [column[spelling] for spelling in spellings if spelling in column]
    if "winner" in column:
        return column["winner"]
    if len(found) != 1:
        how = f"columns {listing(found)} may" if found else f"none of {listing(list(frame.columns), 12)} does"
        raise InputError(f"One column must say {what}, and {how}: call it winner.")
    return found[0]


def _results(frame: pd.DataFrame, column: Hashable, names: list, a: np.ndarray, b: np.ndarray, where: Where):
    """(N,) WON, LOST, TIED from the winner as a side ("model_a", "left", "tie" ...) or as an item's name."""
    codes, values = pd.factorize(frame[column])
    if (codes < 0).any():
        row = int(np.flatnonzero(codes < 0)[0])
        raise InputError(
            f"{where(row)}, column {column}: the winner is missing ({(codes < 0).sum():,} such rows); "
            "drop these rows, or write tie where it was one."
        )
    place = {name: i for i, name in enumerate(names)}
    side = np.array([SAID.get(_plain(value), -1) for value in values])[codes]
    item = np.array([place.get(value, -1) for value in values])[codes]
    named = np.where(item < 0, -1, np.where(item == a, WON, np.where(item == b, LOST, -1)))
    both = (side >= 0) & (named >= 0) & (side != named)
    if both.any():
        row = int(np.flatnonzero(both)[0])
        raise InputError(
            f"{where(row)}, column {column}: {frame[column].iloc[row]!r} is the name of an item and also a "
            "side; write model_a, model_b or tie."
        )
    result = np.where(side >= 0, side, named)
    if (result < 0).any():
        row = int(np.flatnonzero(result < 0)[0])
        raise InputError(
            f"{where(row)}, column {column}: {frame[column].iloc[row]!r} says neither who won nor a tie "
            f"({(result < 0).sum():,} such rows); write model_a, model_b, tie, or the name of one of the two."
        )
    return result


def _plain(value: Hashable) -> str:
    if not isinstance(value, str):
        return ""  # numbers: 0 and 1 mean opposite things in different files
    text = re.sub(r"\s", "", value.strip().lower().strip("[]"))
    text = text if text in SAID else re.sub(r"[^a-z0-9]", "", text)
    return "tie" if re.match("tie|draw|both", text) else text  # tie (bothbad), both_good ...


def _tallied(frame, columns, names, a, b, where: Where) -> Battles:
    """Wins of a, wins of b and ties as numbers: up to three battles a row, each with its count."""
    tally = np.stack([numbers(frame, column, where, least=0) for column in columns], axis=1)
    empty = np.flatnonzero(tally.sum(1) == 0)
    if len(empty):
        raise InputError(f"{where(int(empty[0]))}: no win and no tie is counted; drop such rows.")
    row, result = np.nonzero(tally)
    found = Battles(names, a[row], b[row], np.array([WON, LOST, TIED])[result], tally[row, result])
    found.row = row
    return found


def clusters(values: "Sequence | pd.Series | np.ndarray", number: int, name: str, where: Where) -> np.ndarray:
    """(N,) numbers of the voters, or whatever `by` says."""
    values = pd.Series(values)
    if len(values) != number:
        raise InputError(f"by has {len(values):,} labels for {number:,} comparisons; it needs one for each.")
    codes, _ = pd.factorize(values)
    if (codes < 0).any():
        row = int(np.flatnonzero(codes < 0)[0])
        raise InputError(f"{where(row)}: {name} is missing ({(codes < 0).sum():,} such rows); fill it in.")
    return codes


def differences(frame: pd.DataFrame, style, where: Where) -> tuple[np.ndarray, tuple[str, ...], np.ndarray]:
    """((N, F) covariates, a minus b, divided by their root mean square; names; those units (F,)).

    A name is a column of differences, or two columns NAME_a and NAME_b whose difference is taken. The scale
    keeps 0 at 0, which is equal style.
    """
    if isinstance(style, str):
        style = [style]
    if isinstance(style, pd.DataFrame):
        number, frame, style = len(frame), style, list(style.columns)
        if len(frame) != number:
            raise InputError(f"style has {len(frame):,} rows for {number:,} battles; it needs one for each.")
    columns = []
    for name in style:
        if name in frame.columns:
            columns.append(numbers(frame, name, where))
        elif {f"{name}_a", f"{name}_b"} <= set(frame.columns):
            columns.append(numbers(frame, f"{name}_a", where) - numbers(frame, f"{name}_b", where))
        else:
            raise InputError(
                f"The battles have no column {name}, nor {name}_a and {name}_b; they have "
                f"{listing(list(frame.columns), 12)}."
            )
    found = np.stack(columns, axis=1) if columns else np.zeros((len(frame), 0))
    units = np.sqrt((found**2).mean(0))
    for name, unit in zip(style, units, strict=True):
        if not unit:
            raise InputError(
                f"The style column {name} is 0 in every battle, so it explains nothing: leave it out."
            )
    return found / units, tuple(map(str, style)), units
