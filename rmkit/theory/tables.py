"""Tables of battles, as DataFrame or file: two columns of items, and who won."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
import pandas as pd

from rmkit.errors import InputError
from rmkit.theory.battle_words import BEATEN, COUNT, COUNTED, SIDES, WEIGHT, WINNER, outcome, plain
from rmkit.theory.battles import Battles, factorized, numbers
from rmkit.theory.comparisons import checked_counts
from rmkit.theory.connected import listing
from rmkit.theory.duels import LOST, TIED, WON

Where = Callable[[int], str]


def has_battles(frame: pd.DataFrame) -> bool:
    """Whether the columns are those of a table of battles."""
    names = set(map(plain, frame.columns))
    return any(set(pair) <= names for pair in (*BEATEN, *SIDES))


def from_table(
    frame: pd.DataFrame, where: Where, *, items: Sequence[Hashable] | None = None, counts=None
) -> Battles:
    """Rows with model_a, model_b and winner; or winner and loser; or counts of wins. where: names a row."""
    column = {plain(name): name for name in reversed(list(frame.columns))}
    if len({str(name).strip().lower() for name in frame.columns}) < len(frame.columns):
        raise InputError(f"Two columns have the same name: {listing(list(frame.columns), 20)}.")
    beaten = next((pair for pair in BEATEN if set(pair) <= set(column)), None)
    if beaten:
        sides, tally = (column[beaten[0]], column[beaten[1]]), None
    else:
        sides = _sides(frame, column)
        tally = next((t for t in COUNTED if set(t[:2]) <= set(column)), None)
    names, (a, b) = factorized([frame[side] for side in sides], list(sides), items, where)
    if beaten:
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
    side = np.array([-1 if (said := outcome(value)) is None else said for value in values])[codes]
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
    if not isinstance(style, list | tuple | pd.DataFrame):
        raise InputError(f"style is {style!r}; it must be a list of columns, or a DataFrame of differences.")
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
