"""Every row of a source as it stands, with the group to score, or the reason why there is none."""

from dataclasses import dataclass, replace
from pathlib import Path

from rmkit.data import reading
from rmkit.data.columns import BadRowError, Row, UnusableError, jsonable
from rmkit.data.convert import complete, draft, key_of, subset_of
from rmkit.data.formats.registry import Format, detect
from rmkit.data.ledger import Event
from rmkit.data.preferences import BUILT_IN, Preferences, load
from rmkit.data.records import Record, build
from rmkit.data.transcripts import first_turns


@dataclass
class RowToScore:
    """A row as it stands in the file, and its group with the responses in the row's order.

    Where there is no group, `reason` says why, and `event` is what the ledger counts.
    """

    values: dict
    record: Record | None = None
    reason: str | None = None
    event: Event | None = None

    def line(self, rewards: list[float] | None) -> dict:
        """The row with its rewards; without a group, null and the reason.

        What the row itself has under these names (it was scored before) stays as `rewards_before` and
        `reason_before`.
        """
        told = {"rewards": rewards} | ({"reason": self.reason} if rewards is None else {})
        values = jsonable(self.values)
        for name in told:
            free = name
            while free in values:
                free = f"{free}_before"
            values = {free if each == name else each: value for each, value in values.items()}
        return values | told


def rows_to_score(source) -> list[RowToScore]:
    """The rows of whatever `load` reads, in order. None is joined with another, cleaned, or left out.

    All rows of a file are read, whatever split they name; of a folder, what `load` reads.
    """
    if isinstance(source, str) and source in BUILT_IN:
        return [RowToScore(record.to_dict(), record) for record in load(source)]
    is_file = isinstance(source, str | Path) and Path(source).is_file()
    tables = reading.read(source, split="all" if is_file else None).tables
    return [row for table in tables for row in _of_file(table)]


def as_preferences_to_score(rows: list[RowToScore], name: str) -> Preferences:
    """The groups among the rows; the ledger counts the other rows with their reasons."""
    records = [row.record for row in rows if row.record is not None]
    return Preferences(records, name=name, events=[row.event for row in rows if row.event is not None])


def _of_file(rows: list[Row]) -> list[RowToScore]:
    if all(row.fault is not None for row in rows):
        return [_unscored(row, row.fault) for row in rows]
    form = detect(rows)
    together = form.together(first_turns(complete(rows, form)))
    if len(together) != len(rows):
        several = UnusableError(f"a row of {form.name} is not one group")
        return [_unscored(row, several) for row in rows]
    return [_scored(row, read, form) for row, read in zip(rows, together, strict=True)]


def _scored(row: Row, read: Row, form: Format) -> RowToScore:
    try:
        # Labels do not matter here, those that cannot be read no more than the others.
        values = draft(replace(read, about=read.about | {"scoring": True}), form, scoring=True).values
        unlabelled = dict.fromkeys(("ranks", "strength", "share", "ratings", "correct", "step_labels"))
        record, removed = build(values | unlabelled)
        if removed:
            raise UnusableError("empty")
    except (BadRowError, UnusableError) as error:
        return _unscored(row, error)
    return RowToScore(row.values, record)


def _unscored(row: Row, error: BadRowError | UnusableError) -> RowToScore:
    what = f"malformed: {error.short}" if isinstance(error, BadRowError) else str(error)
    done = str(error) if isinstance(error, BadRowError) else "its rewards are null"
    event = Event(what, row.where, subset_of(row.values), key_of(row.values), done=done)
    return RowToScore(row.values, reason=str(error), event=event)
