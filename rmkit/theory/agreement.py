"""Do raters agree more than chance would have it? Cohen's kappa for two raters, Fleiss' for many.

    kappa = (p_o - p_e) / (1 - p_e)

p_o is the share of agreement seen, p_e the share that raters with these habits would reach by chance.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rmkit.errors import InputError


class Kappa(NamedTuple):
    """kappa is NaN where chance alone would agree always (p_e = 1): there is nothing to be better than."""

    kappa: float
    observed: float
    chance: float

    def at(self, observed: float) -> float:
        """kappa if this share of agreement had been seen, with the same habits."""
        return (observed - self.chance) / (1 - self.chance) if self.chance < 1 else float("nan")


def cohen(first: ArrayLike, second: ArrayLike) -> Kappa:
    """Two raters: p_e = sum over categories of the product of their shares (Cohen 1960).

    first, second (N,): the category that each gave to the same N items.
    """
    a, b = np.asarray(first), np.asarray(second)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise InputError(f"first {a.shape} and second {b.shape}: give one category an item from each rater.")
    names = np.unique(np.concatenate([a, b]))
    shares = [(each[:, None] == names).mean(0) for each in (a, b)]
    return _kappa(float((a == b).mean()), float(shares[0] @ shares[1]))


def fleiss(counts: ArrayLike) -> Kappa:
    """Many raters: p_o is the share of agreeing pairs of raters, averaged over items (Fleiss 1971).

    counts (N, C): how many raters put item i into category c. Fleiss has as many raters for every item; here
    items may have different numbers, two or more, and p_e takes the shares of all ratings together.
    """
    n = np.asarray(counts, dtype=np.float64)
    if n.ndim != 2 or not n.size or not np.isfinite(n).all() or (n < 0).any() or (n.sum(1) < 2).any():
        raise InputError(f"counts {n.shape}: give (items, categories), with two or more ratings an item.")
    raters = n.sum(1)
    agreeing = (n * (n - 1)).sum(1) / (raters * (raters - 1))
    share = n.sum(0) / n.sum()
    return _kappa(float(agreeing.mean()), float(share @ share))


def _kappa(observed: float, chance: float) -> Kappa:
    chance = min(chance, 1.0)  # a sum of shares may be 1 and a rounding more
    return Kappa(Kappa(0.0, observed, chance).at(observed), observed, chance)
