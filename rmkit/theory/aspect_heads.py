"""One linear head for each aspect of an answer, and a reward that is not to pay for length (ArmoRM, 2024)."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rmkit.errors import InputError

# The penalties that ArmoRM tries, and the rank correlation with verbosity that it puts up with.
PENALTIES = (0.0, 0.01, *(0.025 * k for k in range(1, 7)), *(0.05 * k for k in range(4, 20)))
MOST = 0.028


def ridge(f: ArrayLike, ratings: ArrayLike, *, prior: float = 1.0) -> np.ndarray:
    """(A, D) heads w_a that minimize  sum (w_a . f - rating)^2 + prior |w_a|^2, each by itself, no intercept.

    f (N, D), ratings (N, A); NaN = not rated. Without an intercept a head must explain the level of the
    ratings too: give f a column of ones, or ratings whose mean is 0, or know that only gaps mean anything.
    """
    f, ratings = np.asarray(f, dtype=np.float64), np.asarray(ratings, dtype=np.float64)
    if f.ndim != 2 or ratings.ndim != 2 or len(f) != len(ratings):
        raise InputError(f"f {f.shape} and ratings {ratings.shape}: give (N, D) and (N, aspects).")
    heads = []
    for a, column in enumerate(ratings.T):
        known = np.isfinite(column)
        if not known.any():
            raise InputError(f"No answer is rated in aspect number {a}: leave it out.")
        x = f[known]
        heads.append(np.linalg.solve(x.T @ x + prior * np.eye(f.shape[1]), x.T @ column[known]))
    return np.stack(heads)


def verbosity_penalty(
    rewards: ArrayLike, verbosity: ArrayLike, *, most: float = MOST, penalties: ArrayLike = PENALTIES
) -> float:
    """The least p of `penalties` with Spearman(reward - p verbosity, verbosity) <= most; 1 where none does.

    rewards, verbosity (N,): two rewards of the same answers, in the same unit. Ranks, since nobody knows the
    unit of a head; 1 is what ArmoRM falls back on.
    """
    r, v = (np.asarray(each, dtype=np.float64) for each in (rewards, verbosity))
    if r.ndim != 1 or r.shape != v.shape or len(r) < 3:
        raise InputError(
            f"rewards {r.shape} and verbosity {v.shape}: give two numbers for each of 3+ answers."
        )
    for penalty in np.sort(np.asarray(penalties, dtype=np.float64)):
        if stats.spearmanr(r - penalty * v, v).statistic <= most:
            return float(penalty)
    return 1.0
