"""Figures of preferences and of a ledger: what is in them, and what became of every row."""

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from rmkit.data.records import Record, ranks_of
from rmkit.notebook import theme
from rmkit.notebook.panels import Panel, label, short
from rmkit.notebook.panels import figure as arrange
from rmkit.theory.statistics import accuracy_interval

TITLE = "What is in these preferences?"
MOST = 10_000  # groups that a figure reads; of a larger set, so many drawn at random
BINS = 30
# What a ledger counts (see `rmkit.data.ledger`, which imports this file when it is drawn).
_KEPT, _DROPPED = "kept", "dropped: "
_JOINED = ("grouped", "votes joined")  # rows that became one with another


# --- preferences --------------------------------------------------------------------------------------------


def figure(preferences) -> go.Figure:
    """Lengths of the responses, sizes of the groups, strengths, and whether the longer one is preferred.

    A panel whose column no record has is left out. The text alternative is `describe(preferences)`.
    """
    records = _some(preferences)
    longer = _longer_is_preferred(records)
    panels = [_lengths(records), _sizes(records), _strengths(records), _longer(*longer)]
    panels = [panel for panel in panels if panel]
    rows = [panels[i : i + 2] for i in range(0, len(panels), 2)]
    sampled = f" ({MOST:,} groups of {len(preferences):,})" if len(records) < len(preferences) else ""
    title = TITLE + (sampled if rows else " Nothing.")
    return arrange(title, rows, _in_words(preferences, records, longer[1]))


def describe(preferences) -> str:
    """The figure in words: groups, responses, their length, and how often the longer one is preferred."""
    records = _some(preferences)
    return _in_words(preferences, records, _longer_is_preferred(records)[1])


def _in_words(preferences, records: list[Record], right: np.ndarray) -> str:
    said = f"{preferences.name}: {len(preferences):,} groups"
    if not records:
        return f"{said}."
    sizes = sorted({len(record.responses) for record in records})
    many = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    middle = np.median(_characters(records))
    said += f" of {many} responses, half of them longer than {middle:,.0f} characters"
    said += f"; the longer response is preferred in {right.mean():.1%} of pairs" if len(right) else ""
    if len(records) < len(preferences):
        return f"{said}. Read from {len(records):,} groups drawn at random."
    return f"{said}."


def _some(preferences) -> list[Record]:
    n = len(preferences)
    chosen = range(n) if n <= MOST else sorted(random.Random(0).sample(range(n), MOST))
    return [preferences[i] for i in chosen]


def _characters(records: list[Record]) -> np.ndarray:
    return np.array([len(text) for record in records for text in record.responses], dtype=np.float64)


def _lengths(records: list[Record]) -> Panel | None:
    if not records:
        return None
    lengths = _characters(records)
    longest = max(1.0, float(np.quantile(lengths, 0.99)))  # a few huge ones would hide all the others
    beyond = int((lengths > longest).sum())
    question = "How long are the responses?" + (f" ({beyond:,} longer)" if beyond else "")
    return _histogram(question, lengths[lengths <= longest], "characters", "responses", theme.BLUE)


def _histogram(question: str, values: np.ndarray, x: str, y: str, color: str) -> Panel:
    """A histogram, or one bar for each value where they are few."""
    different = np.unique(values)
    if len(different) <= 12:
        counts = [int((values == value).sum()) for value in different]
        return _columns(question, [f"{value:g}" for value in different], counts, x, y, color)
    counts, edges = np.histogram(values, BINS)
    words = [
        f"{a:.4g} to {b:.4g}: {n:,}" for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
    ]  # fmt: skip
    bars = go.Bar(
        x=(edges[:-1] + edges[1:]) / 2, y=counts, width=np.diff(edges), marker={"color": color},
        text=words, textposition="none", hovertemplate="%{text}<extra></extra>", showlegend=False,
    )  # fmt: skip
    return Panel(question, [bars], x, y, (edges[0], edges[-1]), (0, 1.08 * counts.max()))


def _columns(question: str, names: list[str], counts: list[int], x: str, y: str, color: str) -> Panel:
    places = list(range(len(names)))
    bars = go.Bar(
        x=places, y=counts, marker={"color": color}, text=[f"{n:,}" for n in counts], textposition="none",
        customdata=names, hovertemplate="%{customdata}: %{text}<extra></extra>", showlegend=False,
    )  # fmt: skip
    spare = max(0, 4 - len(names)) / 2  # a lone bar need not fill the panel
    ends, top = (-0.6 - spare, len(names) - 0.4 + spare), 1.08 * max(counts)
    return Panel(question, [bars], x, y, ends, (0, top), x_ticks=(places, names))


def _sizes(records: list[Record]) -> Panel | None:
    if not records:
        return None
    sizes = np.array([len(record.responses) for record in records], dtype=np.float64)
    return _histogram("How many responses in a group?", sizes, "K", "groups", theme.GREEN)


def _strengths(records: list[Record]) -> Panel | None:
    known = np.array([r.strength for r in records if r.strength is not None], dtype=np.float64)
    if not len(known):
        return None
    return _histogram("How much better is the better one?", known, "strength", "pairs", theme.PURPLE)


def _longer_is_preferred(records: list[Record]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every ordered pair of unequal length: how many times as long the longer one is, whether it is the
    preferred one (1 or 0), and the number of its group."""
    ratios, right, group = [], [], []
    for number, record in enumerate(records):
        lengths, ranks = [max(1, len(text)) for text in record.responses], ranks_of(record)
        for i, a in enumerate(ranks):
            for j, b in enumerate(ranks):
                if 0 < a < b and lengths[i] != lengths[j]:
                    ratios.append(max(lengths[i], lengths[j]) / min(lengths[i], lengths[j]))
                    right.append(float(lengths[i] > lengths[j]))
                    group.append(number)
    return np.array(ratios), np.array(right), np.array(group)


def _longer(ratios: np.ndarray, right: np.ndarray, group: np.ndarray) -> Panel | None:
    if not len(ratios):
        return None
    edges = [1.0, 1.1, 1.25, 1.5, 2.0, 3.0, np.inf]
    names, rows = [], []
    for low, high in pairwise(edges):
        inside = (ratios > low) & (ratios <= high)
        if inside.any():
            ends = accuracy_interval(right[inside], group[inside])
            names.append(f"{high:g}" if np.isfinite(high) else "more")
            rows.append((right[inside].mean(), *ends[:2], int(inside.sum())))
    share, low, high, pairs = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    places = list(range(len(rows)))
    points = go.Scatter(
        x=places, y=share, mode="markers", marker={"size": 8, "color": theme.VERMILLION}, showlegend=False,
        error_y={"type": "data", "symmetric": False, "array": high - share, "arrayminus": share - low,
                 "color": theme.VERMILLION, "width": 0},
        text=[f"up to {name} times as long: {s:.1%} of {n:,.0f} pairs"
              for name, s, n in zip(names, share, pairs, strict=True)],
        hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    half = go.Scatter(
        x=[-0.6, len(rows) - 0.4], y=[0.5, 0.5], mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": theme.INK, "dash": "dot", "width": 1.5},
    )  # fmt: skip
    return Panel(
        "Is the longer one preferred?", [half, points], "up to so many times as long", "",
        (-0.6, len(rows) - 0.4), (0, 1.02), x_ticks=(places, names), y_format=".0%",
    )  # fmt: skip


# --- ledger -------------------------------------------------------------------------------------------------


def ledger_figure(ledger) -> go.Figure:
    """Every count of a ledger as a bar: rows kept, joined and dropped by reason; then what was altered.

    The text alternative is `describe_ledger(ledger)`.
    """
    counts = Counter()
    for (_, _, what), n in ledger.cells.items():
        counts[what] += n
    rows = {what: n for what, n in counts.items() if what in (_KEPT, *_JOINED) or what.startswith(_DROPPED)}
    kept = {what: n for what, n in counts.items() if what not in rows and n}
    first = _bars("Of the rows read", {_KEPT: 0} | rows, ledger.read)
    second = [[_bars("Of the groups kept", kept, ledger.kept)]] if kept else []
    return arrange("What became of every row?", [[first], *second], describe_ledger(ledger))


def describe_ledger(ledger) -> str:
    """The figure in words: how many rows were kept, and why most of the others were dropped."""
    said = f"Of {ledger.read:,} rows read, {ledger.kept:,} are kept"
    said += f" and {ledger.grouped:,} joined the group of another" if ledger.grouped else ""
    lost = ledger.dropped
    if not lost:
        return f"{said}; none is dropped."
    most = max(lost, key=lost.get)
    why = f"most often as '{short(most, 40)}' ({lost[most]:,})"
    return f"{said}; {sum(lost.values()):,} are dropped, {why}."


def _bars(question: str, counts: dict[str, int], whole: int) -> Panel:
    """Bars from the top: kept, joined, then by count. Each has its number and its share of `whole`."""
    order = sorted(counts, key=lambda what: (what != _KEPT, what not in _JOINED, -counts[what]))
    order = [what for what in order if counts[what] or what == _KEPT]
    numbers = [counts[what] for what in order]
    words = [f"{n:,} ({n / whole:.1%})" if whole and n != whole else f"{n:,}" for n in numbers]
    bars = go.Bar(
        x=numbers, y=list(range(len(order))), orientation="h", text=words, textposition="outside",
        textfont={"size": 12},
        marker={"color": [_color(what) for what in order]}, cliponaxis=False, hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip
    last = len(order) - 0.4
    top = 1.6 * max([1, *numbers])  # room for the words
    names = [label("joined a group" if what == "grouped" else what, 34) for what in order]
    return Panel(
        question, [bars], x_range=(0, top), y_range=(last, -0.6), y_ticks=(list(range(len(order))), names),
        x_format=",d", height=max(50, 26 * len(order) + 8),
    )  # fmt: skip


def _color(what: str) -> str:
    if what == _KEPT:
        return theme.GREEN
    return theme.GREY if what in _JOINED else theme.VERMILLION if what.startswith(_DROPPED) else theme.AMBER
