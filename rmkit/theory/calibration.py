"""May sigma(gap) be read as a probability? Calibration, reliability and the temperature of rewards.

Rewards have no unit until a temperature gives them one, so calibration is a statement about gaps.
"""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from rmkit.errors import InputError
from rmkit.theory.intervals import numbers, wilson


class Reliability(NamedTuple):
    """Arrays of a reliability diagram, one entry a bin, with a Wilson interval for each agreement."""

    confidence: np.ndarray  # mean sigma(|gap|) of the bin
    agreement: np.ndarray  # share of the bin where the model's pick is the people's pick
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray


class Calibration(NamedTuple):
    """How well sigma(gap) can be read as a probability.

    ece: mean |agreement - confidence| over bins, weighted by count.
    ece_floor: what a perfectly calibrated model with these gaps would show by chance alone, with one vote a
        pair; where a pair has more, chance gives less.
    brier: mean (q - sigma(gap))**2, where q is the share of votes for the pair's order: 1, if one person
        judged it.   log_loss: mean -q log sigma(gap) - (1 - q) log sigma(-gap).
    temperature: the T that minimizes mean -log sigma(gap / T); above 1, the rewards were too sure.
    note: empty, or why the temperature is not a plain maximum-likelihood estimate.
    """

    ece: float
    ece_floor: float
    brier: float
    log_loss: float
    temperature: float
    note: str

    def to_dict(self) -> dict[str, float | str]:
        return self._asdict()


def calibration(gaps: ArrayLike, bins: int = 10, share: ArrayLike | None = None) -> Calibration:
    """Calibration of a reward model on labeled pairs. gaps (N,) = reward(better) - reward(worse).

    share (N,): the share of votes for the pair's order, where several people voted (None: all of them).
    """
    gaps = numbers(gaps, "gaps")
    q = shares(share, gaps)
    parts = _bins(gaps, bins, q)
    fitted, note = temperature(gaps, q)
    return Calibration(
        ece=float(sum(n * abs(right - sure) for sure, right, n, _ in parts) / len(gaps)),
        ece_floor=sum(_mean_deviation(sure, n, spread) for sure, _, n, spread in parts) / len(gaps),
        brier=float(np.mean((special.expit(-gaps) - (1 - q)) ** 2)),  # 1 - sigma(gap) = sigma(-gap)
        log_loss=float(log_loss(gaps, q).mean()),
        temperature=fitted,
        note=note,
    )


def reliability_curve(gaps: ArrayLike, bins: int = 10, share: ArrayLike | None = None) -> Reliability:
    """When the model is 80 % sure, do people agree 80 % of the time?

    gaps (N,) = reward(better) - reward(worse). A pair has no first and second: swapping it turns (P, outcome)
    into (1 - P, 1 - outcome), so a diagram of P over [0, 1] would show all twice. What is left is the
    model's pick: its confidence sigma(|gap|), from 0.5 to 1, against how often people agree with it (gap >
    0; a gap of 0 agrees half; with share (N,), by the share of votes for the pair's order). Bins hold equal
    numbers of pairs, so all points are about equally sure whatever the scale of the rewards; there are fewer
    than `bins` when there are fewer pairs.
    """
    gaps = numbers(gaps, "gaps")
    confidence, agreement, count, _ = np.array(_bins(gaps, bins, shares(share, gaps)), dtype=np.float64).T
    z = stats.norm.ppf(0.975)
    ends = np.array([wilson(p, n, z) for p, n in zip(agreement, count, strict=True)])
    return Reliability(confidence, agreement, ends[:, 0], ends[:, 1], count.astype(int))


def fit_temperature(gaps: ArrayLike) -> float:
    """The temperature T > 0 that maximizes sum log sigma(gap / T).

    gaps (N,) = reward(better) - reward(worse). T > 1: the rewards were too sure. T is always finite: where
    the maximum is not (no gap negative: T = 0; rewards no better than a coin: T = infinity), a finite
    stand-in is returned with a RuntimeWarning; `calibration(gaps).note` says the same.
    """
    fitted, note = temperature(gaps)
    if note:
        warnings.warn(note, RuntimeWarning, stacklevel=2)
    return fitted


def temperature(gaps: ArrayLike, share: ArrayLike | None = None) -> tuple[float, str]:
    """(T of `fit_temperature`, the note that says why it is a stand-in, or "").

    share (N,): the share of votes for the pair's order, where several people voted (None: all of them).
    """
    gaps = numbers(gaps, "gaps")
    q = shares(share, gaps)
    gaps, q = np.where(q < 0.5, -gaps, gaps), np.maximum(q, 1 - q)
    scale = float(np.abs(gaps).max())
    if scale == 0:
        return 1.0, "All gaps are 0, so no temperature fits better than another; 1 is returned."
    g = gaps / scale
    note = ""
    if (g >= 0).all() and (q[g > 0] == 1).all():  # Platt (1999): such targets keep a separable fit finite
        q = np.full(len(g), (len(g) + 1) / (len(g) + 2))
        note = (
            "No pair is ordered wrongly, so the likelihood wants T = 0; Platt's smoothed targets were used."
        )

    # d/d beta of the mean negative log-likelihood, increasing in beta = scale / T
    def slope(beta: float) -> float:
        return float(np.mean(g * (special.expit(beta * g) - q)))

    flattest = 1e-3
    if slope(flattest) >= 0:
        return (
            scale / flattest,
            "The rewards do no better than a coin, so the likelihood wants T = infinity; it was capped.",
        )
    steepest = 1.0
    while slope(steepest) < 0:
        steepest *= 2
    return scale / float(optimize.brentq(slope, flattest, steepest, xtol=1e-12)), note


def shares(share: ArrayLike | None, gaps: np.ndarray) -> np.ndarray:
    """(N,) shares of votes between 0 and 1, one for each gap; None: all votes are for the pair's order."""
    if share is None:
        return np.ones(len(gaps))
    q = numbers(share, "share")
    if q.shape != gaps.shape or ((q < 0) | (q > 1)).any():
        raise InputError(f"share needs a number from 0 to 1 for each of the {len(gaps):,} gaps.")
    return q


def log_loss(gaps: ArrayLike, share: ArrayLike = 1.0) -> np.ndarray:
    """-q log sigma(gap) - (1 - q) log sigma(-gap) of each pair; a share q of its votes is for its order."""
    gaps = np.asarray(gaps, dtype=np.float64)
    return -share * special.log_expit(gaps) - (1 - share) * special.log_expit(-gaps)


def _bins(gaps: np.ndarray, bins: int, share: np.ndarray) -> list[tuple[float, float, int, float]]:
    """(mean confidence, agreement, count, sum of c (1 - c)) of bins with equal counts.

    c = sigma(|gap|) is the model's confidence in its own pick; the share of people agrees where the gap is
    positive, the others where it is negative.
    """
    if bins < 1:
        raise InputError(f"bins is {bins}; it must be at least 1.")
    order = np.argsort(np.abs(gaps), kind="stable")
    confidence = special.expit(np.abs(gaps[order]))
    agreement = (np.sign(gaps[order]) * (2 * share[order] - 1) + 1) / 2
    spread = confidence * special.expit(-np.abs(gaps[order]))
    parts = (np.array_split(each, min(bins, len(order))) for each in (confidence, agreement, spread))
    return [(c.mean(), a.mean(), len(c), v.sum()) for c, a, v in zip(*parts, strict=True)]


def _mean_deviation(p: float, n: int, variance: float) -> float:
    """E |X - E X| of the number of right picks among n, each right with its confidence (mean p).

    De Moivre's formula for a binomial, 2 k (1 - p) P(X = k) with k = floor(n p) + 1, in proportion to the
    standard deviation, which is smaller where the confidences of a bin differ.
    """
    if not variance > 0 or p == 1:  # so sure that 1 - p was rounded away
        return 0.0
    k = np.floor(n * p) + 1
    deviation = 2 * k * (1 - p) * stats.binom.pmf(k, n, p)
    return float(deviation * np.sqrt(variance / (n * p * (1 - p))))
