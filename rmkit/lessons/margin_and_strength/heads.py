"""Lesson 05: pairs on frozen features, and heads that learn from labels, strengths or ratings.

d is the gap r(chosen) - r(rejected), sigma the logistic function, softplus(z) = log(1 + e^z) its integral.
Every loss of the lesson that looks at gaps is, for each pair,

    up softplus(at_least - d) + down softplus(d - at_most)                                               (*)

Bradley-Terry: up = 1, down = 0, at_least = 0. Margin: at_least = m. Scaled: up = the scale. Smoothed labels:
up = 1 - e, down = e, both ends 0. A lead felt to lie between two ends: up = down = 1 (see `felt_between`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rmkit.data.preferences import Preferences
from rmkit.pocket.annotators import STRENGTH_STEPS, TEMPERATURE
from rmkit.theory.linear import newton

SMALL = np.array([0, 1 / 3, 2 / 3, 1])  # Llama 2 (2023), table 27: margin of each strength, weakest first
LARGE = np.array([0.0, 1.0, 2.0, 3.0])
BINS = (0.0, *STRENGTH_STEPS, np.inf)  # of the true gap in gold reward
ENDS = np.array([0.0, *STRENGTH_STEPS]) / TEMPERATURE  # leads, in log-odds, at which the word changes
MIDDLES = np.append((ENDS[1:] + ENDS[:-1]) / 2, ENDS[-1] + 1)  # a number for each word
WORDS = ("negligibly", "slightly", "better", "significantly")


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

    def objective(w):
        d = x @ w
        each = up * np.logaddexp(0, at_least - d) + down * np.logaddexp(0, d - at_most)
        p, q = sigma(at_least - d), sigma(d - at_most)
        pull, bend = up * p - down * q, up * p * (1 - p) + down * q * (1 - q)  # -dL/dd and d2L/dd2
        return (
            each.mean() + l2 / 2 * w @ w,
            l2 * w - x.T @ pull / n,
            (x * (bend / n)[:, None]).T @ x + l2 * np.eye(width),
        )

    return newton(objective, np.zeros(width), steps)


def fit_ratings(each, ratings, *, l2: float = 0.03):
    """(D,) weights that minimize the mean of (w . f + b - rating)^2, plus l2 / 2 |w|^2, in closed form.

    each (N, 2, D), ratings (N, 2).
    """
    f, y = each.reshape(-1, each.shape[-1]), ratings.reshape(-1)
    f, y = f - f.mean(0), y - y.mean()
    return np.linalg.solve(2 * f.T @ f / len(f) + l2 * np.eye(f.shape[1]), 2 * f.T @ y / len(f))


def felt_between(strength: np.ndarray) -> dict[str, np.ndarray]:
    """The ends, in log-odds, between which a lead was felt that pocket annotators gave this word; for (*)."""
    last = strength == len(ENDS) - 1
    above = np.append(ENDS, 0.0)[strength + 1]
    return {"at_least": ENDS[strength], "at_most": above, "up": 1.0, "down": np.where(last, 0.0, 1.0)}


def fit_numbers(x, numbers, *, l2: float = 0.03):
    """(D,) weights that minimize the mean of (x . w - number)^2, plus l2 / 2 |w|^2; numbers (N,)."""
    return np.linalg.solve(2 * x.T @ x / len(x) + l2 * np.eye(x.shape[1]), 2 * x.T @ numbers / len(x))


def ways(pairs: Pairs, l2: float) -> dict[str, np.ndarray]:
    """{name of a loss: (D,) weights} of heads fitted to the same pairs."""
    return {
        "Bradley-Terry": fit_gaps(pairs.x, l2=l2),
        "margin, small": fit_gaps(pairs.x, at_least=SMALL[pairs.strength], l2=l2),
        **by_strength(pairs, pairs.strength, l2),
        "regression": fit_ratings(pairs.each, pairs.likert, l2=l2),
    }


def by_strength(pairs: Pairs, strength: np.ndarray, l2: float) -> dict[str, np.ndarray]:
    """{name: (D,) weights} of the losses that use a strength (N,): the pairs' own, or one dealt to them."""
    return {
        "margin, large": fit_gaps(pairs.x, at_least=LARGE[strength], l2=l2),
        "scaled": fit_gaps(pairs.x, up=strength.astype(float), l2=l2),
        "two-sided": fit_gaps(pairs.x, **felt_between(strength), l2=l2),
    }


def controls(pairs: Pairs, rng: np.random.Generator, l2: float) -> dict[str, np.ndarray]:
    """{name: (D,) weights}: the same words dealt to other pairs, and the words turned into ratings."""
    dealt = by_strength(pairs, rng.permutation(pairs.strength), l2)
    words = fit_numbers(pairs.x, MIDDLES[pairs.strength], l2=l2)
    return {f"{name}, dealt": w for name, w in dealt.items()} | {"regression on words": words}


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
