"""One look for every figure: readable on a white page and on a dark one, and without telling red from green.

The colors are Okabe and Ito's (2008), shifted until each has a contrast of 3:1 on both pages and the first
five stay apart without red or green cones; `tests/notebook/test_theme.py` measures both. Importing this
module makes the look plotly's default.
"""

import plotly.graph_objects as go
import plotly.io as pio

BLUE, VERMILLION, GREEN, PURPLE = "#3a86c8", "#c84a00", "#00a67a", "#a0408c"
AMBER, GREY = "#c08a00", "#808080"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, AMBER, GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
INK = "#797979"  # text and axes: the grey that reads as well on white as on black
FAINT = "rgba(128,128,128,0.25)"
SEQUENTIAL = "Viridis"  # amounts
# A quantity around zero. Opaque in the middle too: plotly picks the color of numbers written on it by the
# color of the cell alone, and on a cell that a dark page shines through they could not be read.
DIVERGING = [[0.0, BLUE], [0.5, "#f0f0f0"], [1.0, VERMILLION]]

_AXIS = {
    "gridcolor": FAINT,
    "linecolor": INK,
    "zerolinecolor": INK,
    "zerolinewidth": 1,
    "showline": True,
    "ticks": "outside",
    "tickcolor": INK,
    "automargin": True,
    "title": {"standoff": 8, "font": {"size": 14}},
}
TEMPLATE = go.layout.Template(
    layout={
        "colorway": PALETTE,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 14, "color": INK},
        "title": {
            "font": {"size": 16},
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": 0.98,
            "yanchor": "top",
        },
        "margin": {"l": 60, "r": 20, "t": 80, "b": 55},
        "height": 400,
        "autosize": True,
        # Below the title, growing down: where it wraps, the plot makes room.
        "legend": {
            "orientation": "h",
            "x": 0,
            "yref": "container",
            "y": 0.91,
            "yanchor": "top",
            "bgcolor": "rgba(0,0,0,0)",
        },
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "colorscale": {"sequential": SEQUENTIAL, "diverging": DIVERGING},
        "hoverlabel": {"font": {"color": "#ffffff"}},
    }
)
pio.templates["rmkit"] = TEMPLATE
pio.templates.default = "rmkit"


def figure(
    x: str,
    y: str,
    *,
    x_range: tuple[float, float] | None,
    y_range: tuple[float, float] | None,
    title: str = "",
) -> go.Figure:
    """An empty figure with named axes of fixed range, so that only the data moves when a slider does.

    `None` as a range says that the axis holds names (a category axis), which need no range.
    """
    axes = {
        axis: {"title": {"text": text}, **({"range": list(limits)} if limits else {"type": "category"})}
        for axis, text, limits in (("xaxis", x, x_range), ("yaxis", y, y_range))
    }
    top = {} if title else {"margin": {"t": 50}}
    return go.Figure(layout={"template": TEMPLATE, "title": {"text": title}, **axes, **top})


def line(x, y, name: str, index: int = 0, **style) -> go.Scatter:
    """A curve whose color and dash both follow `index`: two curves differ even in grey."""
    look = {"color": PALETTE[index % len(PALETTE)], "dash": DASHES[index % len(DASHES)], "width": 2.5}
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=look, **style)


def band(x, low, high, index: int = 0) -> go.Scatter:
    """The shaded interval [low, high] around curve `index` (x, low, high: sequences of one length)."""
    color = PALETTE[index % len(PALETTE)]
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return go.Scatter(
        x=[*x, *reversed(x)],
        y=[*high, *reversed(low)],
        mode="lines",
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.2)",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
