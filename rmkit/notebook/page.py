"""How a result is shown: the figure first, what it says in words, its tables folded below.

In a notebook by `show`, and by `write` as one HTML page that stands alone: plotly.js is inside once, nothing
is asked of a network.
"""

import html
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rmkit.errors import InputError

MIME = "application/vnd.plotly.v1+json"
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }
figure { margin: 1rem 0; }
figcaption { max-width: 45rem; }
details { margin: 0.5rem 0; overflow-x: auto; }
summary { cursor: pointer; }
td, th { padding: 0.1rem 0.7rem; text-align: right; }
tbody th { text-align: left; }
"""


def fold(summary: str, *inside: str) -> str:
    """HTML that stays closed until it is asked for. summary: text; inside: HTML."""
    return f"<details><summary>{html.escape(summary)}</summary>{''.join(inside)}</details>"


def require_plotly() -> None:
    """Raises InputError where figures cannot be drawn."""
    if importlib.util.find_spec("plotly") is None:
        raise InputError("Figures need plotly; install it with: pip install plotly anywidget.")


def show(result: Any) -> None:
    """Display a result (it has `figure()`, `_repr_html_()` and a text) as the value of a cell.

    JupyterLab draws the figure; a page without plotly shows its words, and a terminal the text alone.
    """
    from IPython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        print(result)
        return
    tables = {"text/html": result._repr_html_(), "text/plain": str(result)}
    if importlib.util.find_spec("plotly") is not None:
        from rmkit.notebook.panels import describe

        figure = result.figure()
        words = describe(figure)
        # Not "responsive": JupyterLab resizes by itself, and a figure that two resize loses its height.
        drawn = json.loads(figure.to_json()) | {"config": {"displaylogo": False}}
        display({MIME: drawn, "text/html": "", "text/plain": ""}, raw=True)
        tables["text/html"] = f"<p>{html.escape(words)}</p>{tables['text/html']}"
    # A dollar of the data is a dollar: JupyterLab would set a formula.
    tables["text/html"] = f'<div class="tex2jax_ignore mathjax_ignore">{tables["text/html"]}</div>'
    display(tables, raw=True)


def page(title: str, results: Sequence[Any]) -> str:
    """A whole HTML document of results, as `show` shows them."""
    require_plotly()
    import plotly.io as pio

    from rmkit.notebook.panels import describe

    parts = []
    for number, result in enumerate(results):
        figure = result.figure()
        words = html.escape(describe(figure))
        how = {"responsive": True, "displaylogo": False}
        drawn = pio.to_html(figure, config=how, include_plotlyjs=number == 0, full_html=False)
        parts += [
            f'<figure><div role="img" aria-label="{words}">{drawn}</div>',
            f"<figcaption>{words}</figcaption></figure>{result._repr_html_()}",
        ]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1>\n{''.join(parts)}\n</body></html>\n"
    )


def write(path: str | Path, title: str, *results: Any) -> None:
    """Write `page(title, results)`; each result has `figure()` and `_repr_html_()`."""
    path, text = Path(path), page(title, results)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "xmlcharrefreplace"))  # half a character of data becomes its number
