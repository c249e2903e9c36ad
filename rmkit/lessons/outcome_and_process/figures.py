"""Lesson 09's pictures: one solution read four ways, found errors, best-of-n, farming, provers."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from scipy.special import expit

from rmkit.evaluation.best_of import best_of_n
from rmkit.lessons.outcome_and_process.chains import Chains
from rmkit.lessons.outcome_and_process.heads import RULES, pressed
from rmkit.notebook import theme
from rmkit.theory import progress

# --- one solution, four readings ----------------------------------------------------------------------------

LONGEST = 8  # steps that the figure has room for


def readings_compute(solution: int, *, chains: Chains, readings: Mapping[str, np.ndarray]) -> dict:
    """The numbers that each head gives to each step of one solution, NaN where there is no step.

    readings: {name: (N, S) numbers between -1 and 1}.
    """
    rows = {name: np.full(LONGEST, np.nan) for name in readings}
    steps = min(LONGEST, int(chains.size[solution]))
    for name, numbers in readings.items():
        rows[name][:steps] = numbers[solution, :steps]
    wrong = np.full(LONGEST, np.nan)
    wrong[:steps] = np.where(chains.labels[solution, :steps] == 0, -1.0, np.nan)
    return {
        "rows": rows,
        "wrong": wrong,
        "text": chains.text[solution][:steps],
        "labels": chains.labels[solution, :steps],
        "correct": bool(chains.correct[solution]),
    }


def readings_draw(a: dict) -> go.Figure:
    """A line for each head over the steps; crosses at the bottom mark the steps that are wrong."""
    title = "One solution, read four ways"
    f = theme.figure("step", "reading", x_range=(0.5, LONGEST + 0.5), y_range=(-1.1, 1.1), title=title)
    place = np.arange(1, LONGEST + 1)
    for number, (name, row) in enumerate(a["rows"].items()):
        look = theme.line(place, row, name, number)
        f.add_trace(look.update(mode="lines+markers", marker={"size": 9, "symbol": number}))
    mark = {"size": 14, "symbol": "x", "color": theme.VERMILLION}
    f.add_scatter(x=place, y=a["wrong"], mode="markers", marker=mark, name="a wrong step")
    return f.update_xaxes(dtick=1)


def readings_say(a: dict) -> str:
    """The steps, each with its label, and whether the result is right."""
    told = [
        f"{i}. {text} [{'right' if label else 'WRONG'}]"
        for i, (text, label) in enumerate(zip(a["text"], a["labels"], strict=True), 1)
    ]
    return " ".join(told) + f" The result is {'right' if a['correct'] else 'wrong'}."


# --- results with intervals ---------------------------------------------------------------------------------


def dots_draw(
    intervals: Mapping[str, tuple], *, axis: str, title: str, y_range: tuple[float, float]
) -> go.Figure:
    """A mark with its interval for each {name: (mean, low, high)}."""
    names = list(intervals)
    mean, low, high = (np.array(part) for part in zip(*intervals.values(), strict=True))
    f = theme.figure("", axis, x_range=(-0.6, len(names) - 0.4), y_range=y_range, title=title)
    bars = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low}
    f.add_scatter(
        x=list(range(len(names))), y=mean, error_y=bars, mode="markers", marker={"size": 11}, showlegend=False
    )
    return f.update_xaxes(tickvals=list(range(len(names))), ticktext=names, zeroline=False)


# --- best of n ----------------------------------------------------------------------------------------------

WANTED = ("a right result", "a right result by right steps")


def best_compute(
    rule: str,
    wanted: str,
    *,
    z: np.ndarray,
    whole: np.ndarray,
    places: np.ndarray,
    chains: Chains,
    vote: Mapping[str, float],
) -> dict:
    """Best-of-n curves, in percent, over prompts.

    rule: how the process head's steps become one number.   wanted: what counts as good (`WANTED`).
    z (N, S): the process head's step rewards; whole (N,): the outcome head's; places (P, n): `grouped`.
    vote: {wanted: the share that the majority of all n gets}. "both" is the product of the two chances.
    """
    good = (chains.correct if wanted == WANTED[0] else chains.sound)[places].astype(float)
    by_steps = RULES[rule](expit(z))
    scores = {"process": by_steps, "outcome": whole, "both": by_steps * expit(whole)}
    curves = {name: 100 * best_of_n(each[places], good).mean(0) for name, each in scores.items()}
    curves["possible"] = 100 * best_of_n(good, good).mean(0)
    return {"curves": curves, "vote": 100 * vote[wanted], "wanted": wanted}


def best_draw(a: dict) -> go.Figure:
    """Curves against n; the majority vote of all n is the mark at the end."""
    n = np.arange(1, len(a["curves"]["process"]) + 1)
    f = theme.figure(
        "n solutions to choose from",
        "chosen ones that are good, %",
        x_range=(0.8, len(n) + 0.4),
        y_range=(0, 102),
        title="Best of n",
    )
    for number, (name, curve) in enumerate(a["curves"].items()):
        f.add_trace(theme.line(n, curve, name, number))
    mark = {"size": 12, "symbol": "diamond", "color": theme.AMBER}
    f.add_scatter(x=[n[-1]], y=[a["vote"]], mode="markers", marker=mark, name="majority vote")
    return f.update_xaxes(dtick=1)


def best_say(a: dict) -> str:
    """What the end of each curve says."""
    ends = ", ".join(f"{name} {curve[-1]:.0f} %" for name, curve in a["curves"].items())
    most = len(a["curves"]["process"])
    return f"Wanted: {a['wanted']}. Best of {most}: {ends}; majority vote {a['vote']:.0f} %."


# --- farming ------------------------------------------------------------------------------------------------


def farm_compute(pressure: float, *, returns: Mapping[str, np.ndarray]) -> dict:
    """What the pressed policy does under each credit: the chance of k repeats, and their mean number."""
    policies = {name: pressed(row, pressure) for name, row in returns.items()}
    return {"policies": policies, "mean": {n: float(p @ np.arange(len(p))) for n, p in policies.items()}}


def farm_draw(a: dict) -> go.Figure:
    """A line for each credit: how likely the policy repeats a step k times."""
    repeats = len(next(iter(a["policies"].values())))
    f = theme.figure(
        "times that a good step is said again",
        "probability",
        x_range=(-0.2, repeats - 0.8),
        y_range=(0, 1.02),
        title="What the reward makes of the policy",
    )
    for number, (name, p) in enumerate(a["policies"].items()):
        look = theme.line(np.arange(repeats), p, name, number)
        f.add_trace(look.update(mode="lines+markers", marker={"size": 8, "symbol": number}))
    return f.update_xaxes(dtick=1)


def farm_say(a: dict) -> str:
    """The mean number of repeats under each credit."""
    return "Repeats on average: " + ", ".join(f"{name} {k:.2f}" for name, k in a["mean"].items()) + "."


# --- provers ------------------------------------------------------------------------------------------------


def prover(skill: float) -> np.ndarray:
    """(2, 2) chances of a prover between sound (0) and broken (1); skill in [0, 1].

    A more skilled prover slips less, e = (1 - skill) / 2, and repairs more of what it finds, c = skill^2.
    """
    slips, repairs = (1 - skill) / 2, skill**2
    return np.array([[1 - slips, slips], [repairs, 1 - repairs]])


def prover_compute(skill: float, left: int) -> dict:
    """Progress of a right and of a wrong step, against the skill of the prover, with `left` steps left."""
    skills = np.linspace(0, 1, 51)
    every = np.stack([progress.progress(prover(s), [1.0, 0.0], int(left))[0] for s in skills])
    mine = progress.progress(prover(skill), [1.0, 0.0], int(left))[0]
    return {"skills": skills, "every": every, "skill": skill, "mine": mine}


def prover_draw(a: dict) -> go.Figure:
    """Two curves and the place of the slider."""
    f = theme.figure(
        "skill of the prover",
        "progress",
        x_range=(0, 1),
        y_range=(-1.05, 0.6),
        title="Progress of a step, under another prover",
    )
    for number, name in enumerate(("a right step", "a wrong step")):
        f.add_trace(theme.line(a["skills"], a["every"][:, number], name, number))
    mark = {"size": 12, "color": [theme.BLUE, theme.VERMILLION]}
    f.add_scatter(x=[a["skill"]] * 2, y=a["mine"], mode="markers", marker=mark, showlegend=False)
    return f


def prover_say(a: dict) -> str:
    """How far apart the two are."""
    right, wrong = a["mine"]
    return f"right step {right:+.3f}, wrong step {wrong:+.3f}: {right - wrong:.3f} apart."


# --- Monte-Carlo labels -------------------------------------------------------------------------------------


def rollouts_draw(called: Mapping[str, np.ndarray], title: str) -> go.Figure:
    """Share of steps that hard Monte-Carlo labels call right, {kind of step: (n,)}, against rollouts."""
    n = len(next(iter(called.values())))
    f = theme.figure(
        "rollouts for each step",
        "labeled right, %",
        x_range=(0.8, n + 0.2),
        y_range=(0, 101),
        title=title,
    )
    for number, (name, row) in enumerate(called.items()):
        f.add_trace(theme.line(np.arange(1, n + 1), 100 * row, name, number))
    return f.update_xaxes(dtick=1)
