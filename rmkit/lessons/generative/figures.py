"""Lesson 08: what a place is worth to a judge, what more critiques are worth, and the lesson's bookkeeping.

A pairwise judge says l(a, b) = d + bias + noise, with d the true gap of the answers.
"""

import re

import numpy as np
import plotly.graph_objects as go
from scipy.stats import norm

from rmkit.notebook import theme

GOOD = ("good", "great", "perfect", "Yes")  # verdict words that speak for an answer
_GRID = np.linspace(-4, 4, 161)


def place_compute(bias: float, noise: float, spread: float) -> dict:
    """P(the judge picks a) against the gap d: a shown first, a shown second, and both orders averaged.

    noise: standard deviation of one reading, > 0 (the two orders are read independently). spread: gaps of the
    pairs are N(0, spread^2). Accuracies are means of P(picks the better one) over that distribution.
    """
    curves = {
        "first": norm.cdf((_GRID + bias) / noise),
        "second": norm.cdf((_GRID - bias) / noise),
        "both": norm.cdf(_GRID * np.sqrt(2) / noise),
    }
    gaps = np.linspace(-5 * spread, 5 * spread, 801)
    weight = norm.pdf(gaps / spread)
    weight /= weight.sum()
    right = np.sign(gaps)

    def accuracy(shift: float, sd: float) -> float:
        return float(weight @ norm.cdf(right * (gaps + shift) / sd))

    there, back = norm.cdf((gaps + bias) / noise), norm.cdf((gaps - bias) / noise)
    flips = float(weight @ (there * (1 - back) + back * (1 - there)))
    curves["common"] = 0.4 * np.exp(-((_GRID / spread) ** 2) / 2)
    found = {"one": accuracy(bias, noise), "swapped": accuracy(0.0, noise / np.sqrt(2)), "flips": flips}
    return {"d": _GRID, **curves, **found}


def place_draw(a: dict) -> go.Figure:
    """Three curves: they cross d = 0 at 1/2 only where the place is worth nothing."""
    f = theme.figure(
        "true gap d of a over b",
        "P(the judge picks a)",
        x_range=(-4, 4),
        y_range=(0, 1),
        title="What is a place worth?",
    )
    f.add_trace(theme.line(a["d"], a["first"], "a shown first", 0))
    f.add_trace(theme.line(a["d"], a["second"], "a shown second", 1))
    f.add_trace(theme.line(a["d"], a["both"], "both, averaged", 2))
    f.add_trace(theme.line(a["d"], a["common"], "how common d is", 5))
    return f


def place_say(a: dict) -> str:
    """Accuracies in one order and in both, and how often the order decides."""
    return (
        f"Right in one order {a['one']:.1%}, in both orders averaged {a['swapped']:.1%}; "
        f"the two orders disagree on {a['flips']:.1%} of the pairs."
    )


def votes_figure(table) -> go.Figure:
    """Accuracy against the number of critiques. table: columns read, votes, accuracy, low, high."""
    steps = np.log2(sorted(set(table["votes"])))
    limits = (-0.3, steps[-1] + 0.3)
    f = theme.figure("critiques of each answer", "accuracy", x_range=limits, y_range=(0.4, 1.03))
    f.update_xaxes(zeroline=False, tickvals=steps, ticktext=[f"{2**step:.0f}" for step in steps])
    f.update_layout(title={"text": "More critiques, better verdicts?"}, margin={"t": 80})
    for index, (name, part) in enumerate(table.groupby("read", sort=False)):
        line = theme.line(np.log2(part["votes"]) + 0.02 * (2 * index - 1), part["accuracy"], name, index)
        line.mode = "lines+markers"
        line.error_y = {
            "type": "data",
            "array": part["high"] - part["accuracy"],
            "arrayminus": part["accuracy"] - part["low"],
        }
        f.add_trace(line)
    return f


def read_whole(answers: list[str], written: list) -> list[int]:
    """Good verdicts of each answer's critiques, to a parser that searches answer and critique alike.

    written: for every answer its critiques (rmkit.generative.Critique). The first verdict anywhere counts.
    """
    counts = []
    for answer, several in zip(answers, written, strict=True):
        found = [re.search(r"(?:So|Verdict): (\w+)", f"{answer} | {critique.text}") for critique in several]
        counts.append(sum(word is not None and word[1] in GOOD for word in found))
    return counts
