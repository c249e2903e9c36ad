"""Lesson 07: the probabilities of all orders of four responses, what a ranking is worth, measured errors."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scipy.special import logsumexp

from rmkit.notebook import theme

NAMES = "ABCD"
ORDERS = tuple(permutations(range(4)))  # 24 tuples of indices, best first


def log_probability(rewards: Sequence[float], order: Sequence[int], top: int | None = None) -> float:
    """log P(order), best first, of the model of Plackett (1975) and Luce (1959); `top` = m stops after m
    choices. Written as the definition, choice after choice; the library's loss is tested against it.
    """
    r = np.asarray(rewards, dtype=float)[list(order)]
    choices = len(r) - 1 if top is None else min(top, len(r) - 1)
    return float(sum(r[k] - logsumexp(r[k:]) for k in range(choices)))


# All orders


def orders_compute(a: float, b: float, c: float, d: float) -> dict:
    """P of each of the 24 orders, and of each response in each place (4 responses, 4 places)."""
    rewards = np.array([a, b, c, d])
    p = np.exp([log_probability(rewards, order) for order in ORDERS])
    places = np.zeros((4, 4))
    for order, share in zip(ORDERS, p, strict=True):
        places[list(order), range(4)] += share
    before = sum(q for order, q in zip(ORDERS, p, strict=True) if order.index(0) < order.index(1))
    return {"names": ["".join(NAMES[i] for i in o) for o in ORDERS], "p": p, "places": places, "ab": before}


def orders_draw(a: dict) -> go.Figure:
    """Above: 24 bars, one for each order, colored by who comes first. Below: who comes in which place."""
    f = make_subplots(rows=2, cols=1, vertical_spacing=0.24, row_heights=[0.55, 0.45])
    first = [NAMES.index(name[0]) for name in a["names"]]
    f.add_bar(
        x=a["names"],
        y=a["p"],
        marker_color=[theme.PALETTE[i] for i in first],
        name="orders",
        showlegend=False,
        row=1,
        col=1,
    )
    for i, name in enumerate(NAMES):
        look = {"color": theme.PALETTE[i], "pattern": {"shape": ["", "/", "x", "."][i]}}
        places = ["first", "second", "third", "last"]
        f.add_bar(x=places, y=a["places"][i], name=name, marker=look, row=2, col=1)
    f.update_xaxes(type="category")
    f.update_xaxes(tickangle=-90, tickfont={"family": "monospace", "size": 11}, row=1, col=1)
    f.update_yaxes(range=[0, 0.6], title_text="P(order)", row=1, col=1)
    f.update_yaxes(range=[0, 1], title_text="P(place)", row=2, col=1)
    return f.update_layout(
        template=theme.TEMPLATE, height=560, barmode="group", title={"text": "24 orders of four responses"}
    )


def orders_say(a: dict) -> str:
    """The likeliest order, who comes first, and A against B."""
    best = int(np.argmax(a["p"]))
    share = "  ".join(f"{name} {p:.3f}" for name, p in zip(NAMES, a["places"][:, 0], strict=True))
    return f"likeliest {a['names'][best]}: {a['p'][best]:.3f}.  First: {share}.  A before B: {a['ab']:.3f}"


# What a ranking is worth


def worth_full(k: np.ndarray) -> np.ndarray:
    """Information of a full ranking of k equally good responses over that of one pair: 2 (k - H_k)."""
    return 2 * (k - np.array([np.sum(1 / np.arange(1, n + 1)) for n in k]))


def worth_pairs(k: np.ndarray) -> np.ndarray:
    """The same ranking, split into its pairs: 3 k (k - 1) / (2 (k + 1))."""
    return 1.5 * k * (k - 1) / (k + 1)


def worth_best(k: np.ndarray) -> np.ndarray:
    """Only who is best: 2 (1 - 1 / k)."""
    return 2 * (1 - 1 / k)


WAYS = {"full": "whole ranking", "pairs": "split into pairs", "best": "best only"}


def worth_draw(per_response: bool = False) -> go.Figure:
    """Worth of one labeled group of equals against K, in votes between two; or for each response read."""
    k = np.arange(2, 13)
    top, unit = (2.2, "votes for each response read") if per_response else (20, "worth in votes of two")
    f = theme.figure("responses K", unit, x_range=(1.5, 12.5), y_range=(0, top), title="What is it worth?")
    for i, (way, worth) in enumerate(zip(WAYS, (worth_full, worth_pairs, worth_best), strict=True)):
        f.add_trace(theme.line(k, worth(k) / (k if per_response else 1), WAYS[way], i))
    return f


def errors_draw(points: dict, lines: dict | None = None, *, title: str, y: str, y_range: tuple) -> go.Figure:
    """Measured points with intervals for each way and K; theory as lines where there is one.

    points: {way: {K: (mean, low, high)}}.   lines: {way: {K: value}}.
    """
    f = theme.figure("responses K", y, x_range=(1.5, 8.5), y_range=y_range, title=title)
    for i, way in enumerate(points):
        if lines:
            f.add_trace(theme.line([*lines[way]], [*lines[way].values()], "theory", i, showlegend=False))
        mean, low, high = (np.array(column) for column in zip(*points[way].values(), strict=True))
        f.add_scatter(
            x=np.array([*points[way]]) + 0.12 * (i - 1),
            y=mean,
            error_y={"array": high - mean, "arrayminus": mean - low, "thickness": 1.5},
            mode="markers",
            marker={"size": 9, "color": theme.PALETTE[i], "symbol": ["circle", "diamond", "square"][i]},
            name=WAYS[way],
        )
    return f.update_xaxes(tickvals=sorted({k for column in points.values() for k in column}))


def labels_draw(points: dict, lines: dict) -> go.Figure:
    """Squared error against the number of ranked prompts, both axes logarithmic: 1 / n is a straight line.

    points: {way: {n: (mean, low, high)}}.   lines: {way: {n: value}}, theory.
    """
    f = theme.figure("ranked prompts n", "squared error", x_range=None, y_range=None, title="More labels")
    for i, way in enumerate(points):
        f.add_trace(theme.line([*lines[way]], [*lines[way].values()], "theory", i, showlegend=False))
        mean, low, high = (np.array(column) for column in zip(*points[way].values(), strict=True))
        f.add_scatter(
            x=[*points[way]],
            y=mean,
            error_y={"array": high - mean, "arrayminus": mean - low, "thickness": 1.5},
            mode="markers",
            marker={"size": 9, "color": theme.PALETTE[i], "symbol": ["circle", "diamond", "square"][i]},
            name=WAYS[way],
        )
    numbers = sorted({n for column in points.values() for n in column})
    ends = np.log10([numbers[0] * 0.85, numbers[-1] * 1.18])
    f.update_xaxes(type="log", range=list(ends), tickvals=numbers)
    return f.update_yaxes(type="log", range=[-2.5, 0])
