"""How preferences look in a notebook."""

import html
from collections import Counter

from rmkit.data.ledger import Ledger
from rmkit.data.records import Record

# The page's own color, so that it can be read in light and dark themes.
_BAR = "height:0.7em;background:currentColor;opacity:.5"


def card(name: str, records: list[Record], subsets: dict[str, int], ledger: Ledger) -> str:
    """HTML: counts, sizes of groups, subsets, ledger and first record. Everything from data is escaped."""
    sizes = Counter(len(record.responses) for record in records)
    parts = [f"<b>{html.escape(name)}</b>: {len(records):,} groups"]
    if sizes:
        parts.append("responses in a group: " + _bars(sizes))
    if subsets:
        parts.append("subsets: " + _bars(Counter(subsets)))
    parts.append(f"<small>{html.escape(ledger.line())}</small>")
    if records:
        parts.append(_first(records[0]))
    return "<div>" + "".join(f"<div>{part}</div>" for part in parts) + "</div>"


def _bars(counts: Counter) -> str:
    top = max(counts.values())
    rows = "".join(
        f"<tr><td>{html.escape(str(name))}</td><td>{n:,}</td><td style='text-align:left'>"
        f"<div style='width:{round(160 * n / top)}px;{_BAR}'></div></td></tr>"
        for name, n in sorted(counts.items())
    )
    return f"<table>{rows}</table>"


def _first(record: Record) -> str:
    asked = record.prompt if isinstance(record.prompt, str) else record.prompt[-1]["content"]
    ranks = record.ranks or ["" for _ in record.responses]
    rows = "".join(
        f"<tr><td>{rank}</td><td style='text-align:left'>{html.escape(_short(text))}</td></tr>"
        for rank, text in zip(ranks, record.responses, strict=True)
    )
    head = f"<tr><th>rank</th><th style='text-align:left'>{html.escape(_short(asked))}</th></tr>"
    return f"<table>{head}{rows}</table>"


def _short(text: str, length: int = 240) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
