"""A figure of small panels, each with its question, laid out in pixels so that half a window is enough.

A room above hands over panels (data only); here they become one plotly figure. Rows grow with what they hold,
so sixty subsets stay as readable as one.
"""

import html
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from rmkit.notebook import theme

TITLE, LINE, AXIS, LEGEND, GAP = 40, 18, 52, 46, 12  # heights in pixels
BETWEEN = 0.18  # share of the width between two panels of a row, for numbers and name of the right one
NARROW = 22  # characters of a question that fit over one of two panels in half a window


@dataclass
class Panel:
    """One question and what answers it.

    traces    plotly traces, without axes
    x, y      names of the axes, with units; empty: the numbers say it themselves
    x_range, y_range   fixed ends, or None for an axis of names
    x_ticks, y_ticks   (positions, words), or None for numbers;  x_format, y_format: such as ".0%"
    height    of the plot itself, in pixels
    """

    question: str
    traces: Sequence[go.Scatter | go.Bar]
    x: str = ""
    y: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    x_ticks: tuple[Sequence[float], Sequence[str]] | None = None
    y_ticks: tuple[Sequence[float], Sequence[str]] | None = None
    x_format: str = ""
    y_format: str = ""
    height: int = 190

    @property
    def named(self) -> bool:
        """Whether a legend is needed."""
        return any(trace.name and trace.showlegend is not False for trace in self.traces)


def figure(title: str, rows: Sequence[Sequence[Panel]], description: str) -> go.Figure:
    """One figure: a title, rows of one or two panels, and its text alternative in `layout.meta`.

    The figure fills the width of its page; its height follows from the panels.
    """
    heights = [_height(row) for row in rows]
    whole = sum(heights)
    layout = {
        "template": theme.TEMPLATE,
        "barmode": "overlay",
        "bargap": 0.08,
        "title": {
            "text": title,
            "x": 0,
            "xref": "container",
            "y": 1,
            "yref": "container",
            "pad": {"t": 10, "l": 4},
        },
        "margin": {"t": TITLE, "b": 8, "l": 46, "r": 16},
        "height": TITLE + whole + 8,
        "meta": {"description": description},
        "showlegend": True,
    }
    traces, questions, number, top = [], [], 0, 0
    for row, height in zip(rows, heights, strict=True):
        wide = 1.0 if len(row) == 1 else (1 - BETWEEN) / 2
        high = 1 - (top + _words(row)) / whole
        low = max(0.0, high - max(panel.height for panel in row) / whole)
        legend = f"legend{number + 1}"  # one for the row: it wraps where the window is narrow
        for column, panel in enumerate(row):
            number += 1
            left = column * (wide + BETWEEN)
            traces += _traces(panel, number, legend)
            layout |= _axes(panel, number, (left, left + wide), (low, high))
            questions.append(_question(_lines(panel, row), left, high))
        layout[legend] = _legend(low - AXIS / whole)
        top += height
    # All at once: plotly checks a figure anew at every change, which a dial would wait for.
    return go.Figure(data=traces, layout=layout | {"annotations": questions})


def describe(figure: go.Figure) -> str:
    """The text alternative of a figure that `figure` made: a sentence or two, for a reader who sees none."""
    return figure.layout.meta["description"]


def _height(row: Sequence[Panel]) -> int:
    legend = LEGEND if any(panel.named for panel in row) else 0
    return _words(row) + max(panel.height for panel in row) + AXIS + legend + GAP


def _words(row: Sequence[Panel]) -> int:
    """The height of a row's questions."""
    return LINE * max(len(_lines(panel, row)) for panel in row) + 6


def _lines(panel: Panel, row: Sequence[Panel]) -> list[str]:
    return textwrap.wrap(panel.question, NARROW) if len(row) > 1 else [panel.question]


def _traces(panel: Panel, number: int, legend: str) -> list[go.Scatter | go.Bar]:
    """What a panel shows, on its own axes, named in its row's legend."""
    own = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
    return [trace.update(own | ({"legend": legend} if trace.name else {})) for trace in panel.traces]


def _axes(panel: Panel, number: int, across, upward) -> dict:
    """A panel's axes at its place: `across` and `upward` are (begin, end) as shares of the figure."""
    x = _axis(panel.x, panel.x_range, panel.x_ticks, panel.x_format)
    y = _axis(panel.y, panel.y_range, panel.y_ticks, panel.y_format)
    return {
        f"xaxis{number}": {**x, "domain": across, "anchor": f"y{number}"},
        f"yaxis{number}": {**y, "domain": upward, "anchor": f"x{number}"},
    }


def _question(lines: list[str], left: float, high: float) -> dict:
    return {
        "text": f"<b>{'<br>'.join(lines)}</b>", "x": left, "y": high, "xref": "paper", "yref": "paper",
        "xanchor": "left", "yanchor": "bottom", "align": "left", "showarrow": False, "font": {"size": 13},
    }  # fmt: skip


def _legend(top: float) -> dict:
    return {
        "orientation": "h", "x": 0, "xanchor": "left", "yref": "paper", "y": max(0.0, top),
        "yanchor": "top", "bgcolor": "rgba(0,0,0,0)", "font": {"size": 12},
    }  # fmt: skip


def _axis(name: str, ends, ticks, form: str) -> dict:
    axis = {"title": {"text": name, "font": {"size": 12}}, "tickfont": {"size": 12}}
    axis |= {"range": list(ends)} if ends else {"type": "category"}
    axis |= {"tickformat": form} if form else {}
    if ticks:
        axis |= {
            "tickmode": "array",
            "tickvals": list(ticks[0]),
            "ticktext": list(ticks[1]),
            "zeroline": False,
        }
    return axis


def short(name: object, longest: int = 22) -> str:
    """A name from data on one line, cut in its middle, without half characters."""
    words = " ".join(str(name).encode("utf-8", "replace").decode("utf-8").split())
    if len(words) > longest:
        half = (longest - 1) // 2
        words = f"{words[:half]}…{words[-half:]}"
    return words


def label(name: object, longest: int = 22) -> str:
    """A name from data as text of a figure: `short`, with nothing that plotly reads as markup or formula."""
    return html.escape(short(name, longest), quote=False).replace("$", "&#36;")


def finite(*numbers: object) -> bool:
    """Whether all are numbers: None and NaN are not, as intervals of too few pairs are."""
    return all(number is not None and math.isfinite(number) for number in numbers)


def intervals(rows: Sequence[tuple[float, float | None, float | None]], color: str, **style) -> go.Scatter:
    """Horizontal bars (y, low, high) as one trace; a row without an interval has none."""
    known = [(y, low, high) for y, low, high in rows if finite(low, high)]
    return go.Scatter(
        x=[end for _, low, high in known for end in (low, high, None)],
        y=[end for y, _, _ in known for end in (y, y, None)],
        mode="lines",
        line={"color": color, "width": 3},
        hoverinfo="skip",
        showlegend=False,
        **style,
    )
