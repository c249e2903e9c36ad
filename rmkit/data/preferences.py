"""Preferences from any source: files, folders, the Hub, rows in memory, built-in sets."""

from collections.abc import Callable
from importlib import import_module
from inspect import signature
from pathlib import Path

from rmkit.data import formats as sources
from rmkit.data import reading
from rmkit.data import votes as ballots
from rmkit.data.cleaning import without_repeats
from rmkit.data.columns import BadValueError, Row, UnusableError
from rmkit.data.groups import Preferences
from rmkit.data.ledger import GROUPED, REMOVED, Event
from rmkit.data.records import Record, build, prompt_key
from rmkit.errors import InputError, did_you_mean
from rmkit.paths import data_folder

__all__ = ["Event", "Preferences", "Record", "load", "prompt_key"]


def load(
    source,
    *,
    split: str | None = None,
    config: str | None = None,
    clean: bool = True,
    votes: str = "each",
    **dials,
) -> Preferences:
    """Read preferences of any known format, and say in the ledger what became of every row.

    source: a built-in name ("pocket", "tiny"), a file (.jsonl, .jsonl.gz, .json, .parquet, .arrow), a folder
        of them, a Hub id ("owner/name", "owner/name:split", "owner/name:config:split"), a list of dicts, or
        a `datasets.Dataset`. The formats are those of `rmkit.sources`, recognized by their columns.
    split: of a set on the Hub, or of a built-in one. config: of a set on the Hub.
    clean: leave out repeated rows, which are equal in every field.
    votes: what becomes of several judgments of one pair. "each" keeps every one as a record; "majority" makes
        one record a pair (an even split is a tie); "share" makes one with a soft label, `Record.share`.
    dials: arguments of a built-in set, such as rmkit.load("pocket", n=500).
    Raises InputError with the file, line and column of what cannot be read.
    """
    ballots.check(votes)
    if isinstance(source, str) and source in BUILT_IN:
        made = _built_in(source, dials if split is None else {**dials, "split": split})
        records, lost = ballots.join(made.records, votes)
        return Preferences(records, made.name, made.events + lost, made.untaken, made.part)
    if dials:
        raise InputError(f"{', '.join(dials)}: only built-in sets ({', '.join(BUILT_IN)}) have such dials.")
    records, events = [], []
    for rows in _tables(source, split, config):
        some, lost = _read(rows)
        records += some
        events += lost
    if clean:
        records, lost = without_repeats(records)
        events += lost
    for where, record in records:
        record.where = where
    records, lost = ballots.join([record for _, record in records], votes)
    name = Path(source).name if isinstance(source, str | Path) else type(source).__name__
    preferences = Preferences(records, name, events + lost)
    if not records:
        raise InputError(f"{name}: nothing is left to use ({preferences.ledger.line()}).")
    return preferences


def as_preferences(source) -> Preferences:
    """Preferences as they are; anything else through `load`. So every function takes what `load` takes."""
    return source if isinstance(source, Preferences) else load(source)


def _tables(source, split: str | None, config: str | None) -> list[list[Row]]:
    """The rows of every file of a source."""
    if isinstance(source, list | tuple):
        if not source or not all(isinstance(row, dict) for row in source):
            raise InputError("A list must hold one or more dictionaries, one for each row.")
        return [[Row(f"row {number}", row) for number, row in enumerate(source, 1)]]
    if hasattr(source, "column_names") and not isinstance(source, str | Path):
        if isinstance(source.column_names, dict):
            raise InputError(f"Choose one split of this set, such as data[{next(iter(source))!r}].")
        return [reading.dataset_rows(source, "dataset")]
    if not isinstance(source, str | Path):
        raise InputError(f"Cannot load from a {type(source).__name__}; {reading.ACCEPTED}.")
    path = Path(source).expanduser()
    if path.exists():
        return [reading.rows(file) for file in reading.files(path)]
    if isinstance(source, str) and reading.is_hub_id(source):
        return [reading.hub_rows(source, config, split)]
    if path.suffix or len(path.parts) > 1:
        raise InputError(f"There is no file or folder {source}; {reading.ACCEPTED}.")
    raise InputError(f"There is no built-in set {source!r}{did_you_mean(str(source), list(BUILT_IN))}")


def _read(rows: list[Row]) -> tuple[list[tuple[str, Record]], list[Event]]:
    """Records with their places, and what became of the other rows of one file."""
    columns = list(rows[0].values)
    form = sources.detect(columns, rows[0].where)
    for row in rows:
        missing = [column for column in form.wants if column not in row.values]
        if missing:
            raise InputError(f"{row.where}: no column {missing[0]!r}, which {form.name} needs.")
    records, events = [], []
    for row in form.together(rows):
        record, lost = _convert(row, form.convert)
        records += [(row.where, record)] if record else []
        events += lost
    return records, events


def _convert(row: Row, convert: Callable[[dict], dict]) -> tuple[Record | None, list[Event]]:
    first = row.values.get("rows", [row.values])[0]
    subset = str(first["subset"]) if isinstance(first.get("subset"), str | int) else None
    try:
        values = convert(row.values)
        record, removed = build(values)
    except BadValueError as error:
        raise InputError(f"{row.where}: column {error.column!r} must be {error.wanted}.") from error
    except UnusableError as error:
        return None, [Event(str(error), row.where, subset, _key_of(row.values), row.count)]
    key = prompt_key(record)
    found = [(GROUPED, row.count - 1), (REMOVED, removed)]
    return record, [Event(what, row.where, record.subset, key, n) for what, n in found if n]


def _key_of(values: dict) -> str:
    """The key of a dropped row's prompt, as far as it can be told."""
    prompt = values.get("prompt")
    return prompt_key(Record(sources.prompt(prompt), [])) if isinstance(prompt, str) else ""


def _tiny() -> Preferences:
    return load(data_folder() / "tiny" / "preferences.jsonl")


def _built_in(name: str, dials: dict) -> Preferences:
    module, function = BUILT_IN[name].split(":")
    make = getattr(import_module(module), function)
    known = signature(make).parameters
    unknown = [dial for dial in dials if dial not in known]
    if unknown and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        dial = unknown[0]
        raise InputError(f"The set {name!r} has no dial {dial!r}{did_you_mean(dial, list(known))}")
    made = make(**dials)
    made.name = name
    return made


# Where each built-in set is made. By name, since some are made on floors above this one.
BUILT_IN = {
    "tiny": "rmkit.data.preferences:_tiny",
    "pocket": "rmkit.pocket:preferences",
    "pocket-bench": "rmkit.pocket:bench",
}
