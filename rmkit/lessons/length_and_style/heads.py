"""Lesson 12: pairs with their lengths, annotators who like long answers, and heads fitted to their votes.

d is the gap r(first) - r(second), l the gap in length, in units of ten words, g the gap in gold reward. One
person's vote goes to the first answer with probability sigma((g + b l) / T): b is what ten more words are
worth to her. A head is w on the features, and where a cure asks for it, a number for length itself:

    d = w . x + e l
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rmkit.data.preferences import Preferences
from rmkit.pocket.annotators import TEMPERATURE
from rmkit.theory.linear import newton

TEN = 10  # words in a unit of length, as in `rmkit.pocket.annotators`
PEOPLE = 5  # who judge each pair


@dataclass(frozen=True)
class Pairs:
    """N pairs as they are shown, first minus second: x (N, D) standardized features, gold (N,), length (N,)
    in tens of words."""

    x: np.ndarray
    gold: np.ndarray
    length: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index) -> "Pairs":
        return Pairs(self.x[index], self.gold[index], self.length[index])

    def __add__(self, other: "Pairs") -> "Pairs":
        parts = zip((self.x, self.gold, self.length), (other.x, other.gold, other.length), strict=True)
        return Pairs(*(np.concatenate(two) for two in parts))


class Head(NamedTuple):
    """Weights (D,) on standardized features, and what ten words add to the reward."""

    w: np.ndarray
    of_length: float = 0.0

    def gaps(self, pairs: Pairs) -> np.ndarray:
        """(N,) r(first) - r(second)."""
        return pairs.x @ self.w + self.of_length * pairs.length


def sigma(z):
    """1 / (1 + e^-z), without overflow."""
    return np.exp(-np.logaddexp(0, -np.asarray(z, dtype=float)))


def lengths(preferences: Preferences) -> np.ndarray:
    """(N, K) words of each response."""
    return np.array([[len(text.split()) for text in record.responses] for record in preferences])


def pairs_of(features: Sequence, preferences: Preferences, scale: np.ndarray) -> Pairs:
    """Features (one (2, D) tensor a group) and truth of pocket pairs as arrays, first minus second.

    scale (2, D): mean and deviation to standardize with.
    """
    f = (np.stack([np.asarray(each, dtype=float) for each in features]) - scale[0]) / scale[1]
    gold = np.array([record.ratings["gold"] for record in preferences])
    return Pairs(f[:, 0] - f[:, 1], gold[:, 0] - gold[:, 1], -np.diff(lengths(preferences))[:, 0] / TEN)


def chance(pairs: Pairs, bias: float) -> np.ndarray:
    """(N,) the probability that one person prefers the first answer; ten words are worth `bias` to her."""
    return sigma((pairs.gold + bias * pairs.length) / TEMPERATURE)


def votes(pairs: Pairs, bias: float, rng: np.random.Generator, people: int = PEOPLE) -> np.ndarray:
    """(N,) the share of `people` who prefer the first answer."""
    return rng.binomial(people, chance(pairs, bias)) / people


# --- fitting ------------------------------------------------------------------------------------------------


def fit(x, share, *, own=None, nu=0.0, l2: float = 1.0, steps: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """(w (D,), e (E,)) of the least mean negative log-likelihood of votes, plus l2 / 2 |w|^2.

    x (N, D) gaps of features; own (N, E): columns without a penalty (style covariates). share (N,): of votes
    for the first answer; 1/2 with nu > 0 is a tie. With s = 2 share - 1 Davidson's (1970) three outcomes are

        -log P = log(e^{d/2} + e^{-d/2} + nu) - s d / 2     (a tie: less log nu, which moves nothing)

    and nu = 0 is Bradley-Terry with soft labels. Newton's method with halved steps: it is convex.
    """
    n, width = x.shape
    z = x if own is None else np.column_stack([x, own])
    ridge = np.where(np.arange(z.shape[1]) < width, l2, 1e-6)
    s, log_nu = 2 * np.asarray(share, dtype=float) - 1, np.log(nu) if nu else -np.inf

    def objective(w):
        d = z @ w
        log_z = np.logaddexp(np.logaddexp(d / 2, -d / 2), log_nu)
        first, second = np.exp(d / 2 - log_z), np.exp(-d / 2 - log_z)
        lead = first - second
        bend = (first + second - lead**2) / 4
        return (
            (log_z - s * d / 2).mean() + (ridge * w * w).sum() / 2,
            z.T @ ((lead - s) / 2) / n + ridge * w,
            (z * (bend / n)[:, None]).T @ z + np.diag(ridge),
        )

    w = newton(objective, np.zeros(z.shape[1]), steps)
    return w[:width], w[width:]


def without(x: np.ndarray, length: np.ndarray) -> np.ndarray:
    """(N, D) gaps of features without the direction c = x' l along which they go with length.

    w . c = 0 is rho(l, x w) = 0, so whatever is fitted to these is decorrelated on these very pairs.
    """
    c = x.T @ length
    return x - np.outer(x @ c, c) / (c @ c)
