"""Appendix A2: what a better start is worth on a convex loss, step by step."""

import numpy as np
import plotly.graph_objects as go

from rmkit.lessons.margin_and_strength.heads import sigma
from rmkit.notebook import theme


def descend(x, *, start, scale, l2: float, steps: int) -> np.ndarray:
    """(steps + 1, D): the path of plain gradient descent on scaled Bradley-Terry from `start`."""
    n = len(x)
    rate = 1 / (np.linalg.eigvalsh((x * (scale / 4 / n)[:, None]).T @ x)[-1] + l2)  # no step can overshoot
    path = [np.asarray(start, dtype=float)]
    for _ in range(steps):
        w = path[-1]
        path.append(w - rate * (l2 * w - x.T @ (scale * sigma(-(x @ w))) / n))
    return np.stack(path)


def curves_draw(x, curves: dict[str, np.ndarray], *, axis: str, title: str) -> go.Figure:
    """Mean over training sets with its 95 % interval of each {name: (sets, len(x))}; x on a log axis."""
    means = {name: 100 * values.mean(0) for name, values in curves.items()}
    halves = {name: 196 * values.std(0, ddof=1) / np.sqrt(len(values)) for name, values in curves.items()}
    low = min((means[name] - halves[name]).min() for name in curves)
    high = max((means[name] + halves[name]).max() for name in curves)
    ends = (float(np.log10(x[0])), float(np.log10(x[-1])))
    f = theme.figure(axis, "true gaps missed, %", x_range=ends, y_range=(low - 1, high + 1), title=title)
    for number, (name, mean) in enumerate(means.items()):
        half = halves[name]
        f.add_trace(theme.band(list(x), list(mean - half), list(mean + half), number))
        f.add_trace(theme.line(list(x), mean, name, number))
    ticks = [tick for power in range(5) for tick in (10**power, 3 * 10**power)]
    return f.update_xaxes(type="log", tickvals=ticks)


def share_compute(share, part, judged, unit, *, shown, l2: float, missed) -> dict[str, np.ndarray]:
    """Steps, and the share of the true gaps missed by the walk that begins at `share` times `unit` (D,).

    part, judged: training and test pairs; missed: the instrument; shown: at which steps.
    """
    path = descend(part.x, start=share * unit, scale=part.strength, l2=l2, steps=int(shown[-1]))[shown]
    found = [missed(judged.x @ w, judged.gold).mean() for w in path]
    return {"step": shown, "missed": np.array(found)}


def share_draw(a, *, zero: np.ndarray) -> go.Figure:
    """That walk beside the one from zero, (len(shown),) in %, on fixed axes."""
    ends = (float(np.log10(a["step"][0])), float(np.log10(a["step"][-1])))
    f = theme.figure("steps of gradient descent", "true gaps missed, %", x_range=ends, y_range=(0, 100))
    f.add_trace(theme.line(list(a["step"]), list(100 * a["missed"]), "from your start", 1))
    f.add_trace(theme.line(list(a["step"]), list(zero), "from zero", 0))
    ticks = [tick for power in range(5) for tick in (10**power, 3 * 10**power)]
    return f.update_xaxes(type="log", tickvals=ticks)


def share_say(a) -> str:
    """Misses at the first and the last step."""
    first, last = a["missed"][0], a["missed"][-1]
    steps = f"{a['step'][0]} step", f"{a['step'][-1]} steps"
    return f"True gaps missed: {first:.1%} after {steps[0]}, {last:.1%} after {steps[1]}."
