"""Comparisons in the shapes that programs hold them in: as a table, an array or a list of rankings."""

from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np
import pandas as pd

from rmkit.arguments import seen
from rmkit.errors import InputError
from rmkit.theory.battle_words import outcome, plain


def shaped(given: object, kind: str | None = None) -> object:
    """Lists of dictionaries, columns, Arrow tables, counts by pair and (a, b, winner) as a table.

    Anything else stays as it is: a DataFrame, an array, a list of pairs and rankings.
    """
    if hasattr(given, "to_pandas"):  # pyarrow, polars, `datasets`
        return given.to_pandas()
    if isinstance(given, Mapping):
        return _from_mapping(given, kind)
    if isinstance(given, Iterator):
        given = list(given)
    if not isinstance(given, list | tuple) or not given:
        return given
    kinds = set(map(type, given))
    if all(issubclass(each, Mapping) for each in kinds):
        return list(given) if "ranking" in given[0] else pd.DataFrame(list(given))
    if kinds <= {list} and kind is None:
        _refuse_matrix(given)
    if kinds <= {list} and kind == "wins":
        return np.asarray(given)
    if kinds <= {list, tuple} and set(map(len, given)) == {3}:
        return _from_triples(given)
    return given


def _from_mapping(given: Mapping, kind: str | None) -> object:
    """{(winner, loser): count}, {column: values}, or an object around one list."""
    if given and all(isinstance(pair, tuple) and len(pair) == 2 for pair in given):
        winner, loser = zip(*given, strict=True)
        return pd.DataFrame({"winner": winner, "loser": loser, "count": list(given.values())})
    values = list(given.values())
    if len(values) == 1 and isinstance(values[0], list):
        return shaped(values[0], kind)
    if (
        values
        and all(isinstance(value, list | tuple) for value in values)
        and len(set(map(len, values))) == 1
    ):
        return pd.DataFrame(dict(given))
    if values and all(isinstance(value, Mapping) for value in values):
        if all(str(key).isdigit() for value in values for key in value):  # as pandas writes a table
            return pd.DataFrame(dict(given))
        raise InputError(
            "A dictionary of dictionaries does not say whether the outer names won or lost: give "
            "{(winner, loser): count}, or a DataFrame of how often its row beat its column."
        )
    raise InputError(
        "comparisons must be a table of battles, a matrix of wins, or a list of pairs and rankings; a "
        "dictionary is {(winner, loser): count}, or columns: model_a, model_b, winner."
    )


def _refuse_matrix(given: list) -> None:
    """Rows of numbers, as many as they are long, with zeros where an item meets itself: a matrix, or ids?"""
    square = set(map(len, given)) == {len(given)} and len(given) > 1
    numbers = square and all(isinstance(x, int | float) for x in chain.from_iterable(given))
    if numbers and not any(row[i] for i, row in enumerate(given)):
        raise InputError(
            'This list can be a matrix of wins or rankings of numbered items: give kind="wins", or the '
            "rankings as tuples."
        )


def _from_triples(given: list | tuple) -> object:
    """(a, b, who won) as a table; as they are where the third is one more item."""
    others = {item for a, b, _ in given for item in (a, b) if isinstance(item, str)}
    thirds = [third for *_, third in given]
    if others and all(isinstance(third, int | float) for third in thirds):
        raise InputError(
            f"Row 0 is {seen(given[0])}: what does {seen(thirds[0])} mean? Say who won by name or as "
            "model_a, model_b, tie; or give pairs (winner, loser) and counts=[...]."
        )
    named = [third in (a, b) for a, b, third in given]
    words = [third for third, is_name in zip(thirds, named, strict=True) if not is_name]
    told = all(outcome(word) is not None and word not in others for word in words)
    tuples = all(isinstance(row, tuple) for row in given)  # a list may be a ranking that names an item twice
    if told and ((any(named) and tuples) or any(len(plain(word)) > 1 for word in words)):
        return pd.DataFrame([tuple(row) for row in given], columns=["model_a", "model_b", "winner"])
    return given


def indexed(frame: pd.DataFrame) -> pd.DataFrame:
    """A matrix of wins as a file has it, with the names of its rows as the first column, now as its index."""
    if len(frame.columns) < 3 or len(frame) != len(frame.columns) - 1:
        return frame
    names = [str(name).strip() for name in frame.columns[1:]]
    if [str(name).strip() for name in frame.iloc[:, 0]] != names:
        return frame
    matrix = frame.iloc[:, 1:].apply(pd.to_numeric, errors="coerce").fillna(0.0)
    return matrix.set_axis(names, axis=0).set_axis(names, axis=1)
