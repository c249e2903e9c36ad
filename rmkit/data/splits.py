"""Names of splits: which one a file, a folder or a column `split` speaks of, and the choice of one."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rmkit.data.columns import Columns, Row
from rmkit.data.ledger import Event
from rmkit.errors import InputError

# As `datasets` recognizes them in the names of files and folders.
KEYWORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
# What may be asked for under another name; "eval" is not among them, for people mean either split by it.
_ALSO = {word: split for word, split in KEYWORDS.items() if not word.startswith("eval")}
_COLUMNS = ("split", "partition", "data_split", "dataset_split")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # trainPrefs
_KIND = re.compile(r"(?<=.)(set|data|split|file|part)s?$")  # trainset


def _words(name: str) -> list[str]:
    """The words of a name in lower case: "train_prefs-01", "TrainPrefs" and "trainset.prefs" have two."""
    parts = re.findall(r"[^\W\d_]+", _HUMP.sub(" ", name))
    return [_KIND.sub("", part.lower()) for part in parts]


def told(name: str) -> str | None:
    """The split that a name tells ("my_test", "trainPrefs", "devset"), or None where it tells none or two."""
    found = {KEYWORDS[word] for word in _words(name) if word in KEYWORDS}
    return found.pop() if len(found) == 1 else None


def tail(name: str) -> list[str]:
    """The words after the one that tells the split: "sft" of train_sft, none of my_train."""
    words = _words(name)
    last = max((number for number, word in enumerate(words) if word in KEYWORDS), default=len(words))
    return words[last + 1 :]


def choose(
    names: list[str], asked: str | None, kind: str, where: str, default: str = "train"
) -> tuple[str, list[Event]]:
    """The split or config that was asked for, else the default one, else the only one; and what to say.

    Raises InputError, with the names there are, where there is no such one, or several and none asked for.
    """
    listed = ", ".join(map(repr, names)) or "none"
    if asked not in names and kind == "split" and asked is not None:
        asked = next((name for name in names if name == _ALSO.get(asked.lower())), asked)
    if asked is not None and asked not in names:
        raise InputError(f"{where} has no {kind} {asked!r}; there is {listed}.")
    chosen = asked or (names[0] if len(names) == 1 else default)
    if chosen not in names:
        raise InputError(f"{where} has several {kind}s: {listed}; choose one with {kind}={names[0]!r}.")
    others = [name for name in names if name != chosen]
    what = f"{kind} {chosen!r} read, not {', '.join(map(repr, others))}"
    return chosen, [Event(what, where, kept=True)] if others and asked is None else []


# --- rows that name their split -----------------------------------------------------------------------------


def of_row(row: Row) -> str | None:
    """The split that a row names: the table that it stood in, or its column `split`."""
    label = row.about.get("table")
    if label is None:
        column = _column(tuple(row.values))
        label = None if column is None else row.values[column]
    return label if isinstance(label, str) and label else None


@lru_cache(maxsize=1024)
def _column(columns: tuple[str, ...]) -> str | None:
    row = Columns(dict.fromkeys(columns))
    return next(map(row.find, row.among(_COLUMNS)), None)


def of_rows(rows: Iterable[Row]) -> list[str]:
    """What the rows name as their split, each once."""
    return list(dict.fromkeys(label for label in map(of_row, rows) if label is not None))


def are_splits(labels: Sequence[str]) -> bool:
    """Whether these are names of splits, not what a column `split` may hold besides."""
    known = [told(label) for label in labels]
    return bool(known) and (None not in known or len(set(known) - {None}) > 1)
