"""The record as rmkit saves it: prompt, responses, and any of the record's other columns."""

import difflib
import functools

from rmkit.data.columns import BadValueError, Columns, decoded, names, number
from rmkit.data.formats.registry import register
from rmkit.data.question import asked

RECORD_COLUMNS = (
    "prompt",
    "responses",
    "ranks",
    "ratings",
    "strength",
    "share",
    "correct",
    "steps",
    "step_labels",
    "annotator",
    "subset",
    "id",
    "extra",
)
_NUMBERS = ("strength", "share")
_LISTS = ("responses", "ranks", "ratings", "correct", "steps", "step_labels", "extra")


@functools.cache
def _misspelled(column: str) -> str | None:
    """The column of a record that this name nearly is."""
    return next(iter(difflib.get_close_matches(column, RECORD_COLUMNS, n=1, cutoff=0.85)), None)


@register("a record of rmkit", ("responses",), ("responses", "steps", "step_labels"), as_is=True)
def record(row: Columns) -> dict:
    """One prompt, K responses, and what is known about them.

    {"prompt": "What do otters eat?", "responses": ["Fish, mostly.", "Otters eat granite."], "ranks": [1, 2]}
    """
    for column in row:
        if column not in RECORD_COLUMNS and (near := _misspelled(column)) and near not in row:
            raise BadValueError(column, f"the name {near!r}")
    known = {column: row.get(column) for column in RECORD_COLUMNS if column != "prompt"}
    # In a CSV file a list is text, and so is a number.
    known |= {column: decoded(known[column]) or None for column in _LISTS if isinstance(known[column], str)}
    for column in _NUMBERS:
        if isinstance(known[column], str):
            if known[column].strip() and number(known[column]) is None:
                raise BadValueError(column, "a number")
            known[column] = number(known[column])
    if (
        not row.scoring and isinstance(known["ranks"], list) and 0 in known["ranks"]
    ):  # the best, counted from 0, or not ranked?
        raise BadValueError("ranks", "places from 1 (1 = best, null = not ranked)")
    given = {name: value for name, value in names(row).items() if value is not None}
    question = asked(row)
    stated = row.peek("prompt")  # saved white space is read back as it is
    return {"prompt": question or (stated if isinstance(stated, str) else question)} | known | given
