"""Lesson 15's figures: what so many prompts can tell, candidates beside rules, what an engine shows."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import torch
from scipy import special

from rmkit.notebook import theme
from rmkit.theory.intervals import credit

LEADS = np.linspace(0.0, 0.2, 81)  # true leads over a rule, as shares
REACH = 8.0  # rewards drawn lie between -REACH and REACH
ACTIVATIONS = {
    "none": lambda r: r,
    "sigmoid": torch.sigmoid,
    "softmax of one": lambda r: torch.softmax(r[..., None], -1)[..., 0],
}
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}

# --- what so many prompts can tell --------------------------------------------------------------------------


def error_of(lead, prompts: int, pairs: int, alike: float, differ: float) -> np.ndarray:
    """Standard error of the lead of one scorer over another, measured on the same pairs.

    On a share `differ` of the pairs exactly one of the two is right, so a pair's difference has variance
    differ - lead**2; `pairs` of one prompt correlate by `alike` (the design effect of Kish 1965).
    """
    variance = np.maximum(differ - np.asarray(lead) ** 2, 0.0)
    return np.sqrt(variance * (1 + (pairs - 1) * alike) / (prompts * pairs))


def design_compute(prompts: int, pairs: int, alike: float, differ: float = 0.4) -> dict:
    """Power of a two-sided test at 5 % for each lead of LEADS, and the lead that is seen with power 0.8."""
    normal = special.ndtri(0.975)
    z = LEADS / error_of(LEADS, prompts, pairs, alike, differ)
    power = special.ndtr(z - normal) + special.ndtr(-z - normal)
    seen = float(np.interp(0.8, power, LEADS)) if power[-1] >= 0.8 else float("nan")
    worth = pairs / (1 + (pairs - 1) * alike)
    return {"lead": 100 * LEADS, "power": power, "seen": 100 * seen, "worth": worth * prompts}


def design_draw(arrays: Mapping) -> go.Figure:
    """Power against the true lead; the dashed line is 0.8, the diamond the lead that is seen with it."""
    f = theme.figure(
        "true lead over the rule, points",
        "chance that it is seen",
        x_range=(0, 20),
        y_range=(0, 1.03),
        title="What can this many prompts tell?",
    )
    f.add_trace(theme.line(arrays["lead"], arrays["power"], "power"))
    f.add_trace(theme.line([0, 20], [0.8, 0.8], "0.8", 1))
    mark = {"size": 12, "symbol": "diamond", "color": theme.BLUE}
    f.add_trace(
        go.Scatter(x=[arrays["seen"]], y=[0.8], mode="markers", marker=mark, name="seen four times in five")
    )
    return f


def design_say(arrays: Mapping) -> str:
    """The least lead that is seen, and how many independent pairs these are worth."""
    seen = "no lead up to 20 points" if np.isnan(arrays["seen"]) else f"a lead of {arrays['seen']:.1f} points"
    return f"worth {arrays['worth']:,.0f} independent pairs: {seen} is seen with power 0.8"


# --- the candidates beside the rules ------------------------------------------------------------------------


def candidates_draw(rows: Sequence[tuple[str, float, float, float]], rules: int) -> go.Figure:
    """A point with its interval for each (name, accuracy, low, high); the first `rules` know nothing."""
    names = [name for name, *_ in rows]
    least = min(0.3, *(low - 0.02 for _, _, low, _ in rows))
    f = theme.figure("accuracy on the same test pairs", "", x_range=(least, 1.0), y_range=None)
    for part, name, color, symbol in (
        (rows[:rules], "knows nothing", theme.GREY, "square"),
        (rows[rules:], "learned", theme.BLUE, "circle"),
    ):
        middle = [value for _, value, *_ in part]
        up, down = ([abs(ends[i] - ends[1]) for ends in part] for i in (3, 2))
        bars = {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": color}
        mark = {"size": 11, "symbol": symbol, "color": color}
        f.add_trace(
            go.Scatter(
                x=middle, y=[each[0] for each in part], mode="markers", marker=mark, error_x=bars, name=name
            )
        )
    f.update_yaxes(categoryorder="array", categoryarray=names[::-1])
    return f.update_xaxes(tickformat=".0%")


# --- what an engine shows -----------------------------------------------------------------------------------


def served(rewards: np.ndarray, activation: str, precision: str) -> np.ndarray:
    """What an engine answers for these rewards: computed in a precision, then put through an activation."""
    values = torch.as_tensor(np.asarray(rewards), dtype=torch.float32).to(PRECISIONS[precision])
    return ACTIVATIONS[activation](values).to(torch.float64).numpy()


def served_compute(activation: str, precision: str, shift: float, rewards: np.ndarray) -> dict:
    """rewards (P, 2), the preferred answer first; `shift` is added to all, which changes no preference."""
    moved = np.asarray(rewards, dtype=np.float64) + shift
    shown = served(moved, activation, precision)
    gaps, before = shown[:, 0] - shown[:, 1], moved[:, 0] - moved[:, 1]
    return {
        "reward": moved.ravel(),
        "served": shown.ravel(),
        "agreement": float(credit(gaps).mean()),
        "before": float(credit(before).mean()),
        "tied": float(((gaps == 0) & (before != 0)).mean()),
    }


def served_draw(arrays: Mapping) -> go.Figure:
    """What comes back against the reward: one point an answer."""
    f = theme.figure(
        "the model's reward",
        "what the engine answers",
        x_range=(-2 * REACH, 2 * REACH),
        y_range=(-REACH, REACH),
        title="Is a score still a score?",
    )
    mark = {"size": 6, "color": theme.BLUE, "opacity": 0.6}
    f.add_trace(
        go.Scatter(x=arrays["reward"], y=arrays["served"], mode="markers", marker=mark, name="answers")
    )
    ends = [-REACH, REACH]
    f.add_trace(theme.line(ends, ends, "the same number", 1))
    return f


def served_say(arrays: Mapping) -> str:
    """How many pairs can no longer be told apart, and what that costs."""
    return (
        f"{arrays['tied']:.1%} of the pairs are tied by serving; agreement {arrays['before']:.1%} "
        f"becomes {arrays['agreement']:.1%}"
    )
