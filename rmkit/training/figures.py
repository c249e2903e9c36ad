"""The figure of a run: is it learning, does that hold on prompts it has not seen, and where do rewards go?"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from rmkit.errors import InputError
from rmkit.notebook import theme
from rmkit.notebook.panels import Panel
from rmkit.notebook.panels import figure as arrange

TITLE = "Did it learn?"
WITH_HELD_OUT = "Did it learn, and does it hold on new prompts?"
NOISY = 40  # a longer run is drawn as a running mean over its steps
HELD_OUT = "held_out_"


def figure(run) -> go.Figure:
    """Loss and accuracy by step, held-out values beside them where they are known; then the rewards.

    The rewards are their mean, spread and range over a step's responses, or else the mean gap between better
    and worse. Steps without a value are holes. The text alternative is `describe(run)`.
    """
    history = run.history
    if not len(history):
        raise InputError("This run has no steps, so there is nothing to draw.")
    first = [panel for panel in (_loss(history), _accuracy(history)) if panel]
    second = _rewards(history) or _margin(history)
    title = WITH_HELD_OUT if len(_known(history, f"{HELD_OUT}loss")[0]) else TITLE
    return arrange(title, [row for row in (first, [second] if second else []) if row], describe(run))


def describe(run) -> str:
    """The figure in words: loss and accuracy, from the first steps to the last."""
    history = run.history
    if not len(history):
        return "A run without steps."
    said = [f"{len(history):,} steps"]
    for name, form in (("loss", ".3f"), ("accuracy", ".1%")):
        for column, words in ((name, name), (HELD_OUT + name, f"held-out {name}")):
            known = _known(history, column)[1]
            few = max(1, len(known) // 10) if column == name else 1
            if len(known) > few:
                said.append(f"{words} from {known[:few].mean():{form}} to {known[-few:].mean():{form}}")
            elif len(known):
                said.append(f"{words} {known[-1]:{form}}")
    few = max(1, len(history) // 10)
    mean = f" Training values are means of the first and last {few:,} steps." if few > 1 else ""
    return f"{', '.join(said)}.{mean}"


def _known(history: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values) of a column where it is a finite number; empty where there is no such column."""
    if column not in history:
        return np.zeros(0), np.zeros(0)
    values = pd.to_numeric(history[column]).to_numpy(np.float64)
    good = np.isfinite(values)
    return history["step"].to_numpy(np.float64)[good], values[good]


def _curves(history: pd.DataFrame, name: str) -> list[go.Scatter]:
    """The column by step, and its held-out twin. A long run is a faint line under its running mean."""
    if not len(_known(history, name)[0]):
        return []
    steps, values = history["step"], pd.to_numeric(history[name])
    traces, window = [], max(1, len(history) // NOISY)
    if window > 1:
        traces.append(theme.line(steps, values, f"{name}, each step", showlegend=False, opacity=0.3))
        traces[0].line.width = 1
        values = values.rolling(window, center=True, min_periods=1).mean()
    words = f"training, mean of {window} steps" if window > 1 else "training"
    traces.append(theme.line(steps, values, words))
    new_steps, new_values = _known(history, HELD_OUT + name)
    if len(new_steps):
        held_out = theme.line(new_steps, new_values, "held out", 1)
        traces.append(held_out.update(mode="lines+markers", marker={"size": 8, "symbol": "diamond"}))
    if len(history) == 1:
        traces[-1 if not len(new_steps) else -2].mode = "markers"
    return traces


def _loss(history: pd.DataFrame) -> Panel | None:
    curves = _curves(history, "loss")
    if not curves:
        return None
    ends = np.concatenate([_known(history, column)[1] for column in ("loss", HELD_OUT + "loss")])
    ends = (min(0.0, 1.05 * ends.min()), 1.05 * ends.max() or 1.0)
    return Panel("Does the loss fall?", curves, "step", "", _steps(history), ends)


def _accuracy(history: pd.DataFrame) -> Panel | None:
    curves = _curves(history, "accuracy")
    if not curves:
        return None
    chance = go.Scatter(
        x=list(_steps(history)), y=[0.5, 0.5], mode="lines", name="chance", hoverinfo="skip",
        line={"color": theme.INK, "dash": "dot", "width": 1.5},
    )  # fmt: skip
    for curve in curves:
        curve.showlegend = False  # the loss beside it has the same
    lowest = min(_known(history, "accuracy")[1].min(), 0.4)
    ends = (max(0.0, np.floor(10 * lowest) / 10), 1.02)
    return Panel(
        "Does the accuracy rise?", [chance, *curves], "step", "", _steps(history), ends,
        y_format=".0%",
    )  # fmt: skip


def _rewards(history: pd.DataFrame) -> Panel | None:
    columns = ["reward_mean", "reward_std", "reward_min", "reward_max"]
    if not set(columns) <= set(history):
        return None
    known = history[["step", *columns]].astype(float).replace([np.inf, -np.inf], np.nan).dropna()
    if not len(known):
        return None
    step, mean, spread, low, high = (known[name].to_numpy() for name in ["step", *columns])
    traces = [
        theme.band(step, mean - spread, mean + spread).update(name="one standard deviation", showlegend=True),
        theme.line(step, mean, "mean reward"),
        theme.line(step, low, "lowest and highest", 2),
        theme.line(step, high, "highest", 2, showlegend=False),
    ]
    for trace in traces[2:]:
        trace.line.width = 1
    ends = _room(np.concatenate([low, high, mean - spread, mean + spread]))
    return Panel("Where do the rewards go?", traces, "step", "reward", _steps(history), ends)


def _margin(history: pd.DataFrame) -> Panel | None:
    curves = _curves(history, "margin")
    if not curves:
        return None
    for curve in curves:
        curve.showlegend = False
    ends = _room(np.append(_known(history, "margin")[1], 0.0))
    question = "How far apart are the better and the worse response?"
    return Panel(question, curves, "step", "mean gap in reward", _steps(history), ends, height=150)


def _steps(history: pd.DataFrame) -> tuple[float, float]:
    first, last = float(history["step"].min()), float(history["step"].max())
    return (min(first, 0.0), last) if last > first else (first - 1, last + 1)


def _room(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room
