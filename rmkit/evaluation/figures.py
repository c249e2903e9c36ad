"""The figure of a report: a forest of subsets between what knowing nothing gives and what is possible.

Below the forest: whether the rewards' certainty can be believed, and whether they lean on length.
"""

import numpy as np
import plotly.graph_objects as go

from rmkit.notebook import theme
from rmkit.notebook.panels import Panel, finite, intervals, label, short
from rmkit.notebook.panels import figure as arrange

ROW = 22  # pixels of one subset
TITLE = "How often do the rewards order a pair as the labels do?"
# How each null rule is drawn, so that a reader knows it again from one report to the next.
_RULES = {
    "longest": (theme.VERMILLION, "dash"),
    "shortest": (theme.AMBER, "dot"),
    "first": (theme.PURPLE, "dashdot"),
    "random": (theme.GREY, "solid"),
}


def figure(report) -> go.Figure:
    """A report as one figure: the forest, then reliability and accuracy by length difference.

    A subset without an interval is a point, one without pairs an empty row. The text alternative is
    `describe(report)`.
    """
    below = [panel for panel in (_reliability(report), _by_length(report)) if panel]
    return arrange(TITLE, [[_forest(report)], *([below] if below else [])], describe(report))


def describe(report) -> str:
    """The figure in words: accuracy and its interval, the best null rule, the ceiling, the subsets' range."""
    if not finite(report.accuracy):
        return f"No accuracy is known for these {report.groups:,} groups."
    said = f"The rewards order {report.accuracy:.1%} of {report.pairs:,} pairs as labels do{_ends(report)}"
    rules = {name: rule["accuracy"] for name, rule in report.baselines.items() if finite(rule["accuracy"])}
    if rules:
        best = max(rules, key=rules.get)
        said += f". Of the rules that know nothing, '{best}' reaches {rules[best]:.1%}"
    if finite(ceiling := getattr(report, "ceiling", None)):
        said += f". Agreement among people allows {ceiling:.1%}"
    known = {name: part.accuracy for name, part in report.subsets.items() if finite(part.accuracy)}
    if len(known) < 2:
        return f"{said}."
    worst, best = min(known, key=known.get), max(known, key=known.get)
    low, high = (f"{short(name, 40)} ({known[name]:.1%})" for name in (worst, best))
    return f"{said}. Of {len(known)} subsets, the lowest is {low}, the highest {high}."


def _ends(report) -> str:
    low, high = report.interval or (None, None)
    return f" (95 % interval {low:.1%} to {high:.1%})" if finite(low, high) else ""


def _forest(report) -> Panel:
    parts = sorted(report.subsets.items(), key=lambda item: _downward(item[1].accuracy))
    rows = [("all", report), *parts]
    known = [(y, part) for y, (_, part) in enumerate(rows) if finite(part.accuracy)]
    points = go.Scatter(
        x=[part.accuracy for _, part in known],
        y=[y for y, _ in known],
        mode="markers",
        marker={
            "color": [theme.GREEN if y == 0 else theme.BLUE for y, _ in known],
            "size": [11 if y == 0 else 8 for y, _ in known],
            "symbol": ["diamond" if y == 0 else "circle" for y, _ in known],
            "opacity": 1,
            "line": {"width": 0},
        },
        text=[_row_in_words(rows[y][0], part) for y, part in known],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    last = len(rows) - 0.5
    ends = [end for _, part in known for end in (part.accuracy, *(part.interval or ())) if finite(end)]
    lines = [_line(name, rule["accuracy"], last, *_RULES.get(name, (theme.GREY, "longdash")))
             for name, rule in report.baselines.items() if finite(rule["accuracy"])]  # fmt: skip
    if finite(ceiling := getattr(report, "ceiling", None)):
        lines.append(_line("ceiling", ceiling, last, theme.GREEN, "longdashdot"))
    bars = intervals([(y, *(part.interval or (None, None))) for y, part in known], theme.BLUE)
    names = [label(name) if finite(part.accuracy) else f"{label(name)} (no pairs)" for name, part in rows]
    names[0] = f"<b>{names[0]}</b>"
    return Panel(
        "Does it beat rules that know nothing?",
        [*lines, bars, points],
        x="accuracy, with its 95 % interval",
        x_range=(_floor(min([0.4, *ends, *(line.x[0] for line in lines)])), 1.01),
        y_range=(last, -0.5),
        y_ticks=(list(range(len(rows))), names),
        x_format=".0%",
        height=max(70, ROW * len(rows) + 12),
    )


def _downward(accuracy: float | None) -> tuple[bool, float]:
    """Best first; those without a number last."""
    return (False, -accuracy) if finite(accuracy) else (True, 0.0)


def _row_in_words(name: str, part) -> str:
    return f"{label(name, 80)}: {part.accuracy:.1%}{_ends(part)}, {part.pairs:,} pairs"


def _line(name: str, value: float, last: float, color: str, dash: str) -> go.Scatter:
    shown = f"{label(name)} {value:.1%}"
    look = {"color": color, "dash": dash, "width": 2}
    return go.Scatter(
        x=[value, value], y=[-0.5, last], mode="lines", line=look, name=shown,
        hovertemplate=f"{shown}<extra></extra>",
    )  # fmt: skip


def _floor(value: float) -> float:
    """The next tenth below, where an axis of accuracies begins."""
    return max(0.0, np.floor(10 * value + 1e-9) / 10)


def _reliability(report) -> Panel | None:
    if not len(report.gaps):
        return None
    curve = report.reliability
    known = list(zip(curve.confidence, curve.agreement, curve.low, curve.high, curve.count, strict=True))
    words = [f"{sure:.0%} sure, {right:.0%} right, {n:,} pairs" for sure, right, _, _, n in known]
    points = go.Scatter(
        x=curve.confidence, y=curve.agreement, mode="markers+lines", marker={"size": 8, "color": theme.BLUE},
        line={"color": theme.BLUE, "width": 1}, text=words, hovertemplate="%{text}<extra></extra>",
        error_y=_bars(curve.agreement, curve.low, curve.high), showlegend=False,
    )  # fmt: skip
    ideal = go.Scatter(
        x=[0.5, 1], y=[0.5, 1], mode="lines", line={"color": theme.INK, "dash": "dot", "width": 1.5},
        hovertemplate="as right as it is sure<extra></extra>", showlegend=False,
    )  # fmt: skip
    return Panel(
        "Is it as right as it is sure?",
        [ideal, points],
        x="confidence in its pick",
        y="right",
        x_range=(0.49, 1.01),
        y_range=(_floor(min([0.4, *curve.low])), 1.02),
        x_format=".0%",
        y_format=".0%",
    )


def _by_length(report) -> Panel | None:
    """Accuracy by how much longer the better response is; None where the report does not know."""
    if not hasattr(report, "by_length") or not len(report.gaps):
        return None
    table = report.by_length()
    table = table[[finite(x, y) for x, y in zip(table["difference"], table["accuracy"], strict=True)]]
    if not len(table):
        return None
    longer, right = table["difference"], table["accuracy"]
    words = [
        f"{row.shortest:+,.0f} to {row.longest:+,.0f} characters: {row.accuracy:.1%}, {row.pairs:,.0f} pairs"
        for row in table.itertuples()
    ]
    points = go.Scatter(
        x=longer, y=right, mode="markers+lines", marker={"size": 8, "color": theme.VERMILLION},
        line={"color": theme.VERMILLION, "width": 1}, text=words, hovertemplate="%{text}<extra></extra>",
        error_y=_bars(right, table["low"], table["high"], theme.VERMILLION), showlegend=False,
    )  # fmt: skip
    room = 0.06 * (longer.max() - longer.min()) or 1.0
    ends = (longer.min() - room, longer.max() + room)
    chance = go.Scatter(
        x=ends, y=[0.5, 0.5], mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": theme.INK, "dash": "dot", "width": 1.5},
    )  # fmt: skip
    return Panel(
        "Does it lean on length?",
        [chance, points],
        x="characters more in the better one",
        x_range=ends,
        y_range=(0, 1.02),
        y_format=".0%",
    )


def _bars(middle, low, high, color: str = theme.BLUE) -> dict:
    """Error bars between `low` and `high`; none where an end is not a number."""
    middle, low, high = (np.asarray(values, dtype=np.float64) for values in (middle, low, high))
    known = np.isfinite(low) & np.isfinite(high)
    up, down = (np.where(known, np.maximum(ends, 0), 0.0) for ends in (high - middle, middle - low))
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": color, "width": 0}
