"""Heads for the quantiles of a rating: what most people say, and what the least pleased say (QRM, 2024).

The pinball loss of `rmkit.losses.quantile`, smoothed over a small width s so that Newton's method works:

    s log(1 + exp(e / s)) - (1 - tau) e,    e = rating - quantile,       -> max(tau e, (tau - 1) e) as s -> 0.
"""

import numpy as np
from numpy.typing import ArrayLike

from rmkit.errors import InputError
from rmkit.theory import linear


def levels(q: int) -> np.ndarray:
    """(Q,) QRM's levels: Q even steps between 0 and 1, without the ends."""
    return np.linspace(0, 1, q + 2)[1:-1]


def quantile_heads(
    f: ArrayLike, ratings: ArrayLike, at: ArrayLike, *, prior: float = 1.0, width: float = 0.05
) -> np.ndarray:
    """(Q, D) heads: w_q . f is the quantile of the rating at level `at`[q].

    f (N, D): give it a column of ones for a level.   ratings (N,);  at (Q,) between 0 and 1;  prior:
    precision of the weights, in units of one rating's loss;  width: of the smoothing, as a share of the
    ratings' standard deviation.
    """
    f, y, at = (np.asarray(each, dtype=np.float64) for each in (f, ratings, at))
    if f.ndim != 2 or y.shape != f.shape[:1] or not np.isfinite(y).all():
        raise InputError(f"f {f.shape} and ratings {y.shape}: give (N, D) and N finite ratings.")
    if at.ndim != 1 or not ((at > 0) & (at < 1)).all():
        raise InputError(f"The levels {at} must lie between 0 and 1, ends excluded.")
    spread = max(float(y.std()), 1e-12)
    heads, w = [], np.zeros(f.shape[1])
    for tau in at:
        # From wide to narrow: far from a narrow bend the loss is straight, and Newton's step knows no length.
        for s in spread * np.geomspace(1, width, 5):
            w = linear.newton(_objective(f, y, tau, s, prior), w)
        heads.append(w)
    return np.stack(heads)


def _objective(f: np.ndarray, y: np.ndarray, tau: float, s: float, prior: float) -> linear.Objective:
    """Smoothed pinball loss of one level, its slope and its curvature."""

    def objective(w):
        e = y - f @ w
        above = np.exp(-np.logaddexp(0, -e / s))
        value = (s * np.logaddexp(0, e / s) - (1 - tau) * e).sum() + prior / 2 * w @ w
        slope = prior * w - f.T @ (above - (1 - tau))
        bend = (f * (above * (1 - above) / s)[:, None]).T @ f + prior * np.eye(len(w))
        return value, slope, bend

    return objective


def predict(heads: ArrayLike, f: ArrayLike) -> np.ndarray:
    """(..., Q) quantiles in ascending order: heads fitted one by one may cross, and sorting only helps.

    Chernozhukov, Fernandez-Val and Galichon (2010). f (..., D).
    """
    return np.sort(np.asarray(f) @ np.asarray(heads).T, axis=-1)
