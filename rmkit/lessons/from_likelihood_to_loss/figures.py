"""Lesson 02: the likelihood of votes, the loss with its slope and its floor, and where arithmetic breaks.

Throughout, d is the gap r(chosen) - r(rejected) and sigma the logistic function.
"""

from collections.abc import Callable, Mapping

import numpy as np
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots

from rmkit.notebook import theme

_GRID = np.linspace(-6, 6, 241)
# A legend of many entries goes below: above, it would run into the title on a narrow page.
_BELOW = {
    "legend": {"yref": "container", "y": 0, "yanchor": "bottom"},
    "margin": {"l": 60, "r": 20, "t": 45, "b": 125},
}


def sigma(d):
    """1 / (1 + exp(-d)), without overflow."""
    return np.exp(-np.logaddexp(0, -np.asarray(d, dtype=float)))


def entropy(p: float) -> float:
    """H(p) in nats of a vote that goes one way with probability p; 0 where the outcome is certain."""
    return float(sum(-q * np.log(q) for q in (p, 1 - p) if q > 0))


# Votes: the likelihood of a gap


def votes_compute(wins: int, losses: int) -> dict:
    """Likelihood (its highest point set to 1) and loss per vote of every gap, after `wins` : `losses`."""
    log_likelihood = -wins * np.logaddexp(0, -_GRID) - losses * np.logaddexp(0, _GRID)
    decided = wins > 0 and losses > 0
    best = np.log(wins / losses) if decided else np.sign(wins - losses) * _GRID[-1]
    top = -wins * np.logaddexp(0, -best) - losses * np.logaddexp(0, best)
    total = wins + losses
    return {
        "d": _GRID,
        "likelihood": np.exp(log_likelihood - top),
        "loss": -log_likelihood / total,
        "best": [float(best)],
        "lowest": [-top / total],
        "decided": decided,
        "votes": (wins, losses),
    }


def votes_draw(a: dict) -> go.Figure:
    """Likelihood and loss per vote over the gap, the best gap marked on both."""
    f = theme.figure("gap d", "", x_range=(-6, 6), y_range=(0, 2), title="Which gap explains the votes best?")
    f.add_trace(theme.line(a["d"], a["likelihood"], "likelihood, highest = 1", 0))
    f.add_trace(theme.line(a["d"], a["loss"], "loss per vote", 1))
    mark = {"size": 11, "color": theme.PALETTE[:2], "symbol": ["circle", "diamond"]}
    f.add_scatter(
        x=a["best"] * 2, y=[1.0, *a["lowest"]], mode="markers", marker=mark, name="best gap", showlegend=False
    )
    return f


def votes_say(a: dict) -> str:
    """The best gap and the loss there."""
    wins, lost = a["votes"]
    if not a["decided"]:
        return f"{wins} : {lost}. No finite gap is best: every larger one explains the votes better still."
    best, low = a["best"][0], a["lowest"][0]
    share = wins / (wins + lost)
    return (
        f"{wins} : {lost}. Best gap log({wins}/{lost}) = {best:.3f}, sigma of it {share:.3f}; loss {low:.3f}."
    )


# The loss, its slope and its floor


def surprise_compute(gap: float, flip: float) -> dict:
    """Expected loss, probability and slope over the gap when a share `flip` of the labels is wrong.

    L(d) = (1 - flip) softplus(-d) + flip softplus(d);  L'(d) = sigma(d) - (1 - flip);  min L = H(flip).
    """
    expected = (1 - flip) * np.logaddexp(0, -_GRID) + flip * np.logaddexp(0, _GRID)
    here = (1 - flip) * np.logaddexp(0, -gap) + flip * np.logaddexp(0, gap)
    slope = float(sigma(gap)) - (1 - flip)
    reach = np.array([-1.5, 1.5])
    return {
        "d": _GRID,
        "loss": expected,
        "clean": np.logaddexp(0, -_GRID),
        "floor": entropy(flip),
        "tangent": (gap + reach, here + slope * reach),
        "p": sigma(_GRID),
        "slope": sigma(_GRID) - (1 - flip),
        "here": (gap, here, float(sigma(gap)), slope),
        "flip": flip,
    }


def surprise_draw(a: dict) -> go.Figure:
    """Above: loss, floor and tangent. Below: the probability that the model gives, and the slope."""
    f = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07, row_heights=[0.58, 0.42])
    gap, loss, p, slope = a["here"]
    f.add_trace(theme.line(a["d"], a["loss"], "expected loss", 0), row=1, col=1)
    f.add_trace(theme.line(a["d"], a["clean"], "loss, labels all right", 5), row=1, col=1)
    f.add_trace(theme.line([-6, 6], [a["floor"]] * 2, "noise floor", 2), row=1, col=1)
    f.add_trace(theme.line(*a["tangent"], "slope here", 1), row=1, col=1)
    f.add_trace(theme.line(a["d"], a["p"], "probability σ(d)", 3), row=2, col=1)
    f.add_trace(theme.line(a["d"], a["slope"], "slope of the loss", 1), row=2, col=1)
    dot = {"size": 11, "color": theme.VERMILLION}
    f.add_scatter(x=[gap], y=[loss], mode="markers", marker=dot, showlegend=False, row=1, col=1)
    dots = {"size": 11, "color": [theme.PURPLE, theme.VERMILLION]}
    f.add_scatter(x=[gap] * 2, y=[p, slope], mode="markers", marker=dots, showlegend=False, row=2, col=1)
    f.update_xaxes(range=[-6, 6])
    f.update_xaxes(title_text="gap d", row=2, col=1)
    f.update_yaxes(range=[0, 4], title_text="loss", row=1, col=1)
    f.update_yaxes(range=[-1.1, 1.1], title_text="probability, slope", row=2, col=1)
    f.update_layout(
        template=theme.TEMPLATE, height=600, title={"text": "How surprised was the model?"}, **_BELOW
    )
    return f


def surprise_say(a: dict) -> str:
    """Probability, loss, slope and where the slope is zero."""
    gap, loss, p, slope = a["here"]
    flip = a["flip"]
    rest = (
        f"lowest at d = {np.log((1 - flip) / flip):.2f}"
        if flip > 0
        else "lowest nowhere: it always wants more"
    )
    return (
        f"d = {gap:.1f}: the model gives the chosen response {p:.3f}. Loss {loss:.3f}, slope {slope:+.3f}. "
        f"Floor {a['floor']:.3f}, {rest}."
    )


# Where arithmetic breaks

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
VERDICTS = ("right", "loss off by more than 5 %", "gradient off by more than 5 %", "infinite or NaN")
_LETTERS = np.array(["", "L", "G", "×"])


def value_and_slope(form: Callable, gaps, dtype: torch.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Loss and its gradient at each gap, computed in `dtype` by autograd, returned as float64."""
    d = torch.tensor(np.asarray(gaps), dtype=dtype, requires_grad=True)
    value = form(d)
    (slope,) = torch.autograd.grad(value.sum(), d)
    return value.detach().double().numpy(), slope.double().numpy()


def breakage_compute(gaps, forms: Mapping[str, Callable]) -> dict:
    """A verdict (index into VERDICTS) for every form of the loss, dtype and gap.

    The truth is the float64 value rounded to the dtype, so that nothing is asked of a dtype that it cannot
    hold. A number passes within 5 % of it, or within two of the dtype's smallest steps.
    """
    gaps = np.asarray(gaps, dtype=float)
    loss, slope = np.logaddexp(0, -gaps), -sigma(-gaps)
    rows, names = [], []
    for dtype_name, dtype in DTYPES.items():
        for form_name, form in forms.items():
            got_loss, got_slope = value_and_slope(form, gaps, dtype)
            verdict = np.where(_near(got_slope, slope, dtype), 0, 2)
            verdict = np.where(_near(got_loss, loss, dtype), verdict, np.maximum(verdict, 1))
            broken = ~np.isfinite(got_loss) | ~np.isfinite(got_slope)
            rows.append(np.where(broken, 3, verdict))
            names.append(f"{dtype_name}: {form_name}")
    return {"gaps": gaps, "names": names, "verdicts": np.array(rows)}


def _near(got: np.ndarray, truth: np.ndarray, dtype: torch.dtype) -> np.ndarray:
    rounded = torch.tensor(truth).to(dtype).double().numpy()
    step = 2 * torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    with np.errstate(invalid="ignore"):
        return np.abs(got - rounded) <= 0.05 * np.abs(rounded) + step


def breakage_draw(a: dict) -> go.Figure:
    """A map: one row for each dtype and form, one column for each gap; a letter beside the color."""
    colors = ["rgba(128,128,128,0.12)", theme.AMBER, theme.PURPLE, theme.VERMILLION]
    scale = [[edge / 4, color] for k, color in enumerate(colors) for edge in (k, k + 1)]
    f = theme.figure("gap d", "", x_range=(-124, 124), y_range=None, title="Where each form breaks")
    f.add_heatmap(
        x=a["gaps"],
        y=a["names"],
        z=a["verdicts"],
        zmin=-0.5,
        zmax=3.5,
        colorscale=scale,
        text=_LETTERS[a["verdicts"]],
        texttemplate="%{text}",
        customdata=np.array(VERDICTS)[a["verdicts"]],
        hovertemplate="%{y}, d = %{x}: %{customdata}<extra></extra>",
        showscale=False,
        xgap=1,
        ygap=1,
    )
    for color, letter, verdict in zip(colors[1:], _LETTERS[1:], VERDICTS[1:], strict=True):
        mark = {"size": 11, "color": color, "symbol": "square"}
        f.add_scatter(x=[None], y=[a["names"][0]], mode="markers", marker=mark, name=f"{letter}: {verdict}")
    f.update_yaxes(autorange="reversed", tickfont={"family": "monospace", "size": 12})
    return f.update_layout(height=500, **_BELOW)


# Training and test loss around the floor


def floor_draw(sizes, train, test, floor: float) -> go.Figure:
    """Training and test loss against the number of votes, each (S seeds, N sizes), around the noise floor."""
    f = theme.figure(
        "votes in the training set",
        "loss",
        x_range=tuple(np.log10([sizes[0] * 0.85, sizes[-1] * 1.18])),
        y_range=(floor - 0.06, floor + 0.06),
        title="Two ways to miss the floor",
    )
    for index, (name, losses) in enumerate({"test": test, "training": train}.items()):
        mean, error = losses.mean(0), 1.96 * losses.std(0, ddof=1) / np.sqrt(len(losses))
        f.add_trace(theme.band(list(sizes), list(mean - error), list(mean + error), index))
        f.add_trace(theme.line(list(sizes), mean, name, index))
    f.add_trace(theme.line([sizes[0], sizes[-1]], [floor, floor], "noise floor", 2))
    return f.update_xaxes(type="log", tickvals=list(sizes))
