"""Where is the first wrong step? Found errors and ProcessBench's F1, with a value for each solution.

    F1 = 2 a b / (a + b),   a = share of the solutions with an error in which exactly its step is found,
                            b = share of the right solutions in which nothing is

(Zheng et al. 2024, arXiv:2412.06559). Solutions are rows (N, S), NaN where there is no step.
"""

import numpy as np
from numpy.typing import ArrayLike

from rmkit.errors import InputError

TRIED = 200  # thresholds: the middles between as many quantiles of the rewards


def first_below(rewards: ArrayLike, threshold: float) -> np.ndarray:
    """(N,) the first step whose reward is below the threshold, counted from 0; -1 = none."""
    with np.errstate(invalid="ignore"):
        below = np.asarray(rewards, dtype=float) < threshold
    return np.where(below.any(1), below.argmax(1), -1)


def f1(said: ArrayLike, first: ArrayLike) -> float:
    """F1 of the steps `said` (N,) to be the first wrong ones, where `first` (N,) are; -1 = none."""
    a, b = _shares(*_places(said, first))
    return float(2 * a * b / (a + b)) if a + b else 0.0


def f1_values(said: ArrayLike, first: ArrayLike) -> np.ndarray:
    """(N,) values whose mean is F1: F1 and N times its slope in each solution's weight.

    So intervals for means hold for F1 too (the infinitesimal jackknife): give them the values.
    """
    hit, wrong = _places(said, first)
    a, b = _shares(hit, wrong)
    if not a + b:
        return np.zeros(len(hit))
    slope = np.where(wrong, 2 * b**2, 2 * a**2) / (a + b) ** 2  # dF/da and dF/db
    share = np.where(wrong, wrong.mean(), 1 - wrong.mean())
    return 2 * a * b / (a + b) + slope * (hit - np.where(wrong, a, b)) / share


def best_threshold(rewards: ArrayLike, first: ArrayLike) -> float:
    """The threshold with the highest F1 on these solutions. Judge on OTHERS: chosen where it is judged, it
    flatters.
    """
    r = np.asarray(rewards, dtype=float)
    seen = np.unique(r[np.isfinite(r)])
    if not len(seen):
        raise InputError("No step has a reward: there is no threshold to choose.")
    ends = np.quantile(seen, np.linspace(0, 1, min(TRIED, len(seen))))
    tried = np.concatenate([[ends[0]], (ends[1:] + ends[:-1]) / 2, [np.nextafter(ends[-1], np.inf)]])
    return float(max(tried, key=lambda threshold: f1(first_below(r, threshold), first)))


def _places(said: ArrayLike, first: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    said, first = np.asarray(said), np.asarray(first)
    wrong = first >= 0
    if said.shape != first.shape or wrong.all() or not wrong.any():
        raise InputError(
            f"F1 needs one place for each solution, some with an error and some without; there are "
            f"{said.shape} for {first.shape}, {int(wrong.sum())} with an error."
        )
    return said == first, wrong


def _shares(hit: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    return float(hit[wrong].mean()), float(hit[~wrong].mean())
