"""Lesson 04: epochs, pairs, regularization, and the temperature that makes a gap a probability.

Throughout, d is the gap r(chosen) - r(rejected), sigma the logistic function, T a temperature.
"""

import numpy as np
import plotly.graph_objects as go
import torch
from scipy import special, stats

from rmkit.notebook import theme
from rmkit.notebook.reliability import reliability_figure
from rmkit.theory import statistics
from rmkit.training.heads import HeadResults, fit_heads, grid

L2 = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0)  # the penalties that the recipe tries
HEADS = 3  # seeds behind every point of the recipe


def log_loss(gaps) -> np.ndarray:
    """Mean -log sigma(d) over the last axis."""
    return -special.log_expit(np.asarray(gaps, dtype=float)).mean(-1)


def expected_loss(gaps, chances) -> np.ndarray:
    """The loss of each pair (..., N), averaged over all votes that could have been cast.

    chances (N,): P(the chosen response is preferred). Less noise than -log sigma(d), and the same mean.
    """
    gaps, chances = np.asarray(gaps, dtype=float), np.asarray(chances, dtype=float)
    return -chances * special.log_expit(gaps) - (1 - chances) * special.log_expit(-gaps)


def missed_share(gaps, golds) -> np.ndarray:
    """Share of the true gap that a model misses: 1 - R^2 of golds (N,) on gaps (..., N), through the origin.

    It does not change with the scale of the gaps. 0: proportional to the truth; 1: unrelated to it.
    """
    gaps, golds = np.asarray(gaps, dtype=float), np.asarray(golds, dtype=float)
    return 1 - (gaps @ golds) ** 2 / ((gaps**2).sum(-1) * (golds @ golds))


def tempered(gaps) -> np.ndarray:
    """Gaps (..., N) divided by a temperature that did not see them: each half of N gets the other half's."""
    gaps = np.asarray(gaps, dtype=float)
    if gaps.ndim > 1:
        return np.apply_along_axis(tempered, -1, gaps)
    found, half = np.empty_like(gaps), np.arange(len(gaps)) % 2 == 0
    for part in (half, ~half):
        found[part] = gaps[part] / statistics.temperature(gaps[~part])[0]
    return found


def with_interval(values) -> str:
    """The mean of values (N,) and its 95 % interval, as text."""
    return "{0.mean:.3f} [{0.low:.3f}, {0.high:.3f}]".format(statistics.mean_interval(values))


def pair_gaps(rewards: torch.Tensor, pairs) -> np.ndarray:
    """(S, G) chosen minus rejected, from rewards (S, G, 2) and G labeled pairs."""
    first_won = torch.tensor([record.ranks[0] < record.ranks[1] for record in pairs])
    gap = rewards[..., 0] - rewards[..., 1]
    return torch.where(first_won, gap, -gap).double().numpy()


# Curves over epochs and over pairs


def _curve(f: go.Figure, x, values, name: str, index: int) -> None:
    """The mean over seeds of values (S, N), and Student's 95 % interval of that mean."""
    values = np.asarray(values, dtype=float)
    mean = values.mean(0)
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values, axis=0)
    f.add_trace(theme.band(list(x), list(mean - half), list(mean + half), index))
    f.add_trace(theme.line(list(x), mean, name, index))


def epochs_draw(curves: dict, floor: float, y_range=(0.0, 1.4)) -> go.Figure:
    """{name: (S seeds, E epochs)} of losses over epochs, mean and interval, beside the noise floor."""
    epochs = np.arange(1, next(iter(curves.values())).shape[1] + 1)
    f = theme.figure(
        "epoch", "loss", x_range=(0.8, epochs[-1] + 0.2), y_range=y_range, title="Five epochs, same pairs"
    )
    for index, (name, values) in enumerate(curves.items()):
        _curve(f, epochs, values, name, index)
    f.add_trace(theme.line([0.8, epochs[-1] + 0.2], [floor, floor], "noise floor", len(curves)))
    return f.update_xaxes(dtick=1)


def learning_draw(sizes, curves: dict, level: tuple[str, float], y_title: str, y_range) -> go.Figure:
    """{name: (S seeds, N sizes)} against the number of pairs, beside a horizontal line (its name, height)."""
    ends = [sizes[0] * 0.85, sizes[-1] * 1.18]
    f = theme.figure(
        "training pairs",
        y_title,
        x_range=tuple(np.log10(ends)),
        y_range=y_range,
        title="What more pairs bring",
    )
    for index, (name, values) in enumerate(curves.items()):
        _curve(f, sizes, values, name, index)
    f.add_trace(theme.line(ends, [level[1]] * 2, level[0], len(curves)))
    return f.update_xaxes(type="log", tickvals=list(sizes))


def penalty_draw(penalties, losses: dict[int, np.ndarray], y_range) -> go.Figure:
    """{pairs: (P,) loss over the floor at each penalty}: one line a size, its lowest point marked."""
    penalties = np.asarray(penalties, dtype=float)
    ends = np.log10(penalties[[0, -1]])
    f = theme.figure(
        "penalty λ",
        "test loss above the floor",
        x_range=(ends[0] - 0.15, ends[1] + 0.15),
        y_range=y_range,
        title="The best penalty moves",
    )
    for index, (pairs, values) in enumerate(losses.items()):
        f.add_trace(theme.line(penalties, values, f"{pairs} pairs", index))
    lowest = [(penalties[np.argmin(values)], np.min(values)) for values in losses.values()]
    mark = {"size": 11, "symbol": "circle-open", "color": theme.GREY, "line": {"width": 3}}
    x, y = zip(*lowest, strict=True)
    f.add_scatter(x=list(x), y=list(y), mode="markers", marker=mark, name="lowest")
    return f.update_xaxes(type="log", tickvals=penalties.tolist())


# The ceiling


def ceiling_compute(golds, temperature: float, noise: float) -> dict:
    """How often an ideal judge, and a second annotator, agree with an annotator.

    golds (G,): gaps in gold reward.   temperature: of the choice.   noise: the share of blind judgments.
    """
    gap = np.abs(np.asarray(golds, dtype=float))
    grid_ = np.linspace(0, 1, 101)
    q = _agree(gap, temperature, noise)
    return {
        "gap": grid_,
        "q": _agree(grid_, temperature, noise),
        "height": np.histogram(gap, bins=20, range=(0, 1))[0] / len(gap),
        "middle": np.linspace(0.025, 0.975, 20),
        "ceiling": float(q.mean()),
        "second": float((q**2 + (1 - q) ** 2).mean()),
    }


def _agree(gap, temperature: float, noise: float) -> np.ndarray:
    """P(an annotator picks the better one): blind with probability `noise`, else sigma(gap / T)."""
    return (1 - noise) * special.expit(gap / temperature) + noise / 2


def ceiling_draw(a: dict) -> go.Figure:
    """P(better one picked) over the gold gap, above the gaps that occur, with the mean as a line."""
    f = theme.figure(
        "gap in gold reward",
        "probability, share",
        x_range=(0, 1),
        y_range=(0, 1.02),
        title="How sure people are",
    )
    f.add_bar(
        x=a["middle"], y=a["height"], width=0.045, name="pairs", marker={"color": theme.GREY}, opacity=0.5
    )
    f.add_trace(theme.line(a["gap"], a["q"], "picks the better", 0))
    f.add_trace(theme.line([0, 1], [a["ceiling"]] * 2, "ideal judge", 2))
    return f.add_trace(theme.line([0, 1], [a["second"]] * 2, "second person", 1))


def ceiling_say(a: dict) -> str:
    return (
        f"An ideal judge agrees with a label {a['ceiling']:.1%} of the time, a second annotator "
        f"{a['second']:.1%}."
    )


# The recipe: heads retrained at every move of a slider


def recipe_compute(features, groups, test, pairs: int, noise: float, l2: float) -> dict:
    """Heads at every strength in L2 on `pairs` training pairs of which a share `noise` is turned round.

    features, groups: of the pool and of the held-out groups, whose indices are `test`. Labels of held-out
    groups are never turned.
    """
    heads = fit_heads(features, groups, grid(l2=L2, seed=range(HEADS), groups=pairs, noise=noise), test=test)
    gaps = pair_gaps(heads.rewards[:, list(test)], [groups[i] for i in test])
    test_loss = log_loss(gaps).reshape(len(L2), HEADS).mean(1)
    train_loss = training_loss(heads, features).reshape(len(L2), HEADS).mean(1)
    here = L2.index(l2)
    accuracy = heads.accuracy.reshape(len(L2), HEADS).mean(1)[here]
    mine = gaps[here * HEADS : (here + 1) * HEADS]
    temperature = float(np.median([statistics.calibration(each).temperature for each in mine]))
    return {
        "l2": np.array(L2),
        "test": test_loss,
        "train": train_loss,
        "here": (l2, train_loss[here], test_loss[here]),
        "accuracy": float(accuracy),
        "temperature": temperature,
    }


def training_loss(heads: HeadResults, features) -> np.ndarray:
    """(S,) mean loss on the labels a head was fitted to: its objective without the penalty.

    The penalty is l2 / 2 times the squared weights of standardized features (see `rmkit.ablation`).
    """
    deviation = torch.cat([each.float() for each in features]).std(0)
    deviation = deviation.where(deviation > 1e-6, 1.0)
    squares = ((heads.weights * deviation) ** 2).sum(1).numpy()
    return heads.objective - np.array([setting.l2 for setting in heads.settings]) / 2 * squares


def recipe_draw(a: dict) -> go.Figure:
    """Training and test loss over the strength of the penalty, the chosen one marked on both."""
    f = theme.figure(
        "penalty on large weights (l2)",
        "loss",
        x_range=(np.log10(L2[0]) - 0.15, np.log10(L2[-1]) + 0.15),
        y_range=(0, 2.4),
        title="Heads retrained at every move",
    )
    f.add_trace(theme.line(a["l2"], a["train"], "training", 1))
    f.add_trace(theme.line(a["l2"], a["test"], "test", 0))
    f.add_trace(theme.line([L2[0], L2[-1]], [np.log(2)] * 2, "a coin", 2))
    l2, train, test = a["here"]
    mark = {"size": 12, "color": [theme.VERMILLION, theme.BLUE], "symbol": ["diamond", "circle"]}
    f.add_scatter(x=[l2, l2], y=[train, test], mode="markers", marker=mark, name="here")
    return f.update_xaxes(type="log", dtick=1)


def recipe_say(a: dict) -> str:
    _, train, test = a["here"]
    best = f"{a['temperature']:.2f}" if a["temperature"] < 100 else "above 100 (as good as a coin)"
    return (
        f"Here: training loss {train:.3f}, test loss {test:.3f}, test accuracy {a['accuracy']:.1%}; best "
        f"temperature {best}. Lowest test loss at l2 = {a['l2'][np.argmin(a['test'])]:g}."
    )


# Calibration


def reliability_compute(gaps, temperature: float, bins: int = 10) -> dict:
    """The reliability curve of gaps / temperature, its ECE beside the floor by chance, and its log-loss."""
    scaled = np.asarray(gaps, dtype=float) / temperature
    curve, numbers = statistics.reliability_curve(scaled, bins), statistics.calibration(scaled, bins)
    return {"curve": curve, "numbers": numbers, "temperature": temperature}


def reliability_draw(a: dict) -> go.Figure:
    """Agreement over confidence with 95 % intervals: on the diagonal, confidence can be believed."""
    return reliability_figure(
        {"a tenth of the pairs": a["curve"]},
        "Can its confidence be believed?",
        x="confidence σ(|d| / T)",
        y="people agree",
        diagonal="calibrated",
    )


def reliability_say(a: dict) -> str:
    n = a["numbers"]
    return (
        f"T = {a['temperature']:.2f}: ECE {n.ece:.3f} (a calibrated model shows {n.ece_floor:.3f} by "
        f"chance), loss {n.log_loss:.3f}."
    )
