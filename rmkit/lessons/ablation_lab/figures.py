"""Lesson 14's pictures: what a few seeds can and cannot tell, and the effects of a factorial."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from rmkit.notebook import theme
from rmkit.theory.intervals import mean_interval

# --- how many seeds? ----------------------------------------------------------------------------------------


def seeds_compute(seeds: int, paired: bool, *, before: np.ndarray, after: np.ndarray) -> dict:
    """Intervals for after - before from every block of so many seeds, and how often one is wrong in sign.

    before, after (S,): one measure of two settings for the same seeds.   paired: whether a seed is compared
    with itself, or with the next one of the block.
    """
    blocks = [np.arange(start, start + seeds) for start in range(0, len(before) - seeds + 1, seeds)]
    means, halves = [], []
    for block in blocks:
        partner = block if paired else np.roll(block, 1)
        found = mean_interval(after[partner] - before[block])
        means.append(found.mean)
        halves.append(found.high - found.mean)
    room = len(before) // 2 - len(blocks)  # the picture keeps its points, whatever the number of blocks
    return {
        "mean": np.array(means + [np.nan] * room),
        "half": np.array(halves + [np.nan] * room),
        "all": float((after - before).mean()),
        "seeds": seeds,
    }


def seeds_draw(a: dict, *, reach: float, axis: str) -> go.Figure:
    """A bar for each block; the line is the mean over all seeds."""
    f = theme.figure(
        f"{axis}, change in points",
        "experiment",
        x_range=(-reach, reach),
        y_range=(-1, len(a["mean"])),
        title="Would you have seen it?",
    )
    sure = np.abs(a["mean"]) > a["half"]
    colors = [theme.BLUE if each else theme.GREY for each in sure]
    for number, (mean, half) in enumerate(zip(100 * a["mean"], 100 * a["half"], strict=True)):
        f.add_scatter(
            x=[mean - half, mean + half],
            y=[number, number],
            mode="lines",
            line={"color": colors[number], "width": 3},
            showlegend=False,
            hoverinfo="skip",
        )
    mark = {"color": colors, "size": 9}
    places = np.arange(len(a["mean"]))
    f.add_scatter(x=100 * a["mean"], y=places, mode="markers", marker=mark, showlegend=False)
    ends = [100 * a["all"]] * 2
    f.add_trace(theme.line(ends, [-1, len(a["mean"])], "all seeds together", 1))
    return f.add_vline(x=0, line={"color": theme.INK, "dash": "dot"})


def seeds_say(a: dict) -> str:
    """How many of the experiments would have told the difference from 0."""
    known = np.isfinite(a["mean"])
    told = (np.abs(a["mean"][known]) > a["half"][known]).sum()
    of = f"{told} of {known.sum()} experiments of {a['seeds']} seeds"
    return f"{of} tell it from 0; intervals are {200 * np.nanmean(a['half']):.1f} points wide."


# --- a factorial --------------------------------------------------------------------------------------------


def effects(table: pd.DataFrame, dials: Sequence[str], measure: str) -> dict[str, np.ndarray]:
    """{dial, or "dial x dial": (seeds,)} main effects and interactions of a factorial of two values a dial.

    Each dial's effect is the mean at its second value less that at its first, over all settings of the
    others; an interaction is how much more that is at the second value of the other dial than at its first.
    """
    for dial in dials:
        if table[dial].nunique() != 2:
            raise ValueError(f"{dial} has {table[dial].nunique()} values; a factorial of this kind needs 2")
    sign = {dial: np.where(table[dial] == table[dial].unique()[1], 1, -1) for dial in dials}
    pairs = {f"{a} x {b}": sign[a] * sign[b] for a, b in itertools.combinations(dials, 2)}
    contrasts = {name: 2 * which for name, which in sign.items()}
    contrasts |= {name: 4 * which for name, which in pairs.items()}
    return {
        name: (table[measure] * which).groupby(table["seed"]).mean().to_numpy()
        for name, which in contrasts.items()
    }


def effects_draw(found: Mapping[str, np.ndarray], axis: str) -> go.Figure:
    """Effects with their interval over seeds, the largest on top."""
    order = sorted(found, key=lambda name: abs(found[name].mean()))
    rows = [mean_interval(100 * found[name]) for name in order]
    reach = 1.1 * max(max(abs(row.low), abs(row.high)) for row in rows)
    f = theme.figure(f"{axis}, change in points", "", x_range=(-reach, reach), y_range=None)
    bars = [row.high - row.mean for row in rows]
    colors = [theme.VERMILLION if " x " in name else theme.BLUE for name in order]
    f.add_scatter(
        x=[row.mean for row in rows],
        y=order,
        mode="markers",
        marker={
            "color": colors,
            "size": 10,
            "symbol": ["diamond" if " x " in n else "circle" for n in order],
        },
        error_x={"type": "data", "array": bars, "color": theme.INK, "width": 0, "thickness": 2},
        showlegend=False,
    )
    f.add_vline(x=0, line={"color": theme.INK, "dash": "dot"})
    return f.update_layout(height=110 + 30 * len(order), margin={"l": 130})


# --- the winner's curse -------------------------------------------------------------------------------------


def winners(table: pd.DataFrame, measure: str, block: int) -> pd.DataFrame:
    """For every block of seeds: which setting wins (lowest), how far ahead of the mean setting it is there,
    and how far on all the other seeds.

    A setting is a value of the column `loss` and of `margin`.
    """
    wide = table.pivot_table(index="seed", columns=["loss", "margin"], values=measure)
    lead = wide.sub(wide.mean(axis=1), axis=0)
    rows = []
    for start in range(0, len(lead) - block + 1, block):
        inside = np.isin(np.arange(len(lead)), np.arange(start, start + block))
        best = lead[inside].mean().idxmin()
        chosen, fresh = -100 * lead.loc[inside, best].mean(), -100 * lead.loc[~inside, best].mean()
        rows.append(
            {"winner": f"{best[0]}, {best[1]:g}", "where it was chosen": chosen, "on other seeds": fresh}
        )
    return pd.DataFrame(rows)
