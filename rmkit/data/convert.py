"""From the rows of a file to records: what became of every row is an event."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace

from rmkit.data.columns import BadRowError, BadValueError, Columns, Row, UnusableError, jsonable, names, ranks
from rmkit.data.formats.own import RECORD_COLUMNS
from rmkit.data.formats.registry import Format, detect
from rmkit.data.ledger import GROUPED, REMOVED, Event
from rmkit.data.prompts import Exchange, checked_prompt, exchange, unchanged
from rmkit.data.question import asked
from rmkit.data.records import Record, build, fault_of, prompt_key
from rmkit.data.transcripts import first_turns
from rmkit.errors import InputError

_GIVEN = {*RECORD_COLUMNS, "score", "notes"}  # what a format may give
_LABELS = ("ranks", "correct", "ratings", "step_labels", "score")
_ORDERS = ("ranks", "correct", "step_labels", "score")  # ratings alone order nothing
_PICTURES = ("image", "images", "video", "videos", "audio", "audios")


@dataclass
class Draft:
    """The columns of a record as its format gave them, not yet checked; and how many rows it holds."""

    where: str
    values: dict
    notes: list[str] = field(default_factory=list)
    count: int = 1


def records(
    rows: list[Row], malformed: float, form: Format | None = None
) -> tuple[list[tuple[str, Record]], list[Event], Format]:
    """(records with their places, what became of the other rows, the format) of one file.

    malformed: the share of rows that may be unreadable; above it an InputError names the commonest reason.
    form: the format, where it is known; else it is found by the first rows.
    """
    if all(row.fault is not None for row in rows):
        raise _too_many(len(rows), [(row, row.fault) for row in rows])
    conversion = Conversion(form or detect(rows), malformed)
    found = conversion.add(first_turns(complete(rows, conversion.form)))
    return found, conversion.finish(), conversion.form


class Conversion:
    """Rows of one file on their way to records: all together, or block after block."""

    def __init__(self, form: Format, malformed: float):
        self.form, self.malformed = form, malformed
        # In twos: of rows that made no draft, and of drafts that made no record.
        self._read, self._bad, self._events = 0, ([], []), ([], [])

    def add(self, rows: list[Row]) -> list[tuple[str, Record]]:
        """The records of these rows, which are `complete`, with their places."""
        read = self.form.together(rows)
        self._read += len(read)
        drafts, bad = [], []
        for row in read:
            try:
                drafts.append(draft(row, self.form))
            except BadRowError as error:
                bad.append((row, error))
                what = f"malformed: {error.short}"
                self._events[0].append(Event(what, row.where, subset_of(row.values), done=str(error)))
            except UnusableError as error:
                key = key_of(row.values)
                self._events[0].append(Event(str(error), row.where, subset_of(row.values), key))
        found, events, faults = _built(_joined(drafts) if self.form.joins else drafts)
        self._events[1].extend(events)
        for told, some in zip(self._bad, (bad, faults), strict=True):
            # Of a row only its place is kept: neither its values, nor the frames that had them at hand.
            told += [(Row(row.where, {}, row.fault), error.with_traceback(None)) for row, error in some]
        return found

    def finish(self) -> list[Event]:
        """What became of the other rows. Raises InputError where more of them are malformed than may be."""
        bad = [*self._bad[0], *self._bad[1]]
        if len(bad) > self.malformed * self._read:
            raise _too_many(self._read, bad)
        return [*self._events[0], *self._events[1]]


def complete(rows: list[Row], form: Format) -> list[Row]:
    """The rows, with a fault where a column is missing that the format needs."""
    whole: set[tuple[str, ...]] = set()  # most rows have the same columns
    result = []
    for row in rows:
        layout = tuple(row.values)
        if row.fault is None and layout not in whole:
            row = replace(row, fault=_missing(row, form))
            whole |= {layout} if row.fault is None else set()
        result.append(row)
    return result


def _missing(row: Row, form: Format) -> BadRowError | None:
    columns = Columns(row.values)
    missing = min(([c for c in layout if c not in columns] for layout in form.layouts), key=len)
    if not missing:
        return None
    return BadRowError(
        f"{row.where}: no column {missing[0]!r}, which {form.name} needs", f"no column {missing[0]!r}"
    )


def _built(
    drafts: list[Draft],
) -> tuple[list[tuple[str, Record]], list[Event], list[tuple[Row, BadRowError]]]:
    found, events, bad = [], [], []
    for each in drafts:
        subset = subset_of(each.values)
        try:
            record, removed = build(each.values)
        except BadRowError as error:
            bad.append((Row(each.where, {}), error))
            what = f"malformed: {error.short}"
            events.append(Event(what, each.where, subset, n=each.count, done=str(error)))
            continue
        except UnusableError as error:
            events.append(Event(str(error), each.where, subset, key_of(each.values), each.count))
            continue
        found.append((each.where, record))
        notes = each.notes
        if _says_nothing(record) and "no label" not in notes:
            notes.append("no label")  # scores that are no numbers, a label that is null
        if each.count == 1 and not removed and not notes:
            continue  # nothing to tell of most rows
        key = prompt_key(record)
        for what, n in ((GROUPED, each.count - 1), (REMOVED, removed)):
            events += [Event(what, each.where, record.subset, key, n)] if n else []
        events += [Event(note, each.where, record.subset, key, kept=True) for note in notes]
    return found, events, bad


def _says_nothing(record: Record) -> bool:
    """Whether a record has a label that orders nothing: one rank or none for several responses, all null."""
    if record.ranks is not None:
        return sum(map(bool, record.ranks)) < min(2, len(record.ranks))
    return bool(record.correct) and not record.step_labels and set(record.correct) == {None}


def _too_many(rows: int, bad: list[tuple[Row, BadRowError]]) -> InputError:
    """The commonest reason, at the first row that shows it."""
    short, n = Counter(error.short for _, error in bad).most_common(1)[0]
    row, error = next((row, error) for row, error in bad if error.short == short)
    sentence = f"{row.where}: {error}" if row.fault is None else str(error)
    share = f"; {len(bad):,} of {rows:,} rows cannot be read" if len(bad) > 1 else ""
    most = f", {n:,} of them for this reason" if n != len(bad) else ""
    return InputError(f"{sentence.rstrip('.')}{share}{most}.")


def draft(row: Row, form: Format, scoring: bool = False) -> Draft:
    """What a format makes of one row: a prompt, responses as texts, labels, and the columns that nobody read.

    scoring: labels do not matter, and responses stay in the order of the row.
    Raises BadRowError where the row is malformed and UnusableError where no text can hold it.
    """
    if row.fault is not None:
        raise row.fault
    columns = Columns(row.values, row.about)
    made = form.convert(columns)
    if not isinstance(made, dict) or not isinstance(made.get("responses"), list) or not made["responses"]:
        raise BadValueError("responses", "a list of one or more texts")
    if not made.keys() <= _GIVEN:
        unknown = min(made.keys() - _GIVEN)
        raise InputError(f"The format {form.name} gives {unknown!r}; wanted are {', '.join(RECORD_COLUMNS)}.")
    made = {**names(columns), **made}
    found = _exchange(made, columns, form)
    notes = [*made.pop("notes", ()), *found.notes]
    made |= {"prompt": found.prompt, "responses": found.responses}
    if made.get("ranks") == [2, 1] and not form.as_is and not scoring:
        _turn(made)  # pairs are read with the better one first
    if not scoring and all(made.get(name) is None for name in _LABELS):
        _refuse_unread_label(columns, form)
    if not scoring and all(made.get(name) is None for name in _ORDERS):
        notes += ["no label"] if len(made["responses"]) > 1 and not form.as_is else []
    if not isinstance(made.get("extra"), dict | None):
        raise BadValueError("extra", "an object")
    extra = {**(made.get("extra") or {}), **columns.unread}
    made["extra"] = jsonable(extra) if extra else None
    return Draft(row.where, made, notes, row.about.get("rows", 1))


def _exchange(made: dict, columns: Columns, form: Format) -> Exchange:
    """The prompt that a format gave, or that stands in its usual columns, and what each response answers."""
    if "prompt" not in made:
        question = asked(columns)
    else:
        question = None if made["prompt"] is None else checked_prompt(made["prompt"])
    pictures = columns.among(_PICTURES)
    if pictures and any(map(columns.peek, pictures)):
        raise UnusableError("images")
    if form.as_is and all(isinstance(text, str | None) for text in made["responses"]):
        return unchanged(question or "", made["responses"], columns)
    return exchange(question, made["responses"], columns)


def _turn(made: dict) -> None:
    for name in ("responses", "ranks", "correct", "steps", "step_labels"):
        if made.get(name):
            made[name] = made[name][::-1]
    if made.get("ratings"):
        made["ratings"] = {aspect: values[::-1] for aspect, values in made["ratings"].items()}


def _refuse_unread_label(columns: Columns, form: Format) -> None:
    suspects = columns.unread_judgments(several=not form.joins)
    if suspects:
        advice = 'name the better answer in a column `winner` ("a", "b" or "tie"), write `ranks`'
        if form.joins:
            advice = "rename it to `label` (true or false) or to `score` (a number)"
        raise BadRowError(
            f"column {suspects[0]!r} looks like a judgment or another answer, but {form.name} does not read "
            f"it: {advice}, or drop the column",
            f"column {suspects[0]!r} not read",
        )


# --- one response a line ------------------------------------------------------------------------------------

_EACH = ("responses", "correct", "steps", "step_labels")


def _joined(drafts: list[Draft]) -> list[Draft]:
    """Rows of one prompt as one draft, in order of first appearance; scores of one judge become ranks."""
    groups: dict[str, list[Draft]] = {}
    alone = []
    for each in drafts:
        prompt, judge = (
            each.values["prompt"],
            each.values.get("annotator") if "score" in each.values else None,
        )
        lost = all(map(fault_of, each.values["responses"]))  # an answer without text takes no other with it
        key = json.dumps([prompt, judge]) if prompt and not lost else f"alone: {len(alone)}"
        groups.setdefault(key, []).append(each)
        alone.append(each)
    return [_one(group) for group in groups.values()]


def _one(group: list[Draft]) -> Draft:
    first, k = group[0].values, [len(each.values["responses"]) for each in group]
    made = dict(first)
    for name in _EACH:
        given = [each.values.get(name) for each in group]
        if any(value is not None for value in given):
            made[name] = [v for value, n in zip(given, k, strict=True) for v in value or [None] * n]
    aspects = list(dict.fromkeys(a for each in group for a in each.values.get("ratings") or {}))
    made["ratings"] = {
        aspect: [
            v
            for each, n in zip(group, k, strict=True)
            for v in (each.values.get("ratings") or {}).get(aspect, [None] * n)
        ]
        for aspect in aspects
    } or None
    if "score" in made:
        made["ranks"] = ranks([each.values["score"] for each in group])
        del made["score"]
    if len(group) > 1:
        made["extra"] = _extra(group)
    notes = list(dict.fromkeys(note for each in group for note in each.notes))
    return Draft(group[0].where, made, notes, len(group))


def _extra(group: list[Draft]) -> dict | None:
    """One value for each response: of the columns that nobody read, and of names that differ."""
    extras = [each.values["extra"] or {} for each in group]
    extras = [
        extra | {n: each.values.get(n) for n in ("annotator", "subset", "id")}
        for extra, each in zip(extras, group, strict=True)
    ]
    found = {column: [extra.get(column) for extra in extras] for extra in extras for column in extra}
    for name in ("annotator", "subset", "id"):
        if len(set(map(str, found[name]))) == 1:
            del found[name]
    return found or None


def subset_of(values: dict) -> str | None:
    return str(values["subset"]) if isinstance(values.get("subset"), str | int) else None


def key_of(values: dict) -> str:
    """The key of a dropped row's prompt, as far as it can be told."""
    prompt = values.get("prompt")
    try:
        return prompt_key(Record(checked_prompt(prompt), [])) if prompt else ""
    except (BadRowError, UnusableError):
        return ""
