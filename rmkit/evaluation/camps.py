"""Were the camps found? Two groupings of the same people, whose names for the groups need not agree."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.special import comb

from rmkit.errors import InputError


def relabeled_accuracy(true: ArrayLike, found: ArrayLike) -> float:
    """Share of people in the right group under the best one-to-one naming of the groups found.

    true, found (U,): any labels. Groups beyond the true number find no name: their people count as wrong.
    """
    table = _table(true, found)
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / table.sum())


def adjusted_rand(true: ArrayLike, found: ArrayLike) -> float:
    """Agreement on pairs of people, 1 = the same grouping, 0 = as by chance (Hubert and Arabie 1985)."""
    table = _table(true, found)
    together = comb(table, 2).sum()
    rows, columns = comb(table.sum(1), 2).sum(), comb(table.sum(0), 2).sum()
    chance = rows * columns / comb(table.sum(), 2)
    most = (rows + columns) / 2
    return 1.0 if most == chance else float((together - chance) / (most - chance))


def _table(true: ArrayLike, found: ArrayLike) -> np.ndarray:
    """(groups, groups) how many people are in both."""
    a, b = np.asarray(true), np.asarray(found)
    if a.ndim != 1 or a.shape != b.shape or len(a) < 2:
        raise InputError(f"true {a.shape} and found {b.shape}: give one label for each of 2 or more people.")
    (_, i), (_, j) = (np.unique(each, return_inverse=True) for each in (a, b))
    table = np.zeros((i.max() + 1, j.max() + 1), dtype=int)
    np.add.at(table, (i, j), 1)
    return table
