"""The ledger: what became of every row that was read, so that nothing disappears silently."""

import html
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from rmkit.data.records import Record

# What a cell of the ledger can count. A dropped row is counted as "dropped: REASON".
KEPT, TIED, TRUNCATED, GROUPED, REMOVED = "kept", "tied", "truncated", "grouped", "responses removed"
PROMPT_CUT, RESPONSE_CUT = "prompt cut", "response cut"  # which side of a truncated group
_DROPPED = "dropped: "
_ORDER = (KEPT, GROUPED, TIED, TRUNCATED, PROMPT_CUT, RESPONSE_CUT, REMOVED)


class Ledger:
    """Counts of groups kept, dropped (by reason), truncated and tied, for every split and subset.

    It always holds that `read == kept + grouped + sum(dropped.values())`. A row is "grouped" when it joined
    the group of an earlier row (files with one response a line). Tied and truncated groups are kept, and
    "responses removed" counts single responses taken out of a group that was kept.
    """

    def __init__(self) -> None:
        self.cells: Counter[tuple[str, str, str]] = Counter()  # (split, subset, what) -> n

    def add(self, what: str, n: int = 1, *, split: str | None = None, subset: str | None = None) -> None:
        """Count n of `what`: "kept", "tied", "truncated", "grouped" or "responses removed"."""
        if what not in _ORDER:
            raise ValueError(f"A ledger counts {', '.join(_ORDER)}; for {what!r} use drop().")
        self.cells[split or "", subset or "", what] += n

    def drop(self, reason: str, n: int = 1, *, split: str | None = None, subset: str | None = None) -> None:
        """Count n rows that were dropped for `reason` ("empty", "identical", "too long" ...)."""
        self.cells[split or "", subset or "", _DROPPED + reason] += n

    def merge(self, other: "Ledger") -> "Ledger":
        """A new ledger with the counts of both."""
        both = Ledger()
        both.cells = self.cells + other.cells
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
    def removed(self) -> int:
        """Single responses taken out of groups that were kept."""
        return self._count(REMOVED)

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
        """Rows read: kept + grouped + dropped."""
        return self.kept + self.grouped + sum(self.dropped.values())

    def line(self) -> str:
        """Everything in one line, for a terminal."""
        dropped = self.dropped
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in dropped.items())
        parts = [f"{self.read:,} rows read", f"{self.kept:,} kept"]
        parts += [f"{self.grouped:,} joined a group"] if self.grouped else []
        parts += [f"{sum(dropped.values()):,} dropped ({reasons})"] if dropped else ["0 dropped"]
        parts += [f"{self.removed:,} responses removed"] if self.removed else []
        sides = [f"{n:,} {side}" for side in (PROMPT_CUT, RESPONSE_CUT) if (n := self._count(side))]
        cut = f" ({', '.join(sides)})" if sides else ""
        parts += [f"{self.truncated:,} truncated{cut}"] if self.truncated else []
        parts += [f"{self.tied:,} tied"] if self.tied else []
        return "; ".join(parts)

    def table(self) -> pd.DataFrame:
        """One row for each split and subset, one column for each count, and their total."""
        names = {what for (_, _, what), n in self.cells.items() if n}
        columns = [KEPT, *(what for what in _ORDER[1:] if what in names)]
        columns += sorted(name for name in names if name.startswith(_DROPPED))
        places = sorted({(split, subset) for split, subset, _ in self.cells})
        rows = [[self.cells[split, subset, column] for column in columns] for split, subset in places]
        index = pd.MultiIndex.from_tuples(places, names=["split", "subset"]) if places else None
        table = pd.DataFrame(rows, index=index, columns=columns, dtype=int)
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
            "responses_removed": self.removed,
            "truncated": self.truncated,
            "tied": self.tied,
            "by_split": places,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ledger) and +self.cells == +other.cells

    __hash__ = None

    def __repr__(self) -> str:
        return f"Ledger({self.line()})"

    def _repr_html_(self) -> str:
        # to_html escapes the names of splits and subsets, which come from data.
        return f"<p>{html.escape(self.line())}</p>{self.table().to_html(escape=True, border=0)}"


def dropped(ledger: Ledger, losers: "Sequence[tuple[Record, str]]") -> Ledger:
    """A ledger in which each of these records is no longer kept but dropped for its reason: rows count
    once."""
    moved = ledger.merge(Ledger())
    for record, reason in losers:
        split, subset = place_of(moved, record)
        for what in (KEPT, TIED) if record.ties() and not record.pairs() else (KEPT,):
            moved.cells[split, subset, what] = max(0, moved.cells[split, subset, what] - 1)
        moved.drop(reason, split=split, subset=subset)
    return moved


def place_of(ledger: Ledger, record: "Record") -> tuple[str, str]:
    """The (split, subset) under which a ledger has counted a record as kept."""
    subset = record.subset or ""
    splits = [place[0] for place, n in ledger.cells.items() if place[1:] == (subset, KEPT) and n > 0]
    return (splits[0] if splits else ""), subset
