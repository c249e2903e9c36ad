"""The ledger: what became of every row that was read, so that nothing disappears silently."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import pandas as pd

from rmkit.data.outlines import outline
from rmkit.data.records import Prompt, Record
from rmkit.errors import InputError, did_you_mean, shown

# What a cell of the ledger can count. A dropped row is counted as "dropped: REASON".
KEPT, TIED, TRUNCATED, GROUPED, REMOVED = "kept", "tied", "truncated", "grouped", "responses removed"
JOINED, NOT_TAKEN = "votes joined", "not taken"
PROMPT_CUT, RESPONSE_CUT = "prompt cut", "response cut"  # which side of a truncated group
_DROPPED = "dropped: "
_ORDER = (KEPT, GROUPED, JOINED, REMOVED, TRUNCATED, PROMPT_CUT, RESPONSE_CUT, TIED)
EXAMPLES = 10  # rows to look at, for each reason


@dataclass(frozen=True, slots=True)
class Event:
    """What became of a row that is not simply a record: dropped, joined to another, or kept with a remark.

    what     a reason ("empty", "duplicate" ...), or "grouped", "votes joined", "responses removed"
    where    "file.jsonl, line 3"
    prompt   the prompt's key: a split puts the event where it puts the prompt
    n        how many rows (or responses)
    done     what was done, in words, where "left out" does not say all
    kept     True: the row is a record all the same, and `what` is a remark about it ("no prompt" ...)
    """

    what: str
    where: str
    subset: str | None = None
    prompt: str = ""
    n: int = 1
    done: str = ""
    kept: bool = False

    @property
    def is_remark(self) -> bool:
        """Whether it speaks of a row that is a record."""
        return self.kept or self.what == REMOVED


class Example(NamedTuple):
    """A row to look at: where it stands, its prompt, and what was done with it."""

    where: str
    prompt: Prompt
    done: str

    @classmethod
    def of(cls, record: Record, done: str) -> "Example":
        """The example that a record gives."""
        return cls(record.where or record.id or "", record.prompt, done)


class Ledger:
    """Counts of groups kept, dropped (by reason), truncated and tied, for every split and subset.

    It always holds that `read == kept + grouped + joined + sum(dropped.values())`. A row is "grouped" when it
    joined the group of an earlier row (files with one response a line), and a vote is "joined" when it became
    part of one record with the other votes on its pair. Every other count is a remark about groups that were
    kept: tied, truncated, without a prompt. "responses removed" counts single responses.
    """

    def __init__(self) -> None:
        self.cells: Counter[tuple[str, str, str]] = Counter()  # (split, subset, what) -> n
        self._examples: defaultdict[str, list[Example]] = defaultdict(list)

    def add(
        self,
        what: str,
        n: int = 1,
        *,
        split: str | None = None,
        subset: str | None = None,
        example: Example | None = None,
    ) -> None:
        """Count n of `what`: "kept", "grouped", "votes joined", or a remark about rows that were kept."""
        self.cells[split or "", subset or "", what] += n
        if example is not None and self.wants(what):
            self._examples[what].append(example)

    def add_each(
        self, what: str, subsets: Sequence, examples: Iterable[Example], splits: Mapping | None = None
    ) -> None:
        """Count one of `what` for each of these subsets. examples: of each, made where wanted."""
        for subset, n in Counter(subsets).items():
            self.add(what, n, split=(splits or {}).get(subset), subset=subset)
        examples = iter(examples)
        while self.wants(what) and (example := next(examples, None)):
            self._examples[what].append(example)

    def drop(
        self,
        reason: str,
        n: int = 1,
        *,
        split: str | None = None,
        subset: str | None = None,
        example: Example | None = None,
    ) -> None:
        """Count n rows that were dropped for `reason` ("empty", "identical", "too long" ...)."""
        self.add(_DROPPED + reason, n, split=split, subset=subset, example=example)

    def wants(self, what: str) -> bool:
        """Whether another row to look at is kept for this count."""
        return len(self._examples.get(what, ())) < EXAMPLES

    def merge(self, other: "Ledger") -> "Ledger":
        """A new ledger with the counts of both, and rows to look at from both."""
        both = Ledger()
        both.cells = self.cells + other.cells
        for what in {**self._examples, **other._examples}:
            turns = zip_longest(self._examples.get(what, ()), other._examples.get(what, ()))
            both._examples[what] = [e for turn in turns for e in turn if e is not None][:EXAMPLES]
        return both

    def _count(self, what: str) -> int:
        return sum(n for (_, _, name), n in self.cells.items() if name == what)

    @property
    def kept(self) -> int:
        """Groups that were kept."""
        return self._count(KEPT)

    @property
    def tied(self) -> int:
        """Kept groups whose ranks are all equal: they order nothing."""
        return self._count(TIED)

    @property
    def truncated(self) -> int:
        """Kept groups of which some text was cut."""
        return self._count(TRUNCATED)

    @property
    def grouped(self) -> int:
        """Rows that joined the group of an earlier row."""
        return self._count(GROUPED)

    @property
    def joined(self) -> int:
        """Votes that became part of one record with an earlier vote on the same pair."""
        return self._count(JOINED)

    @property
    def removed(self) -> int:
        """Single responses taken out of groups that were kept."""
        return self._count(REMOVED)

    @property
    def remarks(self) -> dict[str, int]:
        """Every other count of groups that were kept, such as "no prompt", by name."""
        names = sorted({what for _, _, what in self.cells} - set(_ORDER))
        counts = {what: self._count(what) for what in names if not what.startswith(_DROPPED)}
        return {what: n for what, n in counts.items() if n}

    @property
    def dropped(self) -> dict[str, int]:
        """Dropped rows by reason, most frequent first."""
        counts: Counter[str] = Counter()
        for (_, _, what), n in self.cells.items():
            if what.startswith(_DROPPED) and n:
                counts[what.removeprefix(_DROPPED)] += n
        return dict(counts.most_common())

    @property
    def read(self) -> int:
        """Rows read: kept + grouped + joined + dropped."""
        return self.kept + self.grouped + self.joined + sum(self.dropped.values())

    def examples(self, reason: str) -> pd.DataFrame:
        """Rows to look at (at most 10): where each stands, how its prompt begins, and what was done with it.

        reason: a reason of `dropped`, or another count: "tied", "truncated", "votes joined", "no prompt" ...
        Raises InputError where the ledger has no such count.
        """
        names = sorted({what.removeprefix(_DROPPED) for (_, _, what), n in self.cells.items() if n})
        if reason not in names:
            raise InputError(f"The ledger counts nothing as {reason!r}{did_you_mean(reason, names)}")
        found = [e for what in (_DROPPED + reason, reason) for e in self._examples.get(what, ())]
        rows = [(shown(e.where), beginning(e.prompt), shown(e.done)) for e in found]
        return pd.DataFrame(rows, columns=["where", "prompt", "done"])

    def line(self) -> str:
        """Everything in one line, for a terminal."""
        dropped = self.dropped
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in dropped.items())
        parts = [f"{self.read:,} rows read", f"{self.kept:,} kept"]
        parts += [f"{self.grouped:,} joined a group"] if self.grouped else []
        parts += [f"{self.joined:,} votes joined"] if self.joined else []
        parts += [f"{sum(dropped.values()):,} dropped ({reasons})"] if dropped else ["0 dropped"]
        parts += [f"{self.removed:,} responses removed"] if self.removed else []
        sides = [f"{n:,} {side}" for side in (PROMPT_CUT, RESPONSE_CUT) if (n := self._count(side))]
        of = f" ({', '.join(sides)})" if sides else ""
        parts += [f"{self.truncated:,} truncated{of}"] if self.truncated else []
        parts += [f"{n:,} {what}" for what, n in ({TIED: self.tied} | self.remarks).items() if n]
        return shown("; ".join(parts))

    def table(self) -> pd.DataFrame:
        """One row for each split and subset, one column for each count, and their total."""
        names = {what for (_, _, what), n in self.cells.items() if n}
        columns = [KEPT, *(what for what in _ORDER[1:] if what in names), *self.remarks]
        columns += sorted(name for name in names if name.startswith(_DROPPED))
        places = sorted({(split, subset) for split, subset, _ in self.cells})
        rows = [[self.cells[split, subset, column] for column in columns] for split, subset in places]
        named = [(shown(split), shown(subset)) for split, subset in places]
        index = pd.MultiIndex.from_tuples(named, names=["split", "subset"]) if named else None
        table = pd.DataFrame(rows, index=index, columns=[shown(column) for column in columns], dtype=int)
        if len(places) > 1:
            table.loc[("total", ""), :] = table.sum()
        return table.astype(int)

    def to_dict(self) -> dict:
        """Plain numbers for a JSON file, by split and subset too."""
        places: dict[str, dict[str, dict[str, int]]] = {}
        for (split, subset, what), n in sorted(self.cells.items()):
            places.setdefault(split, {}).setdefault(subset, {})[what] = n
        totals = {"read": self.read, "kept": self.kept, "grouped": self.grouped, "dropped": self.dropped}
        return totals | {
            "votes_joined": self.joined,
            "responses_removed": self.removed,
            "truncated": self.truncated,
            "tied": self.tied,
            "remarks": self.remarks,
            "by_split": places,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ledger) and +self.cells == +other.cells

    __hash__ = None

    def __repr__(self) -> str:
        return f"Ledger({self.line()})"

    def figure(self):
        """A plotly figure: every count as a bar."""
        from rmkit.data import figures

        return figures.ledger_figure(self)

    def _ipython_display_(self) -> None:
        from rmkit.notebook import page

        page.show(self)

    def _repr_html_(self) -> str:
        from rmkit.notebook.page import fold

        # to_html escapes the names of splits and subsets, which come from data.
        reasons = dict.fromkeys(what.removeprefix(_DROPPED) for what, n in self._examples.items() if n)
        tables = [self.table().to_html(escape=True, border=0)]
        if reasons:
            examples = {shown(reason): self.examples(reason) for reason in reasons}
            looks = pd.concat(examples, names=["reason", ""])
            with pd.option_context("display.max_colwidth", None):
                rows = looks.reset_index(level=1, drop=True).to_html(escape=True, border=0)
            tables.append(f"<p>Rows to look at</p>{rows}")
        return fold(f"Ledger: {self.line()}", *tables)


def counted(
    records: Sequence[Record],
    events: Iterable[Event] = (),
    untaken: Sequence[Record] = (),
    split: str | None = None,
) -> Ledger:
    """The ledger of records that were kept, of what became of other rows, and of records not taken."""
    ledger = Ledger()
    groups = outline(records)
    for subset, n in Counter(groups.subsets.tolist()).items():
        ledger.add(KEPT, n, split=split, subset=subset)
    for number in np.flatnonzero(groups.tied).tolist():
        example = Example.of(records[number], "kept: all ranks are equal") if ledger.wants(TIED) else None
        ledger.add(TIED, split=split, subset=groups.subsets[number], example=example)
    for event in events:
        stays = event.is_remark or event.what in (GROUPED, JOINED)
        example = Example(event.where, _asked(event.prompt), event.done or ("kept" if stays else "left out"))
        count = ledger.add if stays else ledger.drop
        count(event.what, event.n, split=split, subset=event.subset, example=example)
    passed = outline(untaken).subsets.tolist()
    for subset, record in zip(passed, untaken[:EXAMPLES], strict=False):
        ledger.drop(NOT_TAKEN, split=split, subset=subset, example=Example.of(record, "left out"))
    for subset, n in Counter(passed[EXAMPLES:]).items():
        ledger.drop(NOT_TAKEN, n, split=split, subset=subset)
    return ledger


def dropped(ledger: Ledger, losers: Sequence[tuple[Record, str]]) -> Ledger:
    """A ledger in which each of these records is no longer kept but dropped for its reason: rows count
    once."""
    moved = ledger.merge(Ledger())
    for record, reason in losers:
        split, subset = place_of(moved, record)
        for what in (KEPT, TIED) if record.ties() and not record.pairs() else (KEPT,):
            moved.cells[split, subset, what] = max(0, moved.cells[split, subset, what] - 1)
        moved.drop(reason, split=split, subset=subset, example=Example.of(record, "left out"))
    return moved


def place_of(ledger: Ledger, record: Record) -> tuple[str, str]:
    """The (split, subset) under which a ledger has counted a record as kept."""
    subset = record.subset or ""
    splits = [place[0] for place, n in ledger.cells.items() if place[1:] == (subset, KEPT) and n > 0]
    return (splits[0] if splits else ""), subset


def beginning(prompt: Prompt, length: int = 80) -> str:
    """How a prompt begins (of a conversation: its last message), in one line."""
    text = prompt if isinstance(prompt, str) else prompt[-1]["content"] if prompt else ""
    text = shown(" ".join(text.split()))
    return text if len(text) <= length else text[: length - 1] + "…"


def _asked(key: str) -> str:
    """The words that a prompt's key holds: those of its last message, or of a record's first response."""
    last = json.loads(key)[-1] if key else ""
    return last if isinstance(last, str) else last[1]
