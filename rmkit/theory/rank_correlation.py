"""Does one number about models foretell another? Spearman's rank correlation, and how sure it is."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rmkit.errors import InputError
from rmkit.theory.intervals import Interval, numbers

DRAWS = 2000  # of the bootstrap


def rank_correlation(
    x: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """Spearman's rho between x (M,) and y (M,), one number a model each, with its interval over models.

    1: the order of the models by x is that by y; ties share their ranks. The interval is the percentile
    bootstrap (Efron 1979): models are drawn anew, with replacement.   groups (M,): models that share a cause
    of their luck (one recipe with several seeds, say) are drawn together.
    """
    x, y, places = _checked((x, y), groups, seed)
    return _interval(_rho(x, y), _rho(x[places], y[places]), confidence)


def correlation_gain(
    x: ArrayLike,
    other: ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """rho(x, y) - rho(other, y), paired: both are measured on the same drawn models."""
    x, other, y, places = _checked((x, other, y), groups, seed)
    drawn = _rho(x[places], y[places]) - _rho(other[places], y[places])
    return _interval(_rho(x, y) - _rho(other, y), drawn, confidence)


def _rho(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman's rho over the last axis; 0 where one side is constant and so predicts nothing."""
    a, b = (stats.rankdata(each, axis=-1) for each in (x, y))
    a, b = (each - each.mean(-1, keepdims=True) for each in (a, b))
    size = np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    return np.where(size > 0, (a * b).sum(-1) / np.where(size > 0, size, 1), 0.0)


def _checked(columns: tuple[ArrayLike, ...], groups, seed: int) -> list[np.ndarray]:
    """The columns as arrays, and (DRAWS, M) places of a bootstrap."""
    arrays = [numbers(column, "a column of models") for column in columns]
    models = len(arrays[0])
    if models < 3 or any(len(array) != models for array in arrays):
        raise InputError(
            f"The columns have {', '.join(str(len(array)) for array in arrays)} models; give the same models "
            "in all, at least 3."
        )
    if groups is None:
        return [*arrays, np.random.default_rng(seed).integers(models, size=(DRAWS, models))]
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    if len(member) != models:
        raise InputError(f"There are {len(member)} group labels for {models} models; give one a model.")
    sizes = np.bincount(member)
    if len(set(sizes)) > 1 or len(sizes) < 3:
        raise InputError("Groups of models must be of one size, and at least 3, to be drawn together.")
    inside = np.argsort(member, kind="stable").reshape(len(sizes), sizes[0])
    drawn = np.random.default_rng(seed).integers(len(sizes), size=(DRAWS, len(sizes)))
    return [*arrays, inside[drawn].reshape(DRAWS, -1)]


def _interval(value, drawn: np.ndarray, confidence: float) -> Interval:
    low, high = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Interval(float(value), float(low), float(high))
