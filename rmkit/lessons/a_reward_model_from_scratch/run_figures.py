"""Figures of lesson 03's runs: two loss curves compared, judges side by side, and the museum's patients."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from rmkit.notebook import theme

Runs = Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]  # {letter: (the patient, healthy)}
Row = tuple[float, float, float]  # mean, low, high
FLOOR = 1e-9  # float32 cannot tell a loss near 1 finer than 6e-8


def difference(scratch: Sequence[float], library: Sequence[float]) -> go.Figure:
    """How far two loss curves of the same steps are apart, on a logarithmic axis."""
    apart = np.maximum(np.abs(np.asarray(scratch) - np.asarray(library)), FLOOR)
    steps, ends = list(range(1, len(apart) + 1)), [0.5, len(apart) + 0.5]
    f = theme.figure("step", "difference of the two losses", x_range=(ends[0], ends[1]), y_range=(-9, 0))
    f.add_scatter(x=steps, y=apart, mode="lines+markers", name="by hand against library")
    f.add_trace(theme.line(ends, [1e-5] * 2, "what we allow", 1))
    f.add_trace(theme.line(ends, [np.log(2)] * 2, "the loss itself at the start, log 2", 5))
    f.update_yaxes(type="log", exponentformat="power", dtick=2)
    return f.update_layout(height=320)


def ladder(accuracy: Mapping[str, Row], loss: Mapping[str, Row]) -> go.Figure:
    """Judges by accuracy and by log-loss, each with its interval: {name: (mean, low, high)}; and the coin."""
    f = make_subplots(rows=1, cols=2, horizontal_spacing=0.08, shared_yaxes=True)
    panels = ((accuracy, 0.5, "held-out accuracy"), (loss, float(np.log(2)), "held-out log-loss"))
    for column, (rows, coin, title) in enumerate(panels, 1):
        names = list(rows)
        mean, low, high = (np.array(part) for part in zip(*rows.values(), strict=True))
        bars = {"array": high - mean, "arrayminus": mean - low, "thickness": 2.5, "color": theme.BLUE}
        points = {"size": 11, "color": theme.BLUE}
        f.add_scatter(
            x=mean, y=names, mode="markers", marker=points, error_x=bars, showlegend=False, row=1, col=column
        )
        grey = {"color": theme.GREY, "dash": "dash"}
        f.add_scatter(
            x=[coin] * len(names), y=names, mode="lines", line=grey, name="a coin", showlegend=column == 1,
            row=1, col=column,
        )  # fmt: skip
        f.update_xaxes(title_text=title, row=1, col=column)
    f.update_xaxes(range=[0.3, 0.9], row=1, col=1)
    f.update_xaxes(range=[0.3, 0.9], row=1, col=2)
    f.update_yaxes(autorange="reversed")
    return f.update_layout(template=theme.TEMPLATE, height=120 + 44 * len(accuracy), margin={"t": 50})


def curves(runs: Runs) -> go.Figure:
    """Training loss and held-out accuracy of each patient, beside the same run without its bug."""
    letters = list(runs)
    f = make_subplots(rows=len(letters), cols=2, horizontal_spacing=0.16, vertical_spacing=0.08)
    for row, letter in enumerate(letters, 1):
        sick, healthy = runs[letter]
        for column, quantity in enumerate(("loss", "accuracy"), 1):
            # The patient last and dashed: where the curves are the same, both show.
            for index, (name, run) in enumerate({"healthy": healthy, "patient": sick}.items()):
                steps = list(range(1, len(run[quantity]) + 1))
                trace = theme.line(steps, run[quantity], name, index, showlegend=row == column == 1)
                f.add_trace(trace, row=row, col=column)
            f.update_xaxes(title_text="step" if row == len(letters) else "", row=row, col=column)
        f.update_yaxes(title_text=f"<b>{letter}</b>: training loss", range=[0, 0.95], row=row, col=1)
        f.update_yaxes(title_text="held-out accuracy", range=[0, 1.02], row=row, col=2)
    return f.update_layout(template=theme.TEMPLATE, height=80 + 210 * len(letters))


def two_places(runs: Runs) -> go.Figure:
    """How rewards change from one place to another, a point an answer; on the dashed line none does."""
    titles = [f"<b>{letter}</b>" for letter in runs]
    f = make_subplots(rows=1, cols=len(runs), horizontal_spacing=0.12, subplot_titles=titles)
    for column, (sick, healthy) in enumerate(runs.values(), 1):
        first, second = sick["scores"]
        ends = [min(sick["scores"][first]), max(sick["scores"][first])]
        f.add_trace(theme.line(ends, [0, 0], "no change", 5, showlegend=column == 1), row=1, col=column)
        for name, run, color, symbol in (
            ("healthy", healthy, theme.BLUE, "circle-open"),
            ("patient", sick, theme.VERMILLION, "x"),
        ):
            mark = {"color": color, "symbol": symbol, "size": 6}
            x, y = (np.asarray(scores) for scores in run["scores"].values())
            f.add_scatter(
                x=x,
                y=y - x,
                mode="markers",
                marker=mark,
                name=name,
                showlegend=column == 1,
                row=1,
                col=column,
            )
        f.update_xaxes(title_text=f"reward {first}", row=1, col=column)
        f.update_yaxes(title_text=f"change {second}", row=1, col=column)
    f.update_layout(template=theme.TEMPLATE, height=370, margin={"t": 100})
    return f.update_layout(legend={"yref": "paper", "y": 1.14, "yanchor": "bottom"})
