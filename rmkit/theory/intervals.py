"""How sure are we? Intervals and paired tests for the accuracy of a reward model.

Pairs that share a prompt are not independent, so prompts (clusters) are what is counted. SciPy does the
distributions.
"""

import itertools
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special, stats

from rmkit.errors import InputError

EXACT = 14  # up to this many differing prompts, all 2**EXACT sign flips are enumerated


class Interval(NamedTuple):
    """An estimate and the ends of its confidence interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}]"


class Difference(NamedTuple):
    """A paired difference a - b: its mean, the ends of its interval, and the p-value of "no difference"."""

    mean: float
    interval: tuple[float, float]
    p_value: float

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.mean:+.4g} [{low:+.4g}, {high:+.4g}], p = {self.p_value:.2g}"


def credit(gaps: ArrayLike) -> np.ndarray:
    """1 where a gap (chosen minus rejected) is positive, 0 where negative, 1/2 where rewards are equal."""
    return (np.sign(np.asarray(gaps, dtype=np.float64)) + 1) / 2


def accuracy_interval(
    correct: ArrayLike, clusters: ArrayLike | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval for the accuracy over prompts: Wilson's (1927), with an effective number of pairs.

    correct (N,): 1 right, 0 wrong, 0.5 a tie.   clusters (N,): each pair's prompt (None: all different).
    With one pair a prompt this is Wilson's interval. Else `effective_interval` takes the variance between
    prompts (CR2: Bell and McCaffrey 2002), with their degrees of freedom, and the interval is never narrower
    than that of independent pairs. At 0 % and 100 %, where no variance is seen, the pairs of a prompt count
    as copies of each other: N**2 / (sum of squared prompt sizes) pairs. Coverage: docs/intervals.md.
    """
    values, sizes, totals = by_cluster(correct, clusters)
    if values.min() < 0 or values.max() > 1:
        raise InputError("correct must lie between 0 and 1 (1 right, 0 wrong, 0.5 a tie).")
    pairs, prompts, p = len(values), len(sizes), values.mean()
    normal = special.ndtri(0.5 + confidence / 2)
    low, high = wilson(p, pairs, normal)
    if prompts == pairs:
        return low, high
    if prompts == 1:
        return wilson(p, 1.0, normal)
    variance, freedom = clustered(totals, sizes, p, _shared(totals, sizes, p, p * (1 - p)))
    wide = effective_interval(p, variance, freedom, pairs**2 / (sizes**2).sum(), confidence)
    return min(low, wide[0]), max(high, wide[1])


def effective_interval(
    p: float, variance: float, freedom: float, least: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Wilson's interval for a share p of known variance: n = p (1 - p) / variance, and Student's quantile.

    freedom: the degrees of freedom of the variance.   least: the n to use where p is 0 or 1, or the variance
    is 0. Korn and Graubard (1998) do so with Clopper and Pearson's interval.
    """
    n = p * (1 - p) / variance if variance > 0 and 0 < p < 1 else least
    return wilson(p, n, special.stdtrit(freedom, 0.5 + confidence / 2))


def paired_difference(
    a: ArrayLike, b: ArrayLike, clusters: ArrayLike | None = None, confidence: float = 0.95
) -> Difference:
    """Is model a better than model b on the same pairs?

    a, b (N,): each model's credit for the same pairs, in the same order.   clusters (N,): each pair's prompt.
    interval: mean(a - b) with the variance between prompts and its degrees of freedom (see `clustered`).
    Where all differences are equal (two models that never differ, say) that variance is 0; the interval then
    reaches as far as Wilson's upper bound on a share of which 0 of G was seen.
    p_value: if the models are equally good, each prompt's total could as well have had the other sign. All
    sign patterns are enumerated for up to 14 prompts that differ; beyond that the normal limit is used.
    With one pair a prompt this is McNemar's test.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise InputError(
            f"a has shape {a.shape} and b {b.shape}; a paired test needs the same pairs in both."
        )
    values, sizes, totals = by_cluster(a - b, clusters)
    if np.concatenate([a, b]).min() < 0 or np.concatenate([a, b]).max() > 1:
        raise InputError("a and b must lie between 0 and 1 (1 right, 0 wrong, 0.5 a tie).")
    prompts = len(sizes)
    if prompts < 2:
        raise InputError("A paired difference needs at least 2 prompts; this has 1.")
    mean = values.mean()
    variance, freedom = clustered(totals, sizes, mean, _shared(totals, sizes, mean, values.var()))
    quantile = special.stdtrit(freedom, 0.5 + confidence / 2)
    half = quantile * np.sqrt(variance) if variance > 0 else wilson(0.0, prompts, quantile)[1]
    interval = (max(float(mean - half), -1.0), min(float(mean + half), 1.0))
    return Difference(float(mean), interval, _sign_flips(totals))


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Student's t interval for a mean, such as one number over several seeds. values (N,), N >= 2."""
    values = numbers(values, "values")
    if len(values) < 2:
        raise InputError("An interval needs at least 2 values (seeds); this has 1.")
    half = special.stdtrit(len(values) - 1, 0.5 + confidence / 2) * stats.sem(values)
    mean = float(values.mean())
    return Interval(mean, mean - float(half), mean + float(half))


def power(expected: float, interval: tuple[float, float], confidence: float = 0.95) -> float:
    """The chance that a design like this one would have told an effect of `expected` size from zero.

    interval: the (low, high) that was measured; its half width gives the standard error. Two-sided normal
    test, as in Cohen 1988. Below about 0.8 a result of "no difference" says little.
    """
    normal = special.ndtri(0.5 + confidence / 2)
    error = (interval[1] - interval[0]) / (2 * normal)
    if error == 0:
        return float(expected != 0)
    return float(special.ndtr(expected / error - normal) + special.ndtr(-expected / error - normal))


def crossed_interval(
    values: ArrayLike, weights: ArrayLike | None = None, confidence: float = 0.95
) -> Interval:
    """An interval for the mean of a table of which both margins are samples. values (S, N), S and N >= 2.

    Rows are runs (seeds, training sets), columns what they were tested on (pairs, prompts): an interval over
    rows alone would hold for these very columns only.   weights (S, N): how much a cell counts, such as a
    prompt's number of pairs; 0 = this run was not tested on it (None: all 1). Variance: that between rows
    plus that between columns; what is due to neither counts twice, so it is a little too wide (Owen 2007,
    "The pigeonhole bootstrap"). Degrees of freedom: Welch and Satterthwaite.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or min(values.shape) < 2:
        raise InputError(f"values has shape {values.shape}; give runs x prompts, at least 2 of each.")
    weights = np.ones(values.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    values = np.where(weights > 0, values, 0.0)
    if not np.isfinite(values).all():
        raise InputError("values holds NaN or infinity where its weight is not 0; remove it.")
    mean = float((values * weights).sum() / weights.sum())
    parts = [_margin(values * weights, weights, mean, axis) for axis in (0, 1)]
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return Interval(mean, mean, mean)
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    half = float(special.stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(variance))
    return Interval(mean, mean - half, mean + half)


def _margin(products: np.ndarray, weights: np.ndarray, mean: float, axis: int) -> tuple[float, float]:
    sizes = weights.sum(1 - axis)
    return clustered(products.sum(1 - axis)[sizes > 0], sizes[sizes > 0], mean)


def _sign_flips(totals: np.ndarray) -> float:
    """Two-sided p-value of sum(totals) when every sign is a fair coin."""
    totals = totals[totals != 0]
    observed = abs(totals.sum())
    if len(totals) > EXACT:
        return float(2 * stats.norm.sf(observed / np.sqrt((totals**2).sum())))
    if not len(totals):
        return 1.0
    signs = np.array(list(itertools.product([-1, 1], repeat=len(totals))))
    return float(np.mean(np.abs(signs @ totals) >= observed - 1e-12))


def wilson(p: float, n: float, quantile: float) -> tuple[float, float]:
    """Wilson's (1927) score interval for a proportion p of n."""
    z2 = quantile**2
    center, half = p + z2 / (2 * n), quantile * np.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    low, high = (center - half) / (1 + z2 / n), (center + half) / (1 + z2 / n)
    return float(min(max(low, 0.0), p)), float(max(min(high, 1.0), p))


def clustered(totals: np.ndarray, sizes: np.ndarray, mean: float, shared: float = 1.0) -> tuple[float, float]:
    """The variance of sum(totals) / sum(sizes) over few clusters of uneven size, and its degrees of freedom.

    totals, sizes (G,), G >= 2.   CR2: the residual e_g = total_g - mean size_g of a large cluster is too
    small, since it pulls the mean to itself, so V = sum of e_g**2 / (1 - h_g) / N**2 with h_g = size_g / N.
    Degrees of freedom: Satterthwaite's 2 E(V)**2 / Var(V), for clusters in which two values correlate by
    `shared` (Bell and McCaffrey 2002 take 0; 1 is the most careful). For even sizes they are G - 1.
    """
    n = sizes.sum()
    h = sizes / n
    d = 1 / (1 - h)
    variance = float((d * (totals - mean * sizes) ** 2).sum() / n**2)
    w = sizes * (1 + (sizes - 1) * shared) if shared < 1 else sizes**2  # variances of the totals
    # e = (I - h 1') totals has covariance diag(w) + u, u = -h w' - w h' + s h h'; V is a sum of its squares.
    s, own = w.sum(), w.sum() * h**2 - 2 * h * w
    a, b, c = (d * h * h).sum(), (d * h * w).sum(), (d * w * w).sum()
    trace = (d * (w + own)).sum()
    squares = (d**2 * (w**2 + 2 * w * own)).sum() + 2 * a * c + s**2 * a**2 + 2 * b**2 - 4 * s * a * b
    return variance, float(max(trace**2 / squares, 1.0))


def _shared(totals: np.ndarray, sizes: np.ndarray, mean: float, alone: float) -> float:
    """How much two values of a cluster correlate, within 0 and 1, by the method of moments.

    alone: the variance of one value.
    """
    if alone == 0 or (sizes <= 1).all():
        return 1.0
    squares = ((totals - mean * sizes) ** 2 / (1 - sizes / sizes.sum())).sum() / alone
    return float(np.clip((squares - sizes.sum()) / (sizes * (sizes - 1)).sum(), 0, 1))


def by_cluster(values: ArrayLike, clusters: ArrayLike | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(values (N,), cluster sizes (G,), cluster totals (G,))."""
    values = numbers(values, "the values")
    if clusters is None:
        return values, np.ones(len(values)), values
    labels = clusters if isinstance(clusters, np.ndarray | pd.Series) else list(clusters)
    if len(labels) != len(values):
        raise InputError(
            f"There are {len(values)} values but {len(labels)} cluster labels; give one label a value."
        )
    index, _ = pd.factorize(pd.Series(labels), use_na_sentinel=False)  # numbers by first appearance
    return values, np.bincount(index).astype(np.float64), np.bincount(index, weights=values)


def numbers(values: ArrayLike, name: str) -> np.ndarray:
    """A non-empty 1-D float64 array without NaN or infinity, or an InputError."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"{name} must be one-dimensional; got shape {array.shape}.")
    if array.size == 0:
        raise InputError(f"{name} is empty; there is nothing to measure.")
    if not np.isfinite(array).all():
        raise InputError(
            f"{name} holds NaN or infinity at position {int(np.argmin(np.isfinite(array)))}; remove it."
        )
    return array
