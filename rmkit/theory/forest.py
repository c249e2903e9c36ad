"""A figure of scores: one line for each item, the model's interval against one that assumes less."""

from collections.abc import Hashable, Mapping

import pandas as pd
import plotly.graph_objects as go

COLORS = {"model": "#0072B2", "robust": "#D55E00", "bootstrap": "#009E73"}  # Okabe and Ito (2008)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")


def draw(
    tables: Mapping[str, pd.DataFrame], parts: list[list[Hashable]], unit: str = "log-odds"
) -> go.Figure:
    """tables {kind of error: score, low and high, best first}; parts: groups that no comparison connects.

    Items stand from the best (on top) to the last; symbols tell the parts apart.
    """
    part = {item: number for number, items in enumerate(parts) for item in items}
    figure = go.Figure()
    for number, (errors, table) in enumerate(tables.items()):
        names = [_short(item) for item in table.index]
        figure.add_scatter(
            x=table.score,
            y=[place + 0.16 * (number - (len(tables) - 1) / 2) for place in range(len(table))],
            error_x={
                "type": "data",
                "array": table.high - table.score,
                "arrayminus": table.score - table.low,
                "thickness": 1.5,
                "width": 3,
            },
            mode="markers",
            name=f"{errors} interval",
            text=[f"{name}, part {part[item] + 1}" for name, item in zip(names, table.index, strict=True)],
            hovertemplate="%{text}: %{x:.4g}<extra>" + errors + "</extra>",
            marker={
                "color": COLORS[errors],
                "size": 6,
                "symbol": [SYMBOLS[part[item] % len(SYMBOLS)] for item in table.index],
            },
        )
    apart = f"; {len(parts)} unconnected parts (symbols)" if len(parts) > 1 else ""
    figure.update_layout(
        template="plotly_white",
        title=f"Scores with 95 % intervals{apart}",
        height=max(320, 22 * len(part) + 140),
        xaxis_title=f"score in {unit}",
        yaxis={"tickvals": list(range(len(names))), "ticktext": names, "autorange": "reversed"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
    )
    return figure


def _short(item: object) -> str:
    """The item as text: plotly would read tags in it."""
    text = str(item).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text if len(text) <= 60 else f"{text[:57]}..."
