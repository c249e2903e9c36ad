"""How preferences look in a notebook."""

import html
from collections import Counter
from collections.abc import Sequence

from rmkit.data.ledger import Ledger, beginning
from rmkit.data.records import Record
from rmkit.errors import shown

# The page's own color, so that it can be read in light and dark themes.
_BAR = "height:0.7em;background:currentColor;opacity:.5"
_LONGEST = 240  # letters of a text


def card(
    name: str, records: list[Record], subsets: dict[str, int], ledger: Ledger, notes: Sequence[str] = ()
) -> str:
    """HTML: counts, sizes of groups, subsets, ledger, notes and first record. All from data is escaped."""
    sizes = Counter(len(record.responses) for record in records)
    parts = [f"<b>{html.escape(shown(name))}</b>: {len(records):,} groups"]
    if sizes:
        parts.append("responses in a group: " + _bars(sizes))
    if subsets:
        parts.append("subsets: " + _bars(Counter(subsets)))
    parts += [f"<small>{html.escape(line)}</small>" for line in (ledger.line(), *notes)]
    if records:
        parts.append(_first(records[0]))
    return "<div>" + "".join(f"<div>{part}</div>" for part in parts) + "</div>"


def _bars(counts: Counter) -> str:
    top = max(counts.values())
    rows = "".join(
        f"<tr><td>{html.escape(shown(name))}</td><td>{n:,}</td><td style='text-align:left'>"
        f"<div style='width:{round(160 * n / top)}px;{_BAR}'></div></td></tr>"
        for name, n in sorted(counts.items())
    )
    return f"<table>{rows}</table>"


def _first(record: Record) -> str:
    ranks = record.ranks or ["" for _ in record.responses]
    rows = "".join(
        f"<tr><td>{rank}</td><td style='text-align:left'>{html.escape(beginning(text, _LONGEST))}</td></tr>"
        for rank, text in zip(ranks, record.responses, strict=True)
    )
    asked = html.escape(beginning(record.prompt, _LONGEST))
    return f"<table><tr><th>rank</th><th style='text-align:left'>{asked}</th></tr>{rows}</table>"
