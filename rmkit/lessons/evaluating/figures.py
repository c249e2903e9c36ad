"""Lesson 10's pictures: intervals that cover, one against many, numbers against fates, a flat teacher."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy import special, stats

from rmkit.evaluation.pool_policy import policy_gradient
from rmkit.notebook import theme
from rmkit.notebook.reliability import reliability_figure
from rmkit.theory import statistics
from rmkit.theory.intervals import Interval, wilson

# --- do intervals cover? ------------------------------------------------------------------------------------

TRUTH = 0.72  # accuracy of the simulated model
PROMPTS = (5, 10, 20, 40, 80)
RULES = ("pairs, p ± 2 standard errors", "pairs, Wilson", "prompts, accuracy_interval")


def simulated(
    prompts: int, each: int, alike: float, rng: np.random.Generator, truth: float = TRUTH
) -> np.ndarray:
    """(prompts, each) right or wrong; two pairs of one prompt correlate by `alike`, 0 to below 1.

    Every prompt has its own accuracy, drawn from a beta distribution of mean `truth`.
    """
    own = np.full(prompts, truth)
    if alike > 0:
        size = 1 / alike - 1
        own = rng.beta(truth * size, (1 - truth) * size, size=prompts)
    return rng.random((prompts, each)) < own[:, None]


def covered(
    prompts: int, each: int, alike: float, runs: int, seed: int = 0, truth: float = TRUTH
) -> np.ndarray:
    """(runs, 3) bool: does the interval of each of RULES hold the truth?"""
    rng, z = np.random.default_rng([seed, prompts, each]), special.ndtri(0.975)
    clusters, inside = np.repeat(np.arange(prompts), each), []
    for _ in range(runs):
        right = simulated(prompts, each, alike, rng, truth).astype(float).ravel()
        p, n = right.mean(), right.size
        half = z * np.sqrt(p * (1 - p) / n)
        ends = [(p - half, p + half), wilson(p, n, z), statistics.accuracy_interval(right, clusters)]
        inside.append([low <= truth <= high for low, high in ends])
    return np.array(inside)


def coverage_compute(each: int, alike: float, *, runs: int = 60) -> dict:
    """Coverage of three intervals against the number of prompts."""
    found = np.array([covered(prompts, each, alike, runs).mean(0) for prompts in PROMPTS])
    return {"coverage": found.T, "effect": 1 + (each - 1) * alike, "each": each}


def coverage_draw(a: dict) -> go.Figure:
    """A line for each rule, on the nominal 95 %."""
    f = theme.figure(
        "prompts", "intervals that hold the truth", x_range=(-0.2, 4.2), y_range=(0.25, 1.02),
        title="Nominal 95 %: how often is it true?",
    )  # fmt: skip
    x = list(range(len(PROMPTS)))
    for number, name in enumerate(RULES):
        f.add_trace(theme.line(x, a["coverage"][number], name, number))
    f.add_trace(theme.line(x, [0.95] * len(x), "promised", 5))
    return f.update_xaxes(tickvals=x, ticktext=[str(n) for n in PROMPTS], zeroline=False)


def coverage_say(a: dict) -> str:
    """How much a pair of these is worth."""
    pairs, ours = a["coverage"][1][1], a["coverage"][2][1]
    return (
        f"100 pairs are worth {100 / a['effect']:.0f} independent ones. With 10 prompts and "
        f"{10 * a['each']} pairs, Wilson's interval over pairs holds the truth in {pairs:.0%} of the runs, "
        f"that over prompts in {ours:.0%}."
    )


# --- one against many ---------------------------------------------------------------------------------------

RIVALS = np.array([1, 2, 3, 5, 7, 9, 15, 31, 63])
_NODES, _WEIGHTS = special.roots_hermitenorm(80)


def beats_all(accuracy: float, rivals: np.ndarray, unequal: float = 0.0) -> np.ndarray:
    """P(the right answer's reward is above those of all rivals), where that against one rival is `accuracy`.

    A wrong answer's reward is N(0, 1), the right one's N(s, 1); s differs from prompt to prompt with the
    deviation `unequal`, so that some prompts are easy and others hopeless.
    """
    skill = np.sqrt(2 + unequal**2) * special.ndtri(accuracy)
    x = skill + np.sqrt(1 + unequal**2) * _NODES
    return (_WEIGHTS * special.ndtr(x) ** np.asarray(rivals)[:, None]).sum(1) / _WEIGHTS.sum()


def many_compute(accuracy: float, unequal: float) -> dict:
    """One model's chance against 1 to 63 wrong answers, beside three rules of thumb."""
    return {
        "model": beats_all(accuracy, RIVALS, unequal),
        "independent": accuracy**RIVALS,
        "luce": 1 / (1 + RIVALS * (1 - accuracy) / accuracy),
        "chance": 1 / (1 + RIVALS),
        "accuracy": accuracy,
    }


def many_draw(a: dict) -> go.Figure:
    """Chances against the number of wrong answers, on a logarithmic axis drawn by places."""
    f = theme.figure(
        "wrong answers beside the right one", "right answer on top",
        x_range=(-0.2, len(RIVALS) - 0.8), y_range=(0, 1.02), title="One right answer against many",
    )  # fmt: skip
    x = list(range(len(RIVALS)))
    names = {"model": "this model", "luce": "Gumbel noise", "independent": "independent", "chance": "a coin"}
    for number, (key, name) in enumerate(names.items()):
        f.add_trace(theme.line(x, a[key], name, number))
    return f.update_xaxes(tickvals=x, ticktext=[str(n) for n in RIVALS], zeroline=False)


def many_say(a: dict) -> str:
    """The same model by two benchmarks."""
    three, nine, fifteen = (a["model"][list(RIVALS).index(k)] for k in (3, 9, 15))
    return (
        f"{a['accuracy']:.0%} against one is {three:.0%} against three (RewardBench 2), {nine:.0%} against "
        f"nine (RewardMATH) and {fifteen:.0%} in a best-of-16."
    )


# --- numbers against fates ----------------------------------------------------------------------------------


def fate_compute(
    measure: str, fate: str, *, table: pd.DataFrame, fates: Mapping[str, np.ndarray], lineage: Sequence[str]
) -> dict:
    """Ranks of all heads by a measure and by what became of them."""
    x, y = table[measure].to_numpy(), fates[fate].mean(1)
    rank = [stats.rankdata(each) for each in (x, y)]
    kinds = list(dict.fromkeys(lineage))
    inside = [np.array([each == kind for each in lineage]) for kind in kinds]
    return {
        "points": [(kind, rank[0][i], rank[1][i]) for kind, i in zip(kinds, inside, strict=True)],
        "rho": statistics.rank_correlation(x, y),
        "measure": measure,
        "fate": fate,
        "best": float(y.max()),
        "chosen": float(y[np.argmax(x)]),
    }


def fate_draw(a: dict) -> go.Figure:
    """A dot a head: its rank by the measure, and by its fate."""
    most = max(max(x.max(), y.max()) for _, x, y in a["points"]) + 2
    f = theme.figure(
        "rank by the measure", "rank by the fate", x_range=(-1, most), y_range=(-1, most),
        title="Each dot is a reward model",
    )  # fmt: skip
    for number, (kind, x, y) in enumerate(a["points"]):
        mark = {"size": 8, "color": theme.PALETTE[number], "symbol": number, "opacity": 0.8}
        f.add_scatter(x=x, y=y, mode="markers", marker=mark, name=f"{kind} lineage")
    return f


def fate_say(a: dict) -> str:
    """The rank correlation, and what choosing by this number costs."""
    rho = a["rho"]
    return (
        f"{a['measure']} against {a['fate']}: rank correlation {rho.mean:.2f} [{rho.low:.2f}, "
        f"{rho.high:.2f}]. The model that is best by this number ends at gold {a['chosen']:.3f}; the best of "
        f"all at {a['best']:.3f}."
    )


def correlations_draw(found: Mapping[str, Mapping[str, Interval]], title: str) -> go.Figure:
    """Rank correlations with intervals: {fate: {measure: Interval}}, a row a measure."""
    measures = list(next(iter(found.values())))
    f = theme.figure(
        "rank correlation", "", x_range=(-1, 1.02), y_range=(-0.6, len(measures) - 0.4), title=title
    )
    for number, (fate, each) in enumerate(found.items()):
        mean, low, high = (np.array(part) for part in zip(*(each[m] for m in measures), strict=True))
        bars = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low}
        y = np.arange(len(measures))[::-1] - 0.2 * (number - (len(found) - 1) / 2)
        mark = {"size": 9, "color": theme.PALETTE[number], "symbol": number}
        f.add_scatter(x=mean, y=y, error_x=bars, mode="markers", marker=mark, name=fate)
    f.update_layout(height=120 + 46 * len(measures))
    return f.update_yaxes(tickvals=list(range(len(measures))), ticktext=measures[::-1], zeroline=False)


# --- a flat teacher -----------------------------------------------------------------------------------------

AT = tuple(range(0, 61, 3))  # steps at which a policy is looked at
LR = 0.1


def perfect(gold: np.ndarray, share: float) -> np.ndarray:
    """A reward that orders every two answers of a prompt as gold (P, N) does, of variance 1 over the pool.

    share: of the variance that lies within prompts; the rest is a liking for some prompts, which changes no
    comparison. Prompts alternate between liked and not liked.
    """
    own = gold - gold.mean(1, keepdims=True)
    level = np.where(np.arange(len(gold)) % 2, 1.0, -1.0)
    level = level - level.mean()
    return np.sqrt(share) * own / own.std() + np.sqrt(1 - share) * (level / level.std())[:, None]


def noisy(gold: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    """A reward with luck in it, all of its variance within prompts: gold plus `noise` of its deviations."""
    own = gold - gold.mean(1, keepdims=True)
    r = own / own.std() + noise * np.random.default_rng(seed).normal(size=gold.shape)
    r = r - r.mean(1, keepdims=True)
    return r / r.std()


def ordered(rewards: np.ndarray, gold: np.ndarray) -> float:
    """The share of all unequal pairs within prompts that rewards (P, N) order as gold does."""
    found, pairs = 0.0, 0
    for r, g in zip(rewards, gold, strict=True):
        i, j = np.nonzero(g[:, None] > g[None, :])
        found, pairs = found + ((np.sign(r[i] - r[j]) + 1) / 2).sum(), pairs + len(i)
    return found / pairs


def teacher_compute(share: float, noise: float, *, gold: np.ndarray) -> dict:
    """Gold reward of three students against steps of RL: of a perfect teacher, of one as perfect whose reward
    is flat, and of a noisy one."""
    teachers = {
        "perfect": perfect(gold, 1.0),
        "perfect, but flat": perfect(gold, share),
        "noisy": noisy(gold, noise),
    }
    paths = {name: policy_gradient(r, AT, lr=LR) for name, r in teachers.items()}
    return {
        "gold": {name: [policy.expected(gold).mean() for policy in path] for name, path in paths.items()},
        "accuracy": {name: ordered(r, gold) for name, r in teachers.items()},
    }


def teacher_draw(a: dict) -> go.Figure:
    """A line a teacher."""
    f = theme.figure(
        "steps of RL", "gold reward of the student", x_range=(0, AT[-1]), y_range=(0.3, 1.02),
        title="Three teachers",
    )  # fmt: skip
    for number, (name, gold) in enumerate(a["gold"].items()):
        f.add_trace(theme.line(list(AT), gold, name, number))
    return f


def teacher_say(a: dict) -> str:
    """How often each teacher is right, and where its student is after twenty-one steps."""
    when = AT.index(21)
    parts = [
        f"{name}: right on {a['accuracy'][name]:.0%} of the pairs, student at {gold[when]:.3f}"
        for name, gold in a["gold"].items()
    ]
    return f"After {AT[when]} steps: {'; '.join(parts)}."


# --- somewhere else -----------------------------------------------------------------------------------------


def roc_draw(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str) -> go.Figure:
    """ROC curves {name: (false alarms, found)} and the diagonal of a coin."""
    f = theme.figure("false alarms", "strange texts found", x_range=(0, 1), y_range=(0, 1.01), title=title)
    for number, (name, (alarms, found)) in enumerate(curves.items()):
        f.add_trace(theme.line(alarms, found, name, number))
    return f.add_trace(theme.line([0, 1], [0, 1], "a coin", 5))


def reliability_draw(curves: Mapping[str, statistics.Reliability], title: str) -> go.Figure:
    """How often the model's pick is right against how sure it was: {name: Reliability}."""
    return reliability_figure(curves, title, x="said: sure", y="right", diagonal="as said")
