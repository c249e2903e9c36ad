"""Lesson 08: what a place is worth to a judge, may it be believed, and what labels and critiques bring.

A pairwise judge says l(a, b) = opinion + bias of this pair, and its opinion is the true gap d plus an error.
"""

import re

import numpy as np
import plotly.graph_objects as go
from scipy.stats import norm

from rmkit.notebook import theme
from rmkit.notebook.reliability import reliability_figure
from rmkit.theory.statistics import reliability_curve

_GRID = np.linspace(-4, 4, 161)


def place_compute(bias: float, varies: float, error: float) -> dict:
    """P(the judge picks a) against the true gap d, for a judge that leans to the first place.

    bias: mean worth of the first place, in logits. varies: its standard deviation from pair to pair, >= 0.
    error: standard deviation of the opinion's error, > 0; it is the same in both orders. True gaps are
    N(0, 1). Accuracies are means over them of P(picks the better one): one order as it is; one order less
    the mean bias; both orders averaged, which removes each pair's own bias.
    """
    both = np.hypot(error, varies)
    curves = {
        "first": norm.cdf((_GRID + bias) / both),
        "second": norm.cdf((_GRID - bias) / both),
        "both": norm.cdf(_GRID / error),
    }
    gaps = np.linspace(-5, 5, 801)
    weight = norm.pdf(gaps) / norm.pdf(gaps).sum()

    def accuracy(shift: float, deviation: float) -> float:
        return float(weight @ norm.cdf(np.sign(gaps) * (gaps + shift) / deviation))

    # The pick depends on the order where the pair's bias b is larger than its opinion o: |o| < |b|.
    opinions, width = np.linspace(-10, 10, 2001), np.hypot(1.0, error)
    common = norm.pdf(opinions / width) / norm.pdf(opinions / width).sum()
    if varies > 0:
        flips = norm.cdf((bias - abs(opinions)) / varies) + norm.cdf((-bias - abs(opinions)) / varies)
    else:
        flips = (abs(opinions) < abs(bias)).astype(float)
    found = {"one": accuracy(bias, both), "less mean": accuracy(0.0, both), "swapped": accuracy(0.0, error)}
    return {"d": _GRID, **curves, **found, "flips": float(common @ flips)}


def place_draw(a: dict) -> go.Figure:
    """Three curves: they cross d = 0 at 1/2 only where the place is worth nothing on average."""
    f = theme.figure(
        "true gap d of a over b",
        "P(the judge picks a)",
        x_range=(-4, 4),
        y_range=(0, 1),
        title="What is a place worth?",
    )
    f.add_trace(theme.line(a["d"], a["first"], "a shown first", 0))
    f.add_trace(theme.line(a["d"], a["second"], "a shown second", 1))
    f.add_trace(theme.line(a["d"], a["both"], "both orders, averaged", 2))
    return f


def place_say(a: dict) -> str:
    """Accuracies in one order, without the mean bias and in both orders, and how often the order decides."""
    return (
        f"Right in one order {a['one']:.1%}, less the mean bias {a['less mean']:.1%}, in both orders "
        f"{a['swapped']:.1%}; the order decides {a['flips']:.1%} of the picks."
    )


def gains_figure(table) -> go.Figure:
    """What critiques bring, kind by kind: bars with intervals. table: index kind, columns gain, low, high."""
    reach = 1.15 * max(abs(table["low"].min()), abs(table["high"].max()), 0.01)
    f = theme.figure(
        "kind of question",
        "log-loss saved by a critique",
        x_range=None,
        y_range=(-reach, reach),
        title="Which questions gain from thinking aloud?",
    )
    error = {
        "type": "data", "array": table["high"] - table["gain"], "arrayminus": table["gain"] - table["low"],
    }  # fmt: skip
    look = {"color": theme.BLUE, "size": 11}
    f.add_trace(go.Scatter(x=list(table.index), y=table["gain"], error_y=error, mode="markers", marker=look))
    return f


def judges_reliability(gaps: dict[str, np.ndarray]) -> go.Figure:
    """{name: gaps of better less worse}: how sure, against how often right, with Wilson's intervals."""
    return reliability_figure(
        {name: reliability_curve(each, bins=8) for name, each in gaps.items()},
        "May a judge's probability be believed?",
        x="how sure the judge is of its pick",
        y="how often it is right",
        diagonal="honest",
    )


def labels_figure(table) -> go.Figure:
    """What a start is worth against the number of labels. table: columns labels, saved, low, high, start."""
    sizes = np.log2(sorted(set(table["labels"])))
    reach = 1.15 * max(abs(table["low"].min()), abs(table["high"].max()), 0.01)
    limits = (sizes[0] - 0.4, sizes[-1] + 0.4)
    f = theme.figure(
        "labeled pairs",
        "log-loss saved",
        x_range=limits,
        y_range=(-reach, reach),
        title="A start is worth labels",
    )
    f.update_xaxes(zeroline=False, tickvals=sizes, ticktext=[f"{2**size:.0f}" for size in sizes])
    for index, (name, part) in enumerate(table.groupby("start", sort=False)):
        line = theme.line(np.log2(part["labels"]) + 0.04 * index, part["saved"], name, index)
        line.mode = "lines+markers"
        line.error_y = {
            "type": "data", "array": part["high"] - part["saved"], "arrayminus": part["saved"] - part["low"],
        }  # fmt: skip
        f.add_trace(line)
    return f


def read_whole(answers: list[str], written: list, good: tuple[str, ...]) -> list[int]:
    """Good verdicts of each answer's critiques, to a parser that searches answer and critique alike.

    written: for every answer its critiques (rmkit.generative.Critique). good: verdict words that speak for
    an answer. The first verdict anywhere counts.
    """
    words, counts = {word.strip() for word in good} | {"Yes"}, []
    for answer, several in zip(answers, written, strict=True):
        found = [re.search(r"(?:So|Verdict): (\w+)", f"{answer} | {critique.text}") for critique in several]
        counts.append(sum(word is not None and word[1] in words for word in found))
    return counts
