"""Preferences from any source: files, folders, the Hub, rows in memory, built-in sets."""

import contextlib
import re
from importlib import import_module
from inspect import signature
from pathlib import Path

from rmkit.arguments import argument, seen
from rmkit.data import convert, files, kept, reading
from rmkit.data import in_blocks as blocks
from rmkit.data import votes as ballots
from rmkit.data.cleaning import mark, repeats
from rmkit.data.groups import Preferences
from rmkit.data.in_blocks import NotInBlocks
from rmkit.data.ledger import Event
from rmkit.data.records import Record, prompt_key
from rmkit.data.streams import Stream, needs_all, stream
from rmkit.data.uncollected import uncollected
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
    malformed: float = 0.1,
    streaming: bool = False,
    **dials,
) -> Preferences | Stream:
    """Read preferences of any known format, and say in the ledger what became of every row.

    source: a built-in name ("pocket", "tiny"); a file (.jsonl, .ndjson, .json, .csv, .tsv, .parquet, .arrow,
        each also .gz or .zst); a folder, a glob or a list of these; a Hub id ("owner/name",
        "owner/name:split", "owner/name:config:split"); a list of dicts; a pandas DataFrame; or a Dataset or
        DatasetDict of `datasets`; or preferences that are loaded already. Formats are recognized by their
        columns: see rmkit.formats.
    split, config: of a set that has several, wherever it lies. Without split, "train" where there is one;
        split="all" reads all.
    clean: leave out repeated rows, which are equal in every field. Benchmarks are never cleaned.
    votes: what becomes of several judgments of one pair. "each" keeps every one as a record; "majority" makes
        one record a pair (an even split is a tie); "share" makes one with a soft label, `Record.share`.
    Large files (8 MB) are converted once and then read from the cache, record by record.
    malformed: the share of rows that may be unreadable; they are counted, and above it an error says why.
    streaming: of a set on the Hub, read records as they come and hold none: a `Stream`, to loop over, to
        `take` from, or to `save` as a file. Repeats stay in it.
    dials: arguments of a built-in set, such as rmkit.load("pocket", n=500).
    Raises InputError with the file, line and column of what cannot be read.
    """
    ballots.check(votes)
    clean, malformed = argument("clean", clean, kind=bool), argument("malformed", malformed, **_SHARE)
    for name, value in (("split", split), ("config", config)):
        _check_name(name, value)
    if isinstance(source, Stream):
        raise InputError(needs_all(source, "this"))
    if streaming:
        if dials:
            raise InputError(f"{', '.join(dials)}: a stream has no such dials.")
        return stream(source, split, config, votes, malformed)
    if (held := _held(source)) is not None:
        if split is not None or config is not None or dials:
            raise InputError(f"{held.name} is loaded already: take a part with .split, .subset or .take.")
        records, lost = ballots.join(held.records, votes)
        return Preferences(records, held.name, held.events + lost, held.untaken, held.part)
    for place in source if isinstance(source, list | tuple) else [source]:
        if isinstance(place, str | Path):
            files.check_place(place)
    if isinstance(source, str) and source in BUILT_IN:
        if config is not None:
            raise InputError(f"The set {source!r} has no config {config!r}: built-in sets have none.")
        made = _built_in(source, dials if split is None else {**dials, "split": split})
        records, lost = ballots.join(made.records, votes)
        return Preferences(records, made.name, made.events + lost, made.untaken, made.part)
    if dials:
        raise InputError(f"{', '.join(dials)}: only built-in sets ({', '.join(BUILT_IN)}) have such dials.")
    if isinstance(source, str) and _is_name(source):
        raise InputError(f"There is no built-in set {source!r}{did_you_mean(source, list(BUILT_IN))}")
    arguments = {"split": split, "config": config, "clean": clean, "votes": votes, "malformed": malformed}
    name = kept.key(source, arguments)
    return kept.once(name, lambda: _read(source, in_blocks=name is not None, **arguments))


@uncollected()
def _read(source, *, in_blocks: bool, **arguments) -> Preferences:
    """What `load` gives, converted anew. in_blocks: hold no more than a block of rows, where that can be."""
    made = None
    if in_blocks:
        # An OSError is of the draft: where the disk is full, memory may do.
        with contextlib.suppress(NotInBlocks, OSError):
            made = blocks.preferences(source, **arguments)
    made = _together(source, **arguments) if made is None else made
    if not len(made):
        raise InputError(f"{made.name}: nothing is left to use ({made.ledger.line()}).")
    return made


def _together(
    source, split: str | None, config: str | None, clean: bool, votes: str, malformed: float
) -> Preferences:
    """All rows read, then all of them converted."""
    read = reading.read(source, split, config)
    records, events = [], list(read.events)
    while read.tables:  # each is dropped when it has become records
        placed, lost, form = convert.records(read.tables.pop(0), malformed)
        for where, record in placed:
            record.where = where
        records += [record for _, record in placed]
        events += lost
        clean = clean and not form.benchmark
    if clean:
        repeated = repeats(records, list(map(mark, records)))
        records = [record for number, record in enumerate(records) if number not in repeated]
        events += repeated.values()
    records, lost = ballots.join(records, votes)
    return Preferences(records, read.name, events + lost)


def _is_name(source: str) -> bool:
    """Whether this can only be meant as a built-in set: a bare word, and no file."""
    is_word = not re.search(r"[./\\*?\[:]", source)
    return not source.strip() or (is_word and not Path(source).exists())


def as_preferences(source) -> Preferences:
    """Preferences as they are, a list of records as Preferences, and anything else through `load`.

    So every function takes what `load` takes.
    """
    held = _held(source)
    return load(source) if held is None else held


def _held(source) -> Preferences | None:
    """Preferences, or records, that are in memory already."""
    if isinstance(source, list) and source and all(isinstance(record, Record) for record in source):
        return Preferences(source)
    if isinstance(source, Record):
        return Preferences([source])
    return source if isinstance(source, Preferences) else None


_SHARE = {"kind": float, "least": 0, "most": 1}


def _check_name(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        hint = " For a share of the prompts: load(...).split(test=0.2)." if name == "split" else ""
        raise InputError(f"{name} is {seen(value)}; it must be a name, such as 'test'.{hint}")


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
    "pocket-pool": "rmkit.pocket:graded_samples",
}
