"""Lesson 14's panel: every dial teaches the heads anew, beside a setting that was pinned."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import plotly.graph_objects as go

from rmkit.notebook import theme
from rmkit.notebook.panels import Panel
from rmkit.notebook.panels import figure as arrange
from rmkit.notebook.pinned import Pinned, compare
from rmkit.theory.intervals import mean_interval
from rmkit.training.ablation.bench import Bench
from rmkit.training.ablation.cells import Cell
from rmkit.training.ablation.words import explain

# measure: (its question, name of the axis, fixed ends, format)
SHOWN = {
    "agreement": ("Does it agree with fresh votes?", "agreement", (0.45, 0.85), ".0%"),
    "log_loss": ("How sure may one be of it?", "log-loss, nats", (0.4, 0.8), ".2f"),
    "missed": ("How much of the true gaps is missed?", "share missed", (0.0, 1.05), ".0%"),
    "best_of_n": ("How good is the best of n?", "gold reward", (0.3, 1.0), ".2f"),
}


def lab(bench: Bench, *, labels: Sequence[int], seeds: int = 8) -> "Pinned | go.Figure":
    """The panel over a bench. labels: how many prompts may be labelled, the first is the start."""
    dials = {
        "loss": ["margin", "bradley-terry", "scaled-bradley-terry", "label-smoothing", "hinge", "focal"],
        "margin": (0.0, 4.0, 0.5, 1.0),
        "weighting": ["group", "pair"],
        "k": ["2-4", "2", "3", "4"],
        "labels": list(labels),
        "noise": (0.0, 0.45, 0.05, 0.0),
        "length_bias": (0.0, 1.0, 0.1, 0.0),
        "penalty": [1.0, 0.03, 0.1, 0.3, 3.0, 10.0, 30.0],
        "seeds": (2, max(seeds, 3), 1, seeds),
    }
    return compare(
        partial(compute, bench=bench),
        draw,
        readout=say,
        explain=lambda before, after: explain(before["rows"], after["rows"], "missed"),
        names={
            "k": "answers ranked",
            "weighting": "weights",
            "margin": "largest margin",
            "length_bias": "length bias",
        },
        gaps=True,
        sliders=dials,
    )


def compute(seeds: int, *, bench: Bench, **dials) -> dict:
    """{"rows": the table's rows of this setting, one a seed}; heads are taught now, nothing is kept."""
    cell = Cell(**dials)
    return {"rows": pd.DataFrame([cell.row() | row for row in bench.measure(cell, range(seeds))])}


def draw(now: dict, pinned: dict) -> go.Figure:
    """A panel for each measure: the pinned setting at the left, the present one at the right.

    Thick bars are 95 % intervals over seeds, thin lines lead from a seed to the same seed.
    """
    after, before = (each["rows"].set_index("seed") for each in (now, pinned))
    panels = [_panel(name, after, before) for name in SHOWN if name in after]
    rows = [panels[i : i + 2] for i in range(0, len(panels), 2)]
    return arrange("What if?", rows, f"{say(now)} Pinned: {say(pinned)}")


def say(now: dict) -> str:
    """The measures of the present setting, with the number of its seeds."""
    rows = now["rows"]
    parts = [f"agreement {rows['agreement'].mean():.1%}", f"log-loss {rows['log_loss'].mean():.3f}"]
    if "missed" in rows:
        parts.append(f"missed {rows['missed'].mean():.1%}")
    if "best_of_n" in rows:
        parts.append(f"best of n {rows['best_of_n'].mean():.3f}")
    return f"{', '.join(parts)} ({len(rows)} heads, taught just now)."


def _panel(measure: str, now: pd.DataFrame, pinned: pd.DataFrame) -> Panel:
    question, axis, ends, form = SHOWN[measure]
    shared = pinned.index.intersection(now.index)
    pairs = zip(pinned.loc[shared, measure], now.loc[shared, measure], strict=True)
    lines = go.Scatter(
        x=[0.08, 0.92, None] * len(shared),
        y=[value for a, b in pairs for value in (a, b, None)],
        mode="lines",
        line={"color": theme.GREY, "width": 1},
        opacity=0.5,
        hoverinfo="skip",
        showlegend=False,
    )
    points = [
        _point(0, pinned[measure], theme.GREY, "square"),
        _point(1, now[measure], theme.BLUE, "circle"),
    ]
    return Panel(
        question,
        [lines, *points],
        y=axis,
        x_range=(-0.4, 1.4),
        y_range=ends,
        x_ticks=([0, 1], ["pinned", "now"]),
        y_format=form,
        height=170,
    )


def _point(place: int, values: pd.Series, color: str, symbol: str) -> go.Scatter:
    mean, low, high = mean_interval(values)
    bars = {"type": "data", "array": [high - mean], "arrayminus": [mean - low], "symmetric": False}
    return go.Scatter(
        x=[place],
        y=[mean],
        mode="markers",
        marker={"color": color, "size": 11, "symbol": symbol},
        error_y=bars | {"color": color, "width": 6, "thickness": 3},
        hovertemplate=f"%{{y}} [{low:.3f}, {high:.3f}]<extra></extra>",
        showlegend=False,
    )
