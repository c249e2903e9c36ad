"""The formats that `load` knows. A format is one small function from a row to what a record holds.

@rmkit.formats.register("my votes", ("ask", "good", "bad"))
def my_votes(row):
    \"\"\"{"ask": "What do otters eat?", "good": "Fish.", "bad": "Granite."}\"\"\"
    return {"prompt": row["ask"], "responses": [row["good"], row["bad"]], "ranks": [1, 2]}
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rmkit.data.columns import Columns, Row
from rmkit.data.formats import nearest
from rmkit.errors import InputError

Convert = Callable[[Columns], dict]


def _as_they_are(rows: list[Row]) -> list[Row]:
    return rows


def _always(row: Columns) -> bool:
    return True


@dataclass(frozen=True)
class Format:
    """A format: the columns that give it away, and the function that reads a row of it.

    layouts    the columns it asks for, in one or more spellings
    convert    row -> the columns of a record, `responses` at least
    when       a further look at a row, where its columns alone do not tell
    together   what must be done to all rows of a file first (labels on one of two scales, trees)
    joins      one response a line: rows of one prompt become one record
    benchmark  a published test set: its rows are never cleaned
    as_is      saved records: responses stay in the order in which they stand
    """

    name: str
    layouts: tuple[tuple[str, ...], ...]
    convert: Convert
    when: Callable[[Columns], bool] = _always
    together: Callable[[list[Row]], list[Row]] = _as_they_are
    joins: bool = False
    benchmark: bool = False
    as_is: bool = False

    @property
    def needs_all(self) -> bool:
        """Whether all rows of a file are looked at before one is read."""
        return self.together is not _as_they_are

    @property
    def example(self) -> list[dict]:
        """The rows that the function's docstring shows: its JSON objects, each at the start of a line."""
        text, rows, end = self.convert.__doc__ or "", [], 0
        for start in re.finditer(r"^\s*(?=\{)", text, re.MULTILINE):
            if start.end() >= end:
                row, end = json.JSONDecoder().raw_decode(text, start.end())
                rows.append(row)
        return rows

    def reads(self, row: Columns) -> int:
        """How many of the row's columns the format asks for; 0 where it cannot read the row."""
        sizes = [len(layout) for layout in self.layouts if all(column in row for column in layout)]
        return max(sizes) if sizes and self.when(row) else 0


FORMATS: list[Format] = []


def register(
    name: str, wants: Iterable[str], *others: Iterable[str], **options
) -> Callable[[Convert], Convert]:
    """Add a format: `load` reads with it every file that has the columns `wants` (or one of `others`).

    The decorated function takes one row and returns a dictionary with `responses`, and what is known of
    `ranks` (1 = best, equal = tie), `ratings`, `strength`, `correct`, `steps`, `step_labels`, `prompt`,
    `annotator`, `subset`, `id`. Where prompt, annotator, subset or id are left out, their usual columns are
    read. Responses may be texts or conversations. Case, spaces, "_" and "-" in columns do not matter.
    With joins=True a row holds one response, and `score` (one number) ranks it among those of its prompt.
    options: when, together, joins, benchmark; see `Format`.
    Of the formats that fit a file, the one that asks for most columns reads it; of equals, the latest.
    A format of the same name is replaced. Raises InputError where no columns are named.
    """
    layouts = tuple(tuple(columns) for columns in ([wants] if isinstance(wants, str) else wants, *others))
    if isinstance(wants, str) or not all(layouts):
        raise InputError(
            f"The format {name!r} needs the names of its columns, such as ('ask', 'good', 'bad')."
        )

    def decorate(function: Convert) -> Convert:
        added = Format(name, layouts, function, **options)
        FORMATS[:] = [known for known in FORMATS if known.name != name] + [added]
        return function

    return decorate


def detect(rows: Sequence[Row]) -> Format:
    """The format of a file, by the columns that most of its first rows have."""
    good = [row for row in rows[:200] if row.fault is None]
    layout, _ = Counter(tuple(row.values) for row in good).most_common(1)[0]
    row = next(row for row in good if tuple(row.values) == layout)
    columns = Columns(row.values)
    known = max(FORMATS, key=lambda known: (known.reads(columns), FORMATS.index(known)))
    if known.reads(columns) and not nearest.are_bare_names(columns):
        return known
    asked = {each.name: list(each.layouts) for each in FORMATS if each.when is _always}
    raise InputError(f"{row.where}: {nearest.sentence(columns, asked)}")


def page() -> str:
    """Every format as Markdown: its columns and a row, for docs/formats.md."""
    parts = []
    for known in sorted(FORMATS, key=lambda known: known.name.lower()):
        wanted = ", or ".join(" + ".join(f"`{column}`" for column in layout) for layout in known.layouts[:4])
        more = f", and {len(known.layouts) - 4} more spellings" if len(known.layouts) > 4 else ""
        rows = "\n".join(json.dumps(row, ensure_ascii=False) for row in known.example)
        benchmark = " A benchmark: never cleaned." if known.benchmark else ""
        parts.append(f"**{known.name}**: {wanted}{more}.{benchmark}\n\n```json\n{rows}\n```\n")
    return "\n".join(parts)
