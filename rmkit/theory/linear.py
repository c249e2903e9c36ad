"""One linear reward from votes: Bradley and Terry's model with r(y) = w . f(y)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from rmkit.errors import InputError

# w -> (value, slope (D,), curvature (D, D)) of a convex objective
Objective = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]


def fit(
    x: ArrayLike,
    *,
    counts: ArrayLike = 1.0,
    prior: float = 1.0,
    start: np.ndarray | None = None,
    steps: int = 60,
) -> np.ndarray:
    """(D,) weights w that minimize  sum_v counts_v softplus(-x_v . w) + prior / 2 |w|^2.

    x (V, D): features of the preferred answer minus those of the other, one row a vote.   counts: how often
    each vote counts, (V,) or one number.   prior: precision of a normal prior, above 0, in votes: the more
    votes, the less it matters.   steps: of Newton's method at most, from `start` (default 0).
    Raises InputError for other shapes, NaN and a prior that is not positive.
    """
    x, counts = np.asarray(x, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise InputError(f"x has shape {x.shape}: give finite differences of features, (votes, features).")
    if not prior > 0:
        raise InputError(f"prior={prior}: give a number above 0, or the best weights may be infinite.")

    def objective(w):
        d = x @ w
        won = np.exp(-np.logaddexp(0, -d))
        value = (counts * np.logaddexp(0, -d)).sum() + prior / 2 * w @ w
        slope = prior * w - x.T @ (counts * (1 - won))
        bend = (x * (counts * won * (1 - won))[:, None]).T @ x + prior * np.eye(x.shape[1])
        return value, slope, bend

    return newton(objective, np.zeros(x.shape[1]) if start is None else start, steps)


def newton(objective: Objective, start: np.ndarray, steps: int = 60) -> np.ndarray:
    """Where a strictly convex objective is smallest: Newton's method with halved steps."""
    w = start
    value, slope, bend = objective(w)
    for _ in range(steps):
        step = np.linalg.solve(bend, slope)
        gain, length = slope @ step, 1.0
        if gain < 1e-10 * (1 + abs(value)):
            break
        new = objective(w - step)
        while new[0] > value - 1e-4 * length * gain and length > 1e-6:
            length /= 2
            new = objective(w - length * step)
        w, (value, slope, bend) = w - length * step, new
    return w
