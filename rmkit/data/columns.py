"""Single columns of a row, read with care: what all formats share."""

import base64
import contextlib
import json
import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import fmean

from rmkit.data.column_names import is_verdict, may_ask, says_judgment
from rmkit.data.printed import is_printed, value_of


class BadRowError(Exception):
    """A row that cannot be read (a sentence that says why, and the same in a few words for the ledger)."""

    def __init__(self, sentence: str, short: str):
        super().__init__(sentence)
        self.short = short


class BadValueError(BadRowError):
    """A column holds something that its format does not allow (column, what was wanted instead)."""

    def __init__(self, column: str, wanted: str):
        super().__init__(f"column {column!r} must be {wanted}", f"column {column!r}")
        self.column, self.wanted = column, wanted


class UnusableError(Exception):
    """A well-formed row that cannot become one group, for the stated reason; it is counted and left out."""


@dataclass
class Row:
    """A row: where it stands ("file.jsonl, line 3") and its values.

    fault: why it could not be read, if so.   about: what a format has found out from all rows of the file.
    """

    where: str
    values: dict
    fault: BadRowError | None = None
    about: dict = field(default_factory=dict)


@lru_cache(maxsize=65536)
def plain(name: str) -> str:
    """A column's name without case, spaces, "_", "-" and ".": "Response A" is response_a."""
    return re.sub(r"[\s_.-]+", "", str(name)).lower()


@lru_cache(maxsize=1024)
def _by_plain_name(columns: tuple[str, ...]) -> dict[str, str]:
    return {plain(column): column for column in reversed(columns)}


@lru_cache(maxsize=65536)
def _there(columns: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    known = _by_plain_name(columns)
    return tuple(name for name in names if name in columns or plain(name) in known)


class Columns(dict):
    """A row for the function of a format. It forgives spelling and remembers which columns were read.

    `row["response_a"]` also finds "Response A" and "response-A". Columns that nobody read become
    `Record.extra`. A column that is not there is a BadRowError, which is counted and shown.
    """

    def __init__(self, values: dict, about: dict | None = None):
        super().__init__(values)
        self.about = about or {}
        self._columns = tuple(values)
        self._names = _by_plain_name(self._columns)
        self.read: set[str] = set()
        self.asked: set[str] = set()  # those that were read for the prompt
        self.vague: str | None = None  # the one that may as well not be the question

    def find(self, name: str) -> str | None:
        """The column of this name as the file writes it, or None."""
        return name if dict.__contains__(self, name) else self._names.get(plain(name))

    def __contains__(self, name: object) -> bool:
        return self.find(name) is not None

    def __getitem__(self, name: str):
        column = self.find(name)
        if column is None:
            raise BadRowError(f"no column {name!r}", f"no column {name!r}")
        self.read.add(column)
        return dict.__getitem__(self, column)

    def get(self, name: str, default: object = None) -> object:
        """The column's value, or `default` where there is no such column."""
        return default if self.find(name) is None else self[name]

    def first(self, *names: str) -> object:
        """The value of the first of these columns that is there and not null; None where none is."""
        return next((self[name] for name in self.among(names) if self.peek(name) is not None), None)

    def among(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the names that the row has, without reading them. Fast: most rows share their columns."""
        return _there(self._columns, names)

    def peek(self, name: str) -> object:
        """The column's value, or None, without reading it."""
        column = self.find(name)
        return None if column is None else dict.__getitem__(self, column)

    @property
    def scoring(self) -> bool:
        """Whether the row is only to be scored: then its labels do not matter, readable or not."""
        return bool(self.about.get("scoring"))

    @property
    def unread(self) -> dict:
        """The columns that nobody has asked for."""
        return {column: value for column, value in self.items() if column not in self.read}

    def unread_text(self) -> list[str]:
        """Unread columns that hold words and may be part of the question, by name."""
        unread = {c: v for c, v in self.items() if c not in self.read or plain(c) in _SUBSETS}
        return [column for column, value in unread.items() if may_ask(column, value)]

    def unread_judgments(self, several: bool = False) -> list[str]:
        """Unread columns whose name says that they hold a judgment, and which hold something.

        several: whether it may be one of several answers; then a value such as "A wins" says it, too.
        """
        filled = {column: value for column, value in self.unread.items() if not unsaid(value)}
        named = [column for column in filled if says_judgment(column)]
        return named or [c for c, value in filled.items() if several and is_verdict(c, value)]


def says_something(value: object) -> bool:
    """Whether a cell holds anything: not None, NaN, [], {}, or a text of white space."""
    if isinstance(value, str):
        return bool(value.strip())
    return value is not None and value == value and value not in ([], {})


def jsonable(value: object) -> object:
    """A value as JSON can hold it: dates as ISO text, bytes as base64, other things as Python prints them."""
    if isinstance(value, dict):
        return {str(name): jsonable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def ranks(scores: list[float | None]) -> list[int]:
    """Ranks of scores, the highest first: 1 = best, equal scores share a rank, 0 = no score."""
    levels = sorted({score for score in scores if score is not None}, reverse=True)
    return [0 if score is None else levels.index(score) + 1 for score in scores]


_DECIMAL_COMMA = re.compile(r"\s*-?\d+,\d{1,2}\s*")  # three digits would be thousands


def number(value: object) -> float | None:
    """A rating as a number; "4" and "4,5" count, and what is no number (None, "N/A", NaN) is not rated."""
    if isinstance(value, str) and "," in value and _DECIMAL_COMMA.fullmatch(value):
        value = value.replace(",", ".")
    try:
        result = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


_UNSAID = {
    "none",
    "null",
    "nan",
    "n/a",
    "na",
    "<na>",
    "unknown",
    "unclear",
    "unsure",
    "not sure",
    "undecided",
    "skip",
    "skipped",
    "invalid",
    "error",
    "missing",
    "abstain",
    "unlabeled",
    "unlabelled",
    "not available",
    "no label",
    "pending",
    "-",
    "?",
}


def unsaid(value: object) -> bool:
    """Whether a judgment says nothing: null, NaN, empty, or a word such as "unknown" or "n/a"."""
    return not says_something(value) or (isinstance(value, str) and value.strip().lower() in _UNSAID)


_YES = ("true", "yes", "1", "1.0", "good", "correct", "right", "desirable", "chosen", "positive", "thumbsup")
_NO = (
    *("false", "no", "0", "0.0", "bad", "incorrect", "wrong"),
    *("undesirable", "rejected", "negative", "thumbsdown"),
)


def yes_or_no(value: object, column: str) -> bool | None:
    """A label as true or false (1 and 0, "true" and "false" too); None where it is null or empty."""
    word = re.sub(r"(?<=[a-z])[\s_-]+", "", str(value).strip().lower())
    if unsaid(value):
        return None
    if word not in (*_YES, *_NO):
        raise BadValueError(column, "true or false")
    return word in _YES


def mean(values: list) -> float | None:
    """The mean of the values that are numbers, or None where none is."""
    known = [x for x in map(number, values) if x is not None]
    return fmean(known) if known else None


def decoded(value: object) -> object:
    """What a text such as '[{"role": ...}]' holds, JSON or as Python prints it; anything else as it is."""
    if not isinstance(value, str) or value.strip()[:1] not in ("[", "{"):
        return value
    text = value.strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass  # a text that only begins like JSON, or Python's own way to print a list
    if is_printed(text):
        with contextlib.suppress(ValueError):
            return value_of(text)
    return value


def items(row: dict, column: str, kind: type = object) -> list:
    """The column as a list of one kind of thing (a list written as text, as in a CSV file, counts)."""
    value = decoded(row[column])
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise BadValueError(column, "a list" + (f" of {kind.__name__}" if kind is not object else ""))
    return value


def are_objects(value: object) -> bool:
    """Whether this is a list of objects, be it an empty one."""
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def objects(value: object, column: str) -> list[dict]:
    """What a column holds inside of it as a list of objects; null is none."""
    value = [] if value is None else value
    if not are_objects(value):
        raise BadValueError(column, "a list of objects")
    return value


_NAMES = {
    "annotator": ("annotator", "judge", "labeler", "worker", "annotator_id", "worker_id"),
    "subset": ("subset", "source", "domain"),
    "id": ("id", "prompt_id", "question_id", "post_id", "pair_id", "qid", "uid"),
}
_SUBSETS = set(_NAMES["subset"])  # where translations keep the sentence that is to be translated
_ALL_NAMES = tuple(name for columns in _NAMES.values() for name in columns)


def names(row: Columns) -> dict:
    """annotator, subset and id, under the names that public sets use."""
    if not row.among(_ALL_NAMES):  # most rows
        return dict.fromkeys(_NAMES)
    found = {}
    for name, columns in _NAMES.items():
        column = next((c for c in row.among(columns) if isinstance(row.peek(c), str | int)), None)
        found[name] = None if column is None else row[column]
    return found
