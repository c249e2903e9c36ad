"""Lesson 05: heads on frozen features that learn from strengths, and the pictures of what pulls on them.

d is the gap r(chosen) - r(rejected), sigma the logistic function, softplus(z) = log(1 + e^z) its integral.
Every loss of the lesson that looks at gaps is, for each pair,

    up softplus(at_least - d) + down softplus(d - at_most)                                               (*)

Bradley-Terry: up = 1, down = 0, at_least = 0. Margin: at_least = m. Scaled: up = the scale. Smoothed labels:
up = 1 - e, down = e, both ends 0. A lead felt to lie between two ends: up = down = 1 (see `felt_between`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go

from rmkit.data.preferences import Preferences
from rmkit.notebook import theme
from rmkit.pocket.annotators import STRENGTH_STEPS, TEMPERATURE

WORDS = ("negligibly", "slightly", "better", "significantly")
SMALL = np.array([0, 1 / 3, 2 / 3, 1])  # Llama 2 (2023), table 27: margin of each strength, weakest first
LARGE = np.array([0.0, 1.0, 2.0, 3.0])
BINS = (0.0, *STRENGTH_STEPS, np.inf)  # of the true gap in gold reward


def sigma(z):
    """1 / (1 + e^-z), without overflow."""
    return np.exp(-np.logaddexp(0, -np.asarray(z, dtype=float)))


# --- pairs on frozen features -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pairs:
    """N labeled pairs. x (N, D) = standardized features, chosen minus rejected; the rest (N,), but `each`.

    strength 0 to 3; gold = gold reward, chosen minus rejected; each (N, 2, D) and likert (N, 2): chosen, then
    rejected, single responses.
    """

    x: np.ndarray
    strength: np.ndarray
    gold: np.ndarray
    each: np.ndarray
    likert: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index) -> "Pairs":
        return Pairs(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def turned(self, flips: np.ndarray) -> "Pairs":
        """The same pairs with chosen and rejected exchanged where `flips` (N,) is True."""
        sign = np.where(flips, -1.0, 1.0)
        order = np.where(flips[:, None], [1, 0], [0, 1])
        rows = np.arange(len(self))[:, None]
        each, likert = self.each[rows, order], self.likert[rows, order]
        return replace(self, x=self.x * sign[:, None], gold=self.gold * sign, each=each, likert=likert)


def pairs_of(features: Sequence, preferences: Preferences, scale: np.ndarray | None = None) -> Pairs:
    """Features (one (2, D) tensor a group) and labels of pocket pairs as arrays.

    scale (2, D): mean and deviation to standardize with (default: of these responses).
    """
    f = np.stack([np.asarray(each, dtype=float) for each in features])
    mean, deviation = moments(features) if scale is None else scale
    order = np.array([np.argsort(record.ranks) for record in preferences])
    rows = np.arange(len(f))[:, None]
    each = ((f - mean) / deviation)[rows, order]
    gold, likert = (
        np.array([record.ratings[name] for record in preferences], dtype=float)[rows, order]
        for name in ("gold", "likert")
    )
    strength = np.array([record.strength for record in preferences]).astype(int)
    return Pairs(each[:, 0] - each[:, 1], strength, gold[:, 0] - gold[:, 1], each, likert)


def moments(features: Sequence) -> np.ndarray:
    """(2, D): mean and standard deviation of every feature over all responses."""
    every = np.concatenate([np.asarray(each, dtype=float) for each in features])
    deviation = every.std(0, ddof=1)
    return np.stack([every.mean(0), np.where(deviation > 1e-6, deviation, 1.0)])


# --- fitting ------------------------------------------------------------------------------------------------


def fit_gaps(x, *, at_least=0.0, at_most=0.0, up=1.0, down=0.0, l2: float = 0.03, steps: int = 30):
    """(D,) weights w that minimize the mean of (*) over pairs with d = x . w, plus l2 / 2 |w|^2.

    x (N, D); the other four (N,) or one number for all. Newton's method with halved steps: (*) is convex.
    """
    n, width = x.shape
    w = np.zeros(width)

    def objective(w):
        d = x @ w
        each = up * np.logaddexp(0, at_least - d) + down * np.logaddexp(0, d - at_most)
        return each.mean() + l2 / 2 * w @ w

    value = objective(w)
    for _ in range(steps):
        d = x @ w
        p, q = sigma(at_least - d), sigma(d - at_most)
        pull, bend = up * p - down * q, up * p * (1 - p) + down * q * (1 - q)  # -dL/dd and d2L/dd2
        slope = l2 * w - x.T @ pull / n
        step = np.linalg.solve((x * (bend / n)[:, None]).T @ x + l2 * np.eye(width), slope)
        length, gain = 1.0, slope @ step
        while (new := objective(w - length * step)) > value - 1e-4 * length * gain and length > 1e-6:
            length /= 2
        w, value = w - length * step, new
        if gain < 1e-12:
            break
    return w


def fit_ratings(each, ratings, *, l2: float = 0.03):
    """(D,) weights that minimize the mean of (w . f + b - rating)^2, plus l2 / 2 |w|^2, in closed form.

    each (N, 2, D), ratings (N, 2).
    """
    f, y = each.reshape(-1, each.shape[-1]), ratings.reshape(-1)
    f, y = f - f.mean(0), y - y.mean()
    return np.linalg.solve(2 * f.T @ f / len(f) + l2 * np.eye(f.shape[1]), 2 * f.T @ y / len(f))


def descend(x, *, start, scale, l2: float, steps: int) -> np.ndarray:
    """(steps + 1, D): the path of plain gradient descent on scaled Bradley-Terry from `start`."""
    n = len(x)
    rate = 1 / (np.linalg.eigvalsh((x * (scale / 4 / n)[:, None]).T @ x)[-1] + l2)  # no step can overshoot
    path = [np.asarray(start, dtype=float)]
    for _ in range(steps):
        w = path[-1]
        path.append(w - rate * (l2 * w - x.T @ (scale * sigma(-(x @ w))) / n))
    return np.stack(path)


def felt_between(strength: np.ndarray) -> dict[str, np.ndarray]:
    """The ends, in log-odds, between which a lead was felt that pocket annotators gave this word; for (*)."""
    ends = np.array([0.0, *STRENGTH_STEPS]) / TEMPERATURE
    last = strength == len(ends) - 1
    above = np.append(ends, 0.0)[strength + 1]
    return {"at_least": ends[strength], "at_most": above, "up": 1.0, "down": np.where(last, 0.0, 1.0)}


def ways(pairs: Pairs, l2: float) -> dict[str, np.ndarray]:
    """{name of a loss: (D,) weights} of heads fitted to the same pairs."""
    s = pairs.strength
    return {
        "Bradley-Terry": fit_gaps(pairs.x, l2=l2),
        "margin, small": fit_gaps(pairs.x, at_least=SMALL[s], l2=l2),
        "margin, large": fit_gaps(pairs.x, at_least=LARGE[s], l2=l2),
        "scaled": fit_gaps(pairs.x, up=s.astype(float), l2=l2),
        "two-sided": fit_gaps(pairs.x, **felt_between(s), l2=l2),
        "regression": fit_ratings(pairs.each, pairs.likert, l2=l2),
    }


def credit(weights, pairs: Pairs) -> np.ndarray:
    """(N,) 1 where the head orders a pair as the gold reward does, 0 where not, 0.5 where either is equal."""
    return (np.sign(pairs.x @ weights) * np.sign(pairs.gold) + 1) / 2


def agreement(weights, pairs: Pairs) -> np.ndarray:
    """(N,) how often a fresh annotator would agree with the head: sigma(|true gap| / T), or 1 less it.

    It is accuracy on votes without the luck of the votes. A wrong order of two near equals costs little.
    """
    p = sigma(abs(pairs.gold) / TEMPERATURE)
    return 1 - p + (2 * p - 1) * credit(weights, pairs)


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
        "accuracy": float(agreement(w, test).mean()),
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
        f"whole pull: {shares}. Agreement on test pairs {a['accuracy']:.1%}."
    )


# --- results ------------------------------------------------------------------------------------------------


def bins_draw(effects: dict[str, list], title: str) -> go.Figure:
    """Differences in accuracy with intervals, {name: [Interval for each true gap]}, side by side by bin."""
    ends = [(low, high) for each in effects.values() for _, low, high in each]
    reach = 100 * max(0.01, *(abs(end) for pair in ends for end in pair)) * 1.15
    f = theme.figure(
        "true gap of the pair", "points", x_range=(-0.6, 3.6), y_range=(-reach, reach), title=title
    )
    for number, (name, each) in enumerate(effects.items()):
        mean, low, high = (100 * np.array(part) for part in zip(*each, strict=True))
        x = np.arange(4) + 0.16 * (number - (len(effects) - 1) / 2)
        bars = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low}
        mark = {"size": 10, "color": theme.PALETTE[number], "symbol": number}
        f.add_scatter(x=x, y=mean, error_y=bars, mode="markers", marker=mark, name=name)
    return f.update_xaxes(tickvals=list(range(4)), ticktext=list(WORDS))


def curves_draw(x, curves: dict[str, np.ndarray], *, axis: str, title: str) -> go.Figure:
    """Mean over training sets with its 95 % interval of each {name: (sets, len(x))}; x on a log axis."""
    means = {name: 100 * values.mean(0) for name, values in curves.items()}
    halves = {name: 196 * values.std(0, ddof=1) / np.sqrt(len(values)) for name, values in curves.items()}
    low = min((means[name] - halves[name]).min() for name in curves)
    high = max((means[name] + halves[name]).max() for name in curves)
    ends = (float(np.log10(x[0])), float(np.log10(x[-1])))
    f = theme.figure(axis, "agreement, %", x_range=ends, y_range=(low - 1, high + 1), title=title)
    for number, (name, mean) in enumerate(means.items()):
        half = halves[name]
        f.add_trace(theme.band(list(x), list(mean - half), list(mean + half), number))
        f.add_trace(theme.line(list(x), mean, name, number))
    ticks = [tick for power in range(5) for tick in (10**power, 3 * 10**power)]
    return f.update_xaxes(type="log", tickvals=ticks)


# --- votes of an ensemble -----------------------------------------------------------------------------------


def votes(pairs: Pairs, rng: np.random.Generator, *, heads: int = 10, l2: float) -> tuple:
    """Mean and standard deviation (N,) of each pair's gap over heads that have NOT seen it.

    Each head learns from a random half of the pairs. Secrets of RLHF II (2024) asks heads that have: on
    frozen features such a head explains every label a little, a wrong one too.
    """
    gaps = np.full((heads, len(pairs)), np.nan)
    for h in range(heads):
        seen = rng.random(len(pairs)) < 0.5
        gaps[h, ~seen] = pairs.x[~seen] @ fit_gaps(pairs.x[seen], l2=l2)
    gaps[:, np.isnan(gaps).all(0)] = 0.0  # seen by all: nobody can say
    return np.nanmean(gaps, 0), np.nanstd(gaps, 0)


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
