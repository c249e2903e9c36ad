"""Single columns of a row, read with care: what the adapters of `rmkit.sources` share."""

import math
from dataclasses import dataclass
from statistics import fmean


class BadValueError(Exception):
    """A column holds something that its format does not allow (column, what was wanted instead)."""

    def __init__(self, column: str, wanted: str):
        super().__init__(column, wanted)
        self.column, self.wanted = column, wanted


class UnusableError(Exception):
    """A well-formed row that cannot become one group, for the stated reason; it is counted and left out."""


@dataclass
class Row:
    """A row: where it stands ("file.jsonl, line 3"), its values, and how many rows of the file it holds."""

    where: str
    values: dict
    count: int = 1


def ranks(scores: list[float | None]) -> list[int]:
    """Ranks of scores, the highest first: 1 = best, equal scores share a rank, 0 = no score."""
    levels = sorted({score for score in scores if score is not None}, reverse=True)
    return [0 if score is None else levels.index(score) + 1 for score in scores]


def number(value: object) -> float | None:
    """A rating as a number; "4" counts as 4, and what is no number (None, "N/A", NaN) as not rated."""
    try:
        result = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) else None


def mean(values: list) -> float | None:
    """The mean of the values that are numbers, or None where none is."""
    known = [x for x in map(number, values) if x is not None]
    return fmean(known) if known else None


_NAMES = {
    "annotator": ("annotator", "judge", "labeler"),
    "subset": ("subset", "source", "domain"),
    "id": ("id", "prompt_id", "question_id", "post_id"),
}


def names(row: dict) -> dict:
    """annotator, subset and id, under the names that public sets use."""
    return {
        name: next((row[column] for column in columns if isinstance(row.get(column), str | int)), None)
        for name, columns in _NAMES.items()
    }


def items(row: dict, column: str, kind: type = object) -> list:
    """The column as a list of one kind of thing."""
    value = row[column]
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise BadValueError(column, "a list" + (f" of {kind.__name__}" if kind is not object else ""))
    return value
