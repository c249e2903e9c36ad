"""How sure are we? Intervals, paired tests and calibration for the accuracy of a reward model.

Two facts decide everything here. Pairs that share a prompt are not independent, so prompts (clusters) are
what is counted; and rewards have no unit until a temperature gives them one, so calibration is a statement
about gaps. SciPy does the statistics.
"""

import itertools
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

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
    ece_floor: what a perfectly calibrated model with these gaps would show by chance alone.
    brier: mean (1 - sigma(gap))**2.   log_loss: mean -log sigma(gap).
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


def accuracy_interval(
    correct: ArrayLike, clusters: ArrayLike | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval for the accuracy over prompts: Wilson's, with an effective number of pairs.

    correct (N,): 1 right, 0 wrong, 0.5 a tie.   clusters (N,): each pair's prompt (None: all different).
    With p the accuracy and v its variance from prompt totals (linearized ratio estimator), the N pairs are
    worth n = p (1 - p) / v independent ones, at most N. Wilson's (1927) interval takes this n, and Student's
    quantile with G - 1 degrees of freedom for G prompts (Korn and Graubard 1998 do so with Clopper-Pearson).
    At 0 % and 100 %, where v says nothing, the pairs of a prompt count as copies of each other:
    n = N**2 / (sum of squared prompt sizes).
    """
    values, sizes, totals = _by_cluster(correct, clusters)
    if values.min() < 0 or values.max() > 1:
        raise InputError("correct must lie between 0 and 1 (1 right, 0 wrong, 0.5 a tie).")
    pairs, prompts = len(values), len(sizes)
    p = values.mean()
    copies = pairs**2 / (sizes**2).sum()
    if prompts == 1:
        n, quantile = 1.0, stats.norm.ppf(0.5 + confidence / 2)
    else:
        variance = _ratio_variance(totals, sizes, p)
        n = p * (1 - p) / variance if variance > 0 and 0 < p < 1 else copies
        n, quantile = min(n, pairs), stats.t.ppf(0.5 + confidence / 2, prompts - 1)
    return _wilson(p, n, quantile)


def paired_difference(
    a: ArrayLike, b: ArrayLike, clusters: ArrayLike | None = None, confidence: float = 0.95
) -> Difference:
    """Is model a better than model b on the same pairs?

    a, b (N,): each model's credit for the same pairs, in the same order.   clusters (N,): each pair's prompt.
    interval: mean(a - b), variance from the totals of G prompts, Student's t with G - 1 degrees.
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
    values, sizes, totals = _by_cluster(a - b, clusters)
    if np.concatenate([a, b]).min() < 0 or np.concatenate([a, b]).max() > 1:
        raise InputError("a and b must lie between 0 and 1 (1 right, 0 wrong, 0.5 a tie).")
    prompts = len(sizes)
    if prompts < 2:
        raise InputError("A paired difference needs at least 2 prompts; this has 1.")
    mean = values.mean()
    quantile = stats.t.ppf(0.5 + confidence / 2, prompts - 1)
    half = quantile * np.sqrt(_ratio_variance(totals, sizes, mean))
    if half == 0:
        half = _wilson(0.0, prompts, quantile)[1]
    interval = (max(float(mean - half), -1.0), min(float(mean + half), 1.0))
    return Difference(float(mean), interval, _sign_flips(totals))


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Student's t interval for a mean, such as one number over several seeds. values (N,), N >= 2."""
    values = _numbers(values, "values")
    if len(values) < 2:
        raise InputError("An interval needs at least 2 values (seeds); this has 1.")
    half = stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * stats.sem(values)
    mean = float(values.mean())
    return Interval(mean, mean - float(half), mean + float(half))


def crossed_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """An interval for the mean of a table of which both margins are samples. values (S, N), S and N >= 2.

    Rows are runs (seeds, training sets), columns what they were tested on (pairs, prompts): an interval over
    rows alone would hold for these very columns only. Variance: that of the row means / S + that of the
    column means / N; what is due to neither counts twice, so it is a little too wide (Owen 2007, "The
    pigeonhole bootstrap"). Degrees of freedom: Welch and Satterthwaite.
    """
    values = np.asarray(values, float)
    parts = np.array([values.mean(1 - axis).var(ddof=1) / values.shape[axis] for axis in (0, 1)])
    mean, variance = float(values.mean()), parts.sum()
    if variance == 0:
        return Interval(mean, mean, mean)
    freedom = variance**2 / (parts**2 / (np.array(values.shape) - 1)).sum()
    half = float(stats.t.ppf(0.5 + confidence / 2, freedom) * np.sqrt(variance))
    return Interval(mean, mean - half, mean + half)


def calibration(gaps: ArrayLike, bins: int = 10, seed: int = 0) -> Calibration:
    """Calibration of a reward model on labeled pairs. gaps (N,) = reward(better) - reward(worse)."""
    gaps = _numbers(gaps, "gaps")
    floor = _ece_if_calibrated(gaps, bins, seed)
    temperature, note = _temperature(gaps)
    return Calibration(
        ece=_ece(*_confidence(gaps), bins),
        ece_floor=floor,
        brier=float(np.mean(special.expit(-gaps) ** 2)),  # 1 - sigma(gap) = sigma(-gap)
        log_loss=float(np.mean(-special.log_expit(gaps))),
        temperature=temperature,
        note=note,
    )


def reliability_curve(gaps: ArrayLike, bins: int = 10) -> Reliability:
    """When the model is 80 % sure, do people agree 80 % of the time?

    gaps (N,) = reward(better) - reward(worse). A pair has no first and second: swapping it turns (P, outcome)
    into (1 - P, 1 - outcome), so a diagram of P over [0, 1] would show all twice. What is left is the
    model's pick: its confidence sigma(|gap|), from 0.5 to 1, against how often people agree with it (gap >
    0; a gap of 0 agrees half). Bins hold equal numbers of pairs, so all points are about equally sure
    whatever the scale of the rewards; there are fewer than `bins` when there are fewer pairs.
    """
    gaps = _numbers(gaps, "gaps")
    parts = _bins(*_confidence(gaps), bins)
    confidence, agreement, count = (np.array(column, dtype=np.float64) for column in zip(*parts, strict=True))
    z = stats.norm.ppf(0.975)
    ends = np.array([_wilson(p, n, z) for p, n in zip(agreement, count, strict=True)])
    return Reliability(confidence, agreement, ends[:, 0], ends[:, 1], count.astype(int))


def fit_temperature(gaps: ArrayLike) -> float:
    """The temperature T > 0 that maximizes sum log sigma(gap / T).

    gaps (N,) = reward(better) - reward(worse). T > 1: the rewards were too sure. T is always finite: where
    the maximum is not (no gap negative: T = 0; rewards no better than a coin: T = infinity), a finite
    stand-in is returned with a RuntimeWarning; `calibration(gaps).note` says the same.
    """
    temperature, note = _temperature(_numbers(gaps, "gaps"))
    if note:
        warnings.warn(note, RuntimeWarning, stacklevel=2)
    return temperature


def _temperature(gaps: np.ndarray) -> tuple[float, str]:
    scale = float(np.abs(gaps).max())
    if scale == 0:
        return 1.0, "All gaps are 0, so no temperature fits better than another; 1 is returned."
    g = gaps / scale
    right = 1.0
    note = ""
    if (g >= 0).all():  # Platt (1999): targets (N + 1) / (N + 2) keep a separable fit finite
        right = (len(g) + 1) / (len(g) + 2)
        note = (
            "No pair is ordered wrongly, so the likelihood wants T = 0; Platt's smoothed targets were used."
        )

    def slope(
        beta: float,
    ) -> float:  # d/d beta of the mean negative log-likelihood, increasing in beta = scale / T
        return float(np.mean(g * (special.expit(beta * g) - right)))

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


def _confidence(gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The model's confidence in its own pick and whether people agree, both (N,)."""
    return special.expit(np.abs(gaps)), (np.sign(gaps) + 1) / 2


def _bins(confidence: np.ndarray, agreement: np.ndarray, bins: int) -> list[tuple[float, float, int]]:
    """(mean confidence, agreement, count) of bins with equal counts."""
    if bins < 1:
        raise InputError(f"bins is {bins}; it must be at least 1.")
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return [(confidence[part].mean(), agreement[part].mean(), len(part)) for part in parts]


def _ece(confidence: np.ndarray, agreement: np.ndarray, bins: int) -> float:
    parts = _bins(confidence, agreement, bins)
    return float(sum(n * abs(right - sure) for sure, right, n in parts) / len(confidence))


def _ece_if_calibrated(gaps: np.ndarray, bins: int, seed: int, draws: int = 200) -> float:
    """Mean ECE when each pick is right with exactly its stated confidence: the error of a finite sample."""
    confidence, _ = _confidence(gaps)
    rng = np.random.default_rng(seed)
    return float(np.mean([_ece(confidence, rng.random(len(gaps)) < confidence, bins) for _ in range(draws)]))


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


def _wilson(p: float, n: float, quantile: float) -> tuple[float, float]:
    """Wilson's (1927) score interval for a proportion p of n."""
    z2 = quantile**2
    center, half = p + z2 / (2 * n), quantile * np.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    low, high = (center - half) / (1 + z2 / n), (center + half) / (1 + z2 / n)
    return float(min(max(low, 0.0), p)), float(max(min(high, 1.0), p))


def _ratio_variance(totals: np.ndarray, sizes: np.ndarray, mean: float) -> float:
    """Variance of sum(totals) / sum(sizes) when clusters are drawn independently."""
    clusters = len(sizes)
    return float(clusters / (clusters - 1) * ((totals - mean * sizes) ** 2).sum() / sizes.sum() ** 2)


def _by_cluster(values: ArrayLike, clusters: ArrayLike | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(values (N,), cluster sizes (G,), cluster totals (G,))."""
    values = _numbers(values, "the values")
    if clusters is None:
        return values, np.ones(len(values)), values
    labels = list(clusters)
    if len(labels) != len(values):
        raise InputError(
            f"There are {len(values)} values but {len(labels)} cluster labels; give one label a value."
        )
    numbers: dict = {}
    index = np.array([numbers.setdefault(label, len(numbers)) for label in labels])
    return values, np.bincount(index).astype(np.float64), np.bincount(index, weights=values)


def _numbers(values: ArrayLike, name: str) -> np.ndarray:
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
