"""Preferences: groups of one prompt, K responses, and what people said about them: load, split, save."""

import difflib
import gzip
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from inspect import signature
from pathlib import Path

from rmkit.data import convert, reading
from rmkit.data.cleaning import Event, without_repeats
from rmkit.data.display import card
from rmkit.data.ledger import GROUPED, REMOVED, Ledger
from rmkit.data.records import Record, prompt_key
from rmkit.errors import InputError
from rmkit.paths import data_folder

__all__ = ["Event", "Preferences", "Record", "load", "prompt_key"]


class Preferences:
    """A list of records, and the ledger of everything that was read to get them.

    records: list of Record.  ledger: counts by split and subset.  events: the dropped rows, one by one.
    """

    def __init__(
        self,
        records: list[Record],
        ledger: Ledger | None = None,
        name: str = "preferences",
        events: list[Event] = (),
    ):
        self.records = list(records)
        self.events = list(events)
        self.ledger = ledger if ledger is not None else _count(self.records, self.events)
        self.name = name

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __getitem__(self, index: int | slice) -> "Record | Preferences":
        if isinstance(index, slice):
            return Preferences(self.records[index], name=self.name)
        return self.records[index]

    @property
    def subsets(self) -> dict[str, int]:
        """Groups of each named subset."""
        return dict(Counter(record.subset for record in self.records if record.subset is not None))

    def subset(self, name: str) -> "Preferences":
        """The records of one subset."""
        if name not in self.subsets:
            raise InputError(f"There is no subset {name!r} here{_did_you_mean(name, list(self.subsets))}")
        records = [record for record in self.records if record.subset == name]
        events = [event for event in self.events if event.subset == name]
        return Preferences(records, name=f"{self.name}, {name}", events=events)

    def split(self, test: float = 0.2, seed: int = 0) -> "tuple[Preferences, Preferences]":
        """(train, test), by prompt: records of one prompt stay together, whatever its white space.

        test is the share of prompts. Prompts are ordered by a hash of seed and prompt, so the split depends
        on neither the order of the rows nor the machine. Both parts keep their share of the ledger.
        """
        if not 0 <= test <= 1:
            raise InputError(f"test={test} is no share: give a number between 0 and 1, such as 0.2.")
        order = sorted({_digest(prompt_key(record), seed) for record in self.records})
        held_out = round(test * len(order))
        # A dropped row whose prompt has no other record falls on the side that its hash gives it.
        last = order[held_out - 1] if held_out else b""

        def part(name: str, inside: Callable[[str], bool]) -> Preferences:
            records = [record for record in self.records if inside(prompt_key(record))]
            events = [event for event in self.events if inside(event.prompt)]
            return Preferences(records, _count(records, events, name), f"{self.name} ({name})", events)

        return (
            part("train", lambda key: _digest(key, seed) > last),
            part("test", lambda key: _digest(key, seed) <= last),
        )

    def to_pairs(self) -> "Preferences":
        """Every ranking as its pairs, the preferred response first; tied pairs are left out and counted."""
        pairs, events = [], []
        for record in self.records:
            key = prompt_key(record)
            for i, j in record.pairs():
                named = (
                    record.id if len(record.responses) == 2 or record.id is None else f"{record.id}:{i}>{j}"
                )
                pairs.append(replace(record.choose([i, j]), ranks=[1, 2], id=named))
            alone = 0 if record.pairs() or record.ties() else 1  # nothing ranked
            for reason, n in (("tied", len(record.ties())), ("no pair", alone)):
                events += [Event(reason, record.id or "", record.subset, key, n)] if n else []
        return Preferences(pairs, name=f"{self.name}, pairs", events=events)

    def shuffled(self, seed: int = 0) -> "Preferences":
        """The same records in another order."""
        records = list(self.records)
        random.Random(seed).shuffle(records)
        return Preferences(records, self.ledger, self.name, self.events)

    def take(self, n: int, seed: int = 0) -> "Preferences":
        """n records drawn without replacement (all, where there are fewer)."""
        return self.shuffled(seed)[:n]

    def save(self, path: str | Path) -> Path:
        """Write the records as .jsonl, .jsonl.gz, .parquet or .arrow; `load` reads them back unchanged."""
        path = Path(path)
        rows = [record.to_dict() for record in self.records]
        kind = reading.suffix(path)
        if kind not in (".jsonl", ".jsonl.gz", ".parquet", ".arrow"):
            raise InputError(
                f"Cannot save as {path.name!r}: end it in .jsonl, .jsonl.gz, .parquet or .arrow."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind in (".parquet", ".arrow"):
            reading.table(rows, path)
        else:
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8")
            path.write_bytes(gzip.compress(lines, mtime=0) if kind.endswith(".gz") else lines)
        return path

    def __repr__(self) -> str:
        return f"Preferences({self.name!r}: {self.ledger.line()})"

    def _repr_html_(self) -> str:
        return card(self.name, self.records, self.subsets, self.ledger)


def _digest(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{key}".encode()).digest()


def _count(records: list[Record], events: list[Event] = (), split: str | None = None) -> Ledger:
    ledger = Ledger()
    for record in records:
        ledger.add("kept", split=split, subset=record.subset)
        if record.ties() and not record.pairs():
            ledger.add("tied", split=split, subset=record.subset)
    for event in events:
        count = ledger.add if event.what in (GROUPED, REMOVED) else ledger.note if event.kept else ledger.drop
        count(event.what, event.n, split=split, subset=event.subset)
    return ledger


# --- loading ------------------------------------------------------------------------------------------------


def load(
    source,
    *,
    split: str | None = None,
    config: str | None = None,
    clean: bool = True,
    malformed: float = 0.1,
    **dials,
) -> Preferences:
    """Read preferences of any known format, and say in the ledger what became of every row.

    source: a built-in name ("pocket", "tiny"); a file (.jsonl, .ndjson, .json, .csv, .tsv, .parquet, .arrow,
        each also .gz or .zst); a folder, a glob or a list of these; a Hub id ("owner/name",
        "owner/name:split", "owner/name:config:split"); a list of dicts; a pandas DataFrame; or a Dataset or
        DatasetDict of `datasets`. Formats are recognized by their columns: see rmkit.formats.
    split, config: of a set that has several, wherever it lies. Without split, "train" where there is one;
        split="all" reads all.
    clean: leave out repeated rows, and pairs that one annotator (or nobody in particular) judged both ways.
        Benchmarks are never cleaned.
    malformed: the share of rows that may be unreadable; they are counted, and above it an error says why.
    dials: arguments of a built-in set, such as rmkit.load("pocket", n=500).
    Raises InputError with the file, line and column of what cannot be read.
    """
    if isinstance(source, str) and source in BUILT_IN:
        if config is not None:
            raise InputError(f"The set {source!r} has no config {config!r}: built-in sets have none.")
        return _built_in(source, dials if split is None else {**dials, "split": split})
    if dials:
        raise InputError(f"{', '.join(dials)}: only built-in sets ({', '.join(BUILT_IN)}) have such dials.")
    if isinstance(source, str) and _is_name(source):
        raise InputError(f"There is no built-in set {source!r}{_did_you_mean(source, list(BUILT_IN))}")
    read = reading.read(source, split, config)
    records, events = [], list(read.events)
    for rows in read.tables:
        some, lost, form = convert.records(rows, malformed)
        events += lost
        if clean and not form.benchmark:
            some, lost = without_repeats(some)
            events += lost
        records += some
    preferences = Preferences([record for _, record in records], name=read.name, events=events)
    if not records:
        raise InputError(f"{read.name}: nothing is left to use ({preferences.ledger.line()}).")
    return preferences


def _is_name(source: str) -> bool:
    """Whether this can only be meant as a built-in set: a bare word, and no file."""
    is_word = not re.search(r"[./\\*?\[:]", source)
    return not source.strip() or (is_word and not Path(source).exists())


def as_preferences(source) -> Preferences:
    """Preferences as they are; anything else through `load`. So every function takes what `load` takes."""
    return source if isinstance(source, Preferences) else load(source)


def _did_you_mean(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    return f"; there is {', '.join(map(repr, known)) or 'none'}."


def _tiny() -> Preferences:
    return load(data_folder() / "tiny" / "preferences.jsonl")


def _built_in(name: str, dials: dict) -> Preferences:
    module, function = BUILT_IN[name].split(":")
    make = getattr(import_module(module), function)
    known = signature(make).parameters
    unknown = [dial for dial in dials if dial not in known]
    if unknown and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        dial = unknown[0]
        raise InputError(f"The set {name!r} has no dial {dial!r}{_did_you_mean(dial, list(known))}")
    made = make(**dials)
    made.name = name
    return made


# Where each built-in set is made. By name, since some are made on floors above this one.
BUILT_IN = {
    "tiny": "rmkit.data.preferences:_tiny",
    "pocket": "rmkit.pocket:preferences",
    "pocket-bench": "rmkit.pocket:bench",
}
