"""Figures of lesson 01: a matrix of win probabilities, Elo on its way, intervals, residuals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from rmkit.notebook import theme

PLAYERS = ("Ann", "Bob", "Cid", "Dee")
ELO = 400 / np.log(10)  # Elo points in one unit of score: 400 points are odds of ten to one


def matrix_compute(ann: float, bob: float, cid: float, dee: float, everyone: float) -> dict[str, Any]:
    """Scores (4,), all moved by `everyone`, and P (4, 4) of row beats column."""
    scores = np.array([ann, bob, cid, dee]) + everyone
    return {"scores": scores, "p": 1 / (1 + np.exp(scores - scores[:, None]))}


def matrix_draw(a: Mapping[str, Any]) -> go.Figure:
    """Scores as points above, the whole matrix below."""
    figure = make_subplots(rows=2, row_heights=[0.25, 0.75], vertical_spacing=0.17)
    figure.add_trace(
        go.Scatter(
            x=a["scores"],
            y=[0] * 4,
            mode="markers+text",
            text=PLAYERS,
            textposition=["top center", "bottom center"] * 2,
            marker={"size": 14, "color": theme.BLUE, "symbol": ["circle", "square", "diamond", "cross"]},
            showlegend=False,
        )
    )
    figure.add_trace(
        go.Heatmap(
            z=a["p"],
            x=PLAYERS,
            y=PLAYERS,
            zmin=0,
            zmax=1,
            colorscale=theme.SEQUENTIAL,
            text=[[f"{p:.2f}" for p in row] for row in a["p"]],
            texttemplate="%{text}",
            hovertemplate="%{y} beats %{x}: %{z:.3f}<extra></extra>",
            colorbar={"title": {"text": "P"}, "len": 0.65, "y": 0.32},
        ),
        row=2,
        col=1,
    )
    figure.update_xaxes(range=[-4.4, 4.4], title_text="score s", row=1, col=1)
    figure.update_yaxes(range=[-1.6, 1.6], visible=False, row=1, col=1)
    figure.update_xaxes(type="category", title_text="loser", row=2, col=1)
    figure.update_yaxes(type="category", title_text="winner", autorange="reversed", row=2, col=1)
    figure.update_layout(template=theme.TEMPLATE, height=560, title_text="Row beats column", margin_t=50)
    return figure


def matrix_say(a: Mapping[str, Any]) -> str:
    """The taught numbers: one gap, its probability."""
    gap = a["scores"][0] - a["scores"][1]
    return f"Ann is {gap:+.1f} ahead of Bob: P(Ann beats Bob) = sigma({gap:+.1f}) = {a['p'][0, 1]:.3f}"


def elo_compute(
    k: float, order: int, *, games: Sequence[tuple[int, int]], target: np.ndarray
) -> dict[str, Any]:
    """Ratings (games + 1, n) when the (winner, loser) games are replayed in a shuffled order.

    target (n,): the maximum-likelihood scores, in Elo points around 1500 like the ratings.
    """
    ratings = np.full((len(games) + 1, len(target)), 1500.0)
    for t, g in enumerate(np.random.default_rng(order).permutation(len(games))):
        winner, loser = games[g]
        surprise = 1 - 1 / (1 + 10 ** ((ratings[t, loser] - ratings[t, winner]) / 400))
        ratings[t + 1] = ratings[t]
        ratings[t + 1, [winner, loser]] += [k * surprise, -k * surprise]
    goal = 1500 + ELO * np.asarray(target)
    return {"ratings": ratings, "goal": goal, "error": np.sqrt(np.mean((ratings[-1] - goal) ** 2))}


def elo_draw(a: Mapping[str, Any], *, names: Sequence[str], shown: Sequence[str]) -> go.Figure:
    """Ratings of some teams over games; at the right edge, where maximum likelihood puts them."""
    games = len(a["ratings"]) - 1
    figure = theme.figure("games played", "rating", x_range=(0, games * 1.05), y_range=(1150, 1800))
    chosen = [list(names).index(name) for name in shown]
    for look, (i, name) in enumerate(zip(chosen, shown, strict=True)):
        figure.add_trace(theme.line(np.arange(games + 1), a["ratings"][:, i], name, look))
    figure.add_scatter(
        x=[games * 1.02] * len(chosen),
        y=a["goal"][chosen],
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": theme.PALETTE[: len(chosen)]},
        name="maximum likelihood",
    )
    return figure


def elo_say(a: Mapping[str, Any]) -> str:
    """How far the last ratings are from maximum likelihood."""
    return f"after the last game, {a['error']:.0f} Elo points (root mean square) from maximum likelihood"


def climb(curves: Mapping[str, Sequence[float]], y: str) -> go.Figure:
    """How something shrinks, iteration by iteration, on a logarithmic axis."""
    figure = go.Figure(layout={"template": theme.TEMPLATE, "margin": {"t": 50}})
    for index, (name, values) in enumerate(curves.items()):
        figure.add_trace(theme.line(np.arange(len(values)), values, name, index))
    figure.update_xaxes(title_text="iteration")
    figure.update_yaxes(title_text=y, type="log", exponentformat="power")
    return figure


def intervals(table: pd.DataFrame, title: str = "") -> go.Figure:
    """Scores with their intervals, best on top. table: score, low, high, as `Strengths.table` gives."""
    table = table[::-1]
    figure = go.Figure(layout={"template": theme.TEMPLATE, "title": {"text": title}})
    figure.add_scatter(
        x=table["score"],
        y=[str(name) for name in table.index],
        mode="markers",
        marker={"size": 10, "color": theme.BLUE},
        error_x={
            "array": table["high"] - table["score"],
            "arrayminus": table["score"] - table["low"],
            "color": theme.BLUE,
        },
        showlegend=False,
    )
    figure.add_vline(x=0, line={"color": theme.INK, "dash": "dot", "width": 1})
    figure.update_xaxes(title_text="score, with a 95 % interval")
    figure.update_layout(height=80 + 40 * len(table), margin_t=60 if title else 30)
    return figure


def caterpillar(low: np.ndarray, high: np.ndarray, truth: float) -> go.Figure:
    """One interval a league, sorted; those that miss the truth have another color and a cross."""
    order = np.argsort(low + high)
    low, high = np.asarray(low)[order], np.asarray(high)[order]
    missed = (truth < low) | (truth > high)
    figure = go.Figure(layout={"template": theme.TEMPLATE, "margin": {"t": 50}})
    for chosen, name, color, symbol in (
        (~missed, "covers the truth", theme.BLUE, "circle"),
        (missed, "misses it", theme.VERMILLION, "x"),
    ):
        figure.add_scatter(
            x=np.flatnonzero(chosen),
            y=((low + high) / 2)[chosen],
            error_y={"array": ((high - low) / 2)[chosen], "width": 0, "thickness": 1.5},
            mode="markers",
            marker={"size": 5, "color": color, "symbol": symbol},
            name=f"{name} ({chosen.sum()})",
        )
    figure.add_hline(y=truth, line={"color": theme.INK, "dash": "dot"})
    figure.update_xaxes(title_text="simulated leagues, sorted")
    figure.update_yaxes(title_text="estimated score")
    return figure


def residual_map(residuals: np.ndarray, names: Sequence[str], title: str = "") -> go.Figure:
    """Standardized residuals (n, n) of row against column; the color scale is symmetric around 0."""
    shown = np.array(residuals, dtype=float)
    np.fill_diagonal(shown, np.nan)
    limit = max(3.0, float(np.nanmax(np.abs(shown))))
    text = [["" if np.isnan(r) else f"{round(r, 1) + 0.0:+.1f}" for r in row] for row in shown]
    heat = go.Heatmap(
        z=shown,
        x=list(names),
        y=list(names),
        zmin=-limit,
        zmax=limit,
        colorscale=[[0.0, theme.BLUE], [0.5, "#e8e8e8"], [1.0, theme.VERMILLION]],  # opaque, to write on
        text=text,
        texttemplate="%{text}",
        hovertemplate="%{y} against %{x}: %{z:+.2f}<extra></extra>",
        colorbar={"title": {"text": "residual"}},
    )
    figure = go.Figure(heat, layout={"template": theme.TEMPLATE, "title": {"text": title}})
    figure.update_xaxes(title_text="against", type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    figure.update_layout(height=max(320, 60 * len(names)), margin_t=60 if title else 30)
    return figure
