"""A document of sections, written twice from one content: as an HTML page that stands alone, and as Markdown.

Texts from data are escaped in both: they are shown, and act in neither.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from rmkit.errors import shown
from rmkit.training.reward_report.pictures import Picture

# No script and no request at all: what the page needs is in it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; }
h2 { border-top: 1px solid #808080; padding-top: .6rem; margin-top: 2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: .6rem 0; }
caption { text-align: left; font-weight: 600; padding: .2rem 0; }
td, th { padding: .15rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid #80808055; }
figure { margin: 1rem 0; }
figcaption { font-size: .9rem; }
svg { width: 100%; height: auto; }
summary { cursor: pointer; }
pre { overflow-x: auto; border: 1px solid #808080; padding: .6rem; }
"""


@dataclass(frozen=True)
class Table:
    """Rows of text under a caption.

    folded: closed on the page until it is asked for.   page_only: it quotes data, which a card would spread.
    """

    rows: pd.DataFrame
    caption: str
    folded: bool = False
    page_only: bool = False


@dataclass(frozen=True)
class Code:
    """Lines to copy."""

    text: str


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    items: Sequence[str]


Part = str | Table | Code | Points | Picture


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it; a plain text is a paragraph."""

    title: str
    parts: Sequence[Part]


def to_html(title: str, sections: Sequence[Section]) -> str:
    """A whole page without a script, a font or an image from elsewhere."""
    body = [f"<h1>{html.escape(shown(title))}</h1>"]
    for section in sections:
        inside = "\n".join(map(_html, section.parts))
        body.append(f"<section><h2>{html.escape(section.title)}</h2>\n{inside}</section>")
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(shown(title))}</title><style>{STYLE}</style>"
    )
    main = "\n".join(["<main>", *body, "</main>"])
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{main}</body></html>\n'


def _html(part: Part) -> str:
    if isinstance(part, Picture):
        return f"<figure>{part.svg}<figcaption>{html.escape(part.words)}</figcaption></figure>"
    if isinstance(part, Code):
        return f"<pre><code>{html.escape(part.text)}</code></pre>"
    if isinstance(part, Points):
        return f"<ul>{''.join(f'<li>{html.escape(shown(item))}</li>' for item in part.items)}</ul>"
    if not isinstance(part, Table):
        return f"<p>{html.escape(shown(part))}</p>"
    names = "".join(f'<th scope="col">{_cell(name)}</th>' for name in ("", *part.rows.columns))
    rows = "".join(
        f'<tr><th scope="row">{_cell(name)}</th>{"".join(f"<td>{_cell(value)}</td>" for value in row)}</tr>'
        for name, row in zip(part.rows.index, part.rows.to_numpy(dtype=object), strict=True)
    )
    caption = "" if part.folded else f"<caption>{html.escape(part.caption)}</caption>"
    table = f"<table>{caption}<thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>"
    if part.folded:
        return f"<details><summary>{html.escape(part.caption)}</summary>{table}</details>"
    return table


def _cell(value: object) -> str:
    return html.escape(shown(value))


def to_markdown(title: str, sections: Sequence[Section]) -> str:
    """The same as Markdown: pictures by their words, and without the tables that quote data."""
    parts = [f"# {plain(title)}"]
    for section in sections:
        parts.append(f"## {plain(section.title)}")
        parts += [_markdown(part) for part in section.parts if not getattr(part, "page_only", False)]
    return "\n\n".join(parts) + "\n"


def _markdown(part: Part) -> str:
    if isinstance(part, Picture):
        return plain(part.words)
    if isinstance(part, Code):
        return f"```python\n{part.text.rstrip()}\n```"
    if isinstance(part, Points):
        return "\n".join(f"- {plain(item)}" for item in part.items)
    if not isinstance(part, Table):
        return plain(part)
    columns = ["", *part.rows.columns]
    rows = [[name, *row] for name, row in zip(part.rows.index, part.rows.to_numpy(dtype=object), strict=True)]
    lines = [columns, ["---"] * len(columns), *rows]
    written = ["| " + " | ".join(c if c == "---" else plain(c) for c in line) + " |" for line in lines]
    return f"**{plain(part.caption)}**\n\n" + "\n".join(written)


def plain(text: object) -> str:
    """Text in which no Markdown and no HTML acts."""
    escaped = html.escape(shown(text), quote=False)
    return re.sub(r"([\\`*_{}\[\]#|~$!])", r"\\\1", escaped)
