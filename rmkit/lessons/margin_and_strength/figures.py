"""Lesson 05's pictures: who still pulls, gains by the width of a pair, what the votes find."""

import numpy as np
import plotly.graph_objects as go

from rmkit.lessons.margin_and_strength.heads import LARGE, WORDS, Pairs, fit_gaps, sigma
from rmkit.lessons.margin_and_strength.instruments import agreement, temperature_of
from rmkit.notebook import theme

# --- which pairs still pull ---------------------------------------------------------------------------------

_LINE = np.linspace(-8, 12, 201)


def pull_compute(margin: float, table: str, retrain: bool, *, train: Pairs, test: Pairs) -> dict:
    """A head, the gaps it gives to its training pairs, and how hard each still pulls: sigma(m - d).

    margin: that of "significantly better". table: "by strength" (in equal steps from 0) or "the same for
    all". retrain: fit the head with these margins; else it is the one fitted without.
    """
    shares = LARGE / 3 if table == "by strength" else np.ones(4)
    m = margin * shares
    w = fit_gaps(train.x, at_least=m[train.strength] if retrain else 0.0, l2=0.1)
    gaps = train.x @ w
    pulls = sigma(m[train.strength] - gaps)
    inside = [train.strength == s for s in range(4)]
    return {
        "gap": [gaps[i] for i in inside],
        "pull": [pulls[i] for i in inside],
        "line": sigma(m[:, None] - _LINE),
        "share": np.array([pulls[i].sum() for i in inside]) / pulls.sum(),
        "pairs": np.array([i.mean() for i in inside]),
        "median": float(np.median(gaps)),
        "still": float((pulls > 0.25).mean()),
        "accuracy": float(agreement(test.x @ w, test.gold).mean()),
        "loss": temperature_of(test.x @ w)[1],
    }


def pull_draw(a: dict) -> go.Figure:
    """A dot for each training pair on the curve of its strength; the marks below stand at the medians."""
    f = theme.figure(
        "gap d", "pull σ(m − d)", x_range=(-5, 9), y_range=(-0.09, 1.02), title="Who still pulls?"
    )
    for s, word in enumerate(WORDS):
        f.add_trace(theme.line(_LINE, a["line"][s], word, s, showlegend=False, opacity=0.5))
    for s, word in enumerate(WORDS):
        mark = {"size": 6, "color": theme.PALETTE[s], "opacity": 0.6}
        f.add_scatter(x=a["gap"][s], y=a["pull"][s], mode="markers", marker=mark, name=word)
    medians = [float(np.median(gap)) if len(gap) else 0.0 for gap in a["gap"]]
    mark = {"size": 11, "color": theme.PALETTE[:4], "symbol": "triangle-up"}
    f.add_scatter(x=medians, y=[-0.05] * 4, mode="markers", marker=mark, name="medians", showlegend=False)
    return f


def pull_say(a: dict) -> str:
    """Who pulls, by share, and what the head is worth."""
    shares = ", ".join(f"{word} {share:.0%}" for word, share in zip(WORDS, a["share"], strict=True))
    return (
        f"median gap {a['median']:.2f}; pulling harder than ¼: {a['still']:.0%} of the pairs. Shares of the "
        f"whole pull: {shares}. On test pairs: agreement {a['accuracy']:.1%}, log-loss {a['loss']:.3f}."
    )


# --- results ------------------------------------------------------------------------------------------------


def gains_draw(shares: dict[str, dict[str, tuple]], title: str) -> go.Figure:
    """Gains with intervals on one scale: {measure: {name of a loss: (mean, low, high)}}, shares of 1."""
    names = list(next(iter(shares.values())))
    ends = [end for each in shares.values() for _, low, high in each.values() for end in (low, high)]
    f = theme.figure(
        "what is learned from",
        "share of the way won, %",
        x_range=(-0.6, len(names) - 0.4),
        y_range=(100 * min(ends) - 3, 100 * max(ends) + 3),
        title=title,
    )
    for number, (measure, each) in enumerate(shares.items()):
        _dots(f, [each[name] for name in names], measure, number, len(shares), 100)
    return f.update_xaxes(tickvals=list(range(len(names))), ticktext=names, zeroline=False)


def bins_draw(effects: dict[str, list], title: str) -> go.Figure:
    """Gains in thousandths of a nat, {name: [Interval for each true gap]}, side by side by bin."""
    ends = [end for each in effects.values() for _, low, high in each for end in (low, high)]
    f = theme.figure(
        "true gap of the pair",
        "gain, thousandths of a nat",
        x_range=(-0.6, 3.6),
        y_range=(min(ends) - 2, max(ends) + 2),
        title=title,
    )
    for number, (name, each) in enumerate(effects.items()):
        _dots(f, each, name, number, len(effects), 1)
    return f.update_xaxes(tickvals=list(range(4)), ticktext=list(WORDS), zeroline=False)


def _dots(f: go.Figure, intervals: list, name: str, number: int, of: int, unit: float) -> None:
    """Series `number` of `of`: a mark with an error bar for each interval, moved aside a little."""
    mean, low, high = (unit * np.array(part) for part in zip(*intervals, strict=True))
    bars = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low}
    mark = {"size": 10, "color": theme.PALETTE[number], "symbol": number}
    x = np.arange(len(mean)) + 0.16 * (number - (of - 1) / 2)
    f.add_scatter(x=x, y=mean, error_y=bars, mode="markers", marker=mark, name=name)


# --- votes of an ensemble -----------------------------------------------------------------------------------


def votes_draw(means: list[np.ndarray], planted: list[np.ndarray]) -> go.Figure:
    """How often a label was planted wrong, in twenty bins of each set from least to most supported."""
    flags = np.concatenate(planted)
    ranks = [np.argsort(np.argsort(mean)) / len(mean) for mean in means]
    share = [100 * part.mean() for part in _binned(np.concatenate(ranks), flags)]
    x = [100 * (i + 0.5) / 20 for i in range(20)]
    f = theme.figure(
        "pairs, least supported first, %",
        "planted wrong, %",
        x_range=(0, 100),
        y_range=(0, 100),
        title="The votes",
    )
    mark = {"color": theme.VERMILLION, "opacity": 0.75}
    f.add_bar(x=x, y=share, width=4.6, marker=mark, name="in the bin")
    average = 100 * flags.mean()
    return f.add_trace(theme.line([0, 100], [average, average], "planted overall", 0))


def _binned(place: np.ndarray, values: np.ndarray, bins: int = 20) -> list[np.ndarray]:
    return [values[(place * bins).astype(int) == b] for b in range(bins)]
