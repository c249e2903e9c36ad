"""Lesson 06: what a packed row looks like, what layouts cost, and how groups of any size should weigh."""

from itertools import permutations

import numpy as np
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots

from rmkit.models.packing import Batch, TokenGroup, pack
from rmkit.notebook import theme

WIDEST = 40  # columns of the mask's picture
# A legend of many entries goes below: above, it would run into the title on a narrow page.
_BELOW = {
    "legend": {"yref": "container", "y": 0, "yanchor": "bottom"},
    "margin": {"l": 60, "r": 20, "t": 45, "b": 110},
}


# A packed row: who sees whom


def made_up(prompt: int, lengths: list[int]) -> TokenGroup:
    """A group of these numbers of tokens; which tokens they are does not matter."""
    return TokenGroup([1] * prompt, [[2] * length for length in lengths])


def seen_segments(batch: Batch) -> np.ndarray:
    """(L, L) of the first row: 0 = hidden, 1 = the prompt is seen, 2 = the own response is."""
    visible = batch.visible()[0, 0]
    response = (batch.segments[0] > 0)[None, :].expand_as(visible)
    return (visible.long() * (1 + response.long())).numpy()


def row_compute(k: int, prompt: int, response: int) -> dict:
    """Mask and positions of one packed group of k responses, from the library's own batch."""
    batch = pack([made_up(prompt, [response] * k)], pad_id=0)
    length = batch.input_ids.shape[1]
    picture = np.zeros((WIDEST, WIDEST))
    picture[:length, :length] = seen_segments(batch)
    positions = np.zeros(WIDEST)
    positions[:length] = batch.position_ids[0].numpy()
    return {"picture": picture, "positions": positions, "length": length, "sizes": (k, prompt, response)}


def row_draw(a: dict) -> go.Figure:
    """Above: the mask, a row for each token that looks. Below: the positions."""
    f = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.72, 0.28])
    colors = ["rgba(128,128,128,0.10)", theme.BLUE, theme.VERMILLION]
    scale = [[edge / 3, color] for n, color in enumerate(colors) for edge in (n, n + 1)]
    meaning = np.array(["hidden", "prompt, seen", "own response, seen"])[a["picture"].astype(int)]
    f.add_heatmap(
        z=a["picture"],
        zmin=-0.5,
        zmax=2.5,
        colorscale=scale,
        showscale=False,
        customdata=meaning,
        hovertemplate="token %{y} looks at %{x}: %{customdata}<extra></extra>",
        xgap=1,
        ygap=1,
        row=1,
        col=1,
    )
    # For the legend alone: a point outside of the axes.
    for color, name in zip(colors[1:], ("sees the prompt", "sees its own response"), strict=True):
        mark = {"size": 11, "color": color, "symbol": "square"}
        f.add_scatter(x=[-9], y=[-9], mode="markers", marker=mark, name=name, row=1, col=1)
    used = np.arange(WIDEST) < a["length"]
    mark = {"size": 6, "color": np.where(used, theme.PURPLE, "rgba(0,0,0,0)").tolist()}
    f.add_scatter(
        x=np.arange(WIDEST), y=a["positions"], mode="markers", marker=mark, name="position", row=2, col=1
    )
    f.update_xaxes(range=[-0.5, WIDEST - 0.5], zeroline=False)
    f.update_xaxes(title_text="column of the row = token that is looked at", row=2, col=1)
    f.update_yaxes(range=[WIDEST - 0.5, -0.5], zeroline=False, title_text="token that looks", row=1, col=1)
    f.update_yaxes(range=[-1, 16], title_text="position", row=2, col=1)
    return f.update_layout(template=theme.TEMPLATE, height=640, title={"text": "Who sees whom"}, **_BELOW)


def row_say(a: dict) -> str:
    """Tokens of the row against those of K rows."""
    k, prompt, response = a["sizes"]
    return (
        f"{a['length']} tokens = P + K·C = {prompt} + {k}·{response}; one row a response: "
        f"{k * (prompt + response)}. Every response begins at position {prompt}."
    )


# What layouts cost


def tokens_of(k, prompt: int, response: int) -> dict[str, np.ndarray]:
    """Tokens in one pass over a group of k responses of equal length, for three layouts."""
    k = np.asarray(k)
    return {
        "packed: P + K C": prompt + k * response,
        "a row a response: K (P + C)": k * (prompt + response),
        "a row a side of a pair: K (K-1) (P + C)": k * (k - 1) * (prompt + response),
    }


def cost_compute(k: int, prompt: int, response: int) -> dict:
    """Tokens for K = 2..9, and at this k."""
    ks = np.arange(2, 10)
    here = tokens_of(k, prompt, response)
    return {
        "k": ks,
        "curves": tokens_of(ks, prompt, response),
        "here": (k, here),
        "sizes": (prompt, response),
    }


def cost_draw(a: dict) -> go.Figure:
    """One curve a layout on a logarithmic axis, the chosen K marked."""
    f = theme.figure(
        "responses K",
        "tokens for one prompt",
        x_range=(1.7, 9.3),
        y_range=(1.5, 6),
        title="What a prompt costs",
    )
    for index, (name, tokens) in enumerate(a["curves"].items()):
        f.add_trace(theme.line(a["k"], tokens, name, index))
    k, here = a["here"]
    mark = {"size": 11, "color": list(theme.PALETTE[:3])}
    f.add_scatter(x=[k] * 3, y=list(here.values()), mode="markers", marker=mark, showlegend=False)
    f.update_yaxes(type="log", dtick=1)
    return f.update_layout(height=480, **_BELOW)


def cost_say(a: dict) -> str:
    """The three numbers, their ratios, and what a dense mask costs in attention."""
    k, here = a["here"]
    packed, rows, pairs = (int(n) for n in here.values())
    prompt, response = a["sizes"]
    dense, plain = packed**2, k * (prompt + response) ** 2
    return (
        f"K = {k}: packed {packed:,} tokens, rows {rows:,} ({rows / packed:.1f} times), "
        f"pairs {pairs:,} ({pairs / packed:.1f} times). Cells of attention, dense mask: packed / rows = "
        f"{dense / plain:.2f}."
    )


# How groups should weigh


def covariance_ratio(k):
    """(K + 1) / 3: variance of a ranking's gradient over that of as many independent pairs."""
    return (np.asarray(k) + 1) / 3


def efficiency(weight: np.ndarray, k: np.ndarray, differ: float) -> float:
    """Precision of the estimate with these weights of a pair, in independent pairs of information.

    weight, k (G,): one entry a group. Godambe's (1960) sandwich: (sum a H)^2 / sum a^2 J, with H = C(K,2) and
    J = C(K,2) (K+1)/3 + differ C(K,2)^2.
    """
    h = k * (k - 1) / 2
    j = h * covariance_ratio(k) + differ * h**2
    return float((weight * h).sum() ** 2 / (weight**2 * j).sum())


def weights_compute(most: int, differ: float) -> dict:
    """Weights of a group by K, and the efficiency of two habits against the best, for K uniform on 2..most.

    differ: log10 of how much prompts differ, in units of one pair's noise.
    """
    k = np.arange(2, most + 1)
    pairs = k * (k - 1) / 2
    grid = np.linspace(-3, 1, 81)

    def habits(d: float) -> list[float]:
        best = 1 / (covariance_ratio(k) + 10**d * pairs)
        most_precise = efficiency(best, k, 10**d)
        return [efficiency(w, k, 10**d) / most_precise for w in (np.ones(len(k)), 1 / pairs)]

    all_k = np.arange(2, 10)
    all_pairs = all_k * (all_k - 1) / 2
    best = all_pairs / (covariance_ratio(all_k) + 10**differ * all_pairs)
    return {
        "k": all_k,
        "pair": all_pairs,
        "group": np.ones(len(all_k)),
        "best": best / best[0],
        "grid": grid,
        "curves": np.array([habits(d) for d in grid]).T,
        "here": (differ, habits(differ)),
        "most": most,
    }


def weights_draw(a: dict) -> go.Figure:
    """Above: how much a whole group weighs. Below: how much of the data each habit uses."""
    f = make_subplots(rows=2, cols=1, vertical_spacing=0.2)
    for index, (key, name) in enumerate({"pair": "per pair", "group": "per group"}.items()):
        f.add_trace(theme.line(a["k"], a[key], name, index), row=1, col=1)
        f.add_trace(theme.line(a["grid"], a["curves"][index], name, index, showlegend=False), row=2, col=1)
    f.add_trace(theme.line(a["k"], a["best"], "best", 2), row=1, col=1)
    differ, here = a["here"]
    mark = {"size": 11, "color": list(theme.PALETTE[:2])}
    f.add_scatter(x=[differ] * 2, y=here, mode="markers", marker=mark, showlegend=False, row=2, col=1)
    f.update_xaxes(range=[1.7, 9.3], title_text="responses K", row=1, col=1)
    ticks = [1, 2, 5, 10, 20, 50]
    f.update_yaxes(
        type="log", range=[-0.1, 1.7], tickvals=ticks, title_text="weight of a group", row=1, col=1
    )
    f.update_xaxes(range=[-3.1, 1.1], title_text="log10 of how much prompts differ", row=2, col=1)
    f.update_yaxes(range=[0, 1.05], title_text="share of data used", row=2, col=1)
    return f.update_layout(
        template=theme.TEMPLATE, height=600, title={"text": "How should groups weigh?"}, **_BELOW
    )


def weights_say(a: dict) -> str:
    """Both habits as a share of the best."""
    differ, (pair, group) = a["here"]
    return (
        f"K from 2 to {a['most']}, prompts differ by {10**differ:.3g}: weighing per pair uses {pair:.0%} of "
        f"the data, per group {group:.0%}."
    )


# Measurements


def differences_draw(found: dict[str, dict[str, dict[str, list]]]) -> go.Figure:
    """found: {optimizer: {what: {schedule: one Interval an epoch}}}, each the difference from whole groups,
    one prompt a step. A column an optimizer, a row a quantity, a line a schedule; zero: no difference.
    """
    columns, rows = list(found), list(next(iter(found.values())))
    f = make_subplots(
        rows=len(rows),
        cols=len(columns),
        shared_xaxes=True,
        shared_yaxes=True,
        vertical_spacing=0.12,
        subplot_titles=[f"{column}:<br>{row}" for row in rows for column in columns],
    )
    f.update_annotations(font_size=13)
    for place, (column, row) in enumerate((c, r) for r in rows for c in columns):
        where = {"row": place // len(columns) + 1, "col": place % len(columns) + 1}
        for index, (schedule, each) in enumerate(found[column][row].items()):
            mean, low, high = np.transpose(each)
            epochs = np.arange(1, len(mean) + 1) + 0.06 * (2 * index - 1)
            curve = theme.line(epochs, mean, schedule, index + 1, showlegend=place == 0)
            bars = {"array": high - mean, "arrayminus": mean - low, "thickness": 1.5}
            f.add_trace(curve.update(mode="lines+markers", error_y=bars), **where)
    f.update_xaxes(tickvals=np.arange(1, len(mean) + 1), range=[0.7, len(mean) + 0.3])
    f.update_xaxes(title_text="epoch", row=len(rows))
    f.update_yaxes(title_text="nats", col=1)
    for number, row in enumerate(rows, 1):  # one range for both optimizers, with room at the ends
        ends = [end for column in columns for each in found[column][row].values() for i in each for end in i]
        low, high = min(0, *ends), max(0, *ends)
        f.update_yaxes(range=[low - 0.08 * (high - low), high + 0.08 * (high - low)], row=number)
    return f.update_layout(
        template=theme.TEMPLATE,
        height=560,
        title={"text": "Difference from whole groups, one prompt a step"},
        **{**_BELOW, "margin": {**_BELOW["margin"], "t": 90}},
    )


def random_gradients(k: int) -> tuple[np.ndarray, np.ndarray]:
    """(J, H) of the summed pair loss of a ranking at equal rewards, by going through all K! rankings."""
    ranks = np.array(list(permutations(range(1, k + 1))))
    gradients = (2 * ranks - k - 1) / 2  # (lost - won) / 2
    rewards = torch.zeros(k, dtype=torch.float64)
    winner, loser = torch.triu_indices(k, k, offset=1)

    def summed(r: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.softplus(r[loser] - r[winner]).sum()

    hessian = torch.autograd.functional.hessian(summed, rewards).numpy()
    return gradients.T @ gradients / len(gradients), hessian
