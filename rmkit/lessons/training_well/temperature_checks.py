"""Checks of lesson 04 on confidence: the temperature that makes gaps probabilities, and the ECE."""

import numpy as np
from scipy import optimize, special

from rmkit.notebook.check import Check, Mistake, Trap
from rmkit.theory import statistics


def _gaps(rng):
    """Gaps of which some are negative and the mean is not, so that the best T is finite."""
    yield (np.array([2.0, -1.0]),)
    yield (np.array([0.3, 0.2, -0.1, 0.4]),)
    for n, mean, scale in ((20, 1.0, 2.0), (40, 0.5, 1.0), (30, 1.0, 6.0)):
        gaps = scale * rng.normal(mean, 1.0, size=n)
        yield (np.append(gaps, [-0.4 * scale, 3 * scale]),)


def _turned(gaps):
    return 1 / statistics.temperature(gaps)[0]


def _as_sure_as_right(gaps):
    """T at which the mean confidence is the accuracy: one equation, but not that of the least loss."""
    right = np.clip((np.sign(gaps) + 1).mean() / 2, 0.5 + 1e-6, 1 - 1e-6)

    def over(log_t):
        return special.expit(np.abs(gaps) / np.exp(log_t)).mean() - right

    return float(np.exp(optimize.brentq(over, -12, 12)))


def _least(loss, low=-6.0, high=6.0):
    """The T in a range of logarithms with the least mean `loss(gaps / T)`."""
    grid = np.exp(np.linspace(low, high, 1001))

    def fit(gaps):
        return float(grid[loss(gaps / grid[:, None]).mean(1).argmin()])

    return fit


def _log_loss(d):
    return -special.log_expit(d)


def _parts(confidence, agree, bins):
    order = np.argsort(confidence, kind="stable")
    return [(confidence[part], agree[part]) for part in np.array_split(order, bins)]


def _ece(confidence, agree, bins):
    parts = _parts(confidence, agree, bins)
    return float(sum(len(c) * abs(a.mean() - c.mean()) for c, a in parts) / len(confidence))


def _equal_width(low, high=1.0, middle=False, weighted=True):
    """Guo's bins from `low` to `high` (None: the extreme); middle: each bin stands for its own middle."""

    def ece(confidence, agree, bins):
        lowest = confidence.min() if low is None else low
        edges = np.linspace(lowest, confidence.max() if high is None else high, bins + 1)
        where = np.digitize(confidence, edges[1:-1])
        sure = (edges[1:] + edges[:-1]) / 2 if middle else [confidence[where == k].mean() for k in _in(where)]
        sure = dict(zip(range(bins) if middle else _in(where), sure, strict=True))
        off = [abs(agree[where == k].mean() - sure[k]) for k in _in(where)]
        counts = [(where == k).sum() if weighted else 1 for k in _in(where)]
        return float(np.average(off, weights=counts))

    return ece


def _in(where):
    """The bins that hold something."""
    return np.unique(where).tolist()


def _one_sorted(both):
    def ece(confidence, agree, bins):
        splits = (
            np.array_split(np.sort(confidence), bins),
            np.array_split(np.sort(agree) if both else agree, bins),
        )
        return float(
            sum(len(c) * abs(a.mean() - c.mean()) for c, a in zip(*splits, strict=True)) / len(agree)
        )

    return ece


def _worst(confidence, agree, bins):
    return float(max(abs(a.mean() - c.mean()) for c, a in _parts(confidence, agree, bins)))


def _root_mean_square(confidence, agree, bins):
    parts = _parts(confidence, agree, bins)
    return float(np.sqrt(sum(len(c) * (a.mean() - c.mean()) ** 2 for c, a in parts) / len(confidence)))


def _picks(rng):
    """Bins of exactly equal counts; what becomes of a remainder is a trap."""
    yield np.array([0.6, 0.9]), np.array([1.0, 0.0]), 1
    yield np.array([0.9, 0.6, 0.8, 0.7]), np.array([1.0, 0.0, 1.0, 1.0]), 2
    for n, bins in ((12, 3), (24, 4)):
        confidence = rng.uniform(0.5, 1.0, size=n)
        yield confidence, (rng.random(n) < 1.4 - confidence).astype(float), bins


_EQUAL_WIDTH = (
    "these bins are equally wide, as in Guo et al. (2017); asked are bins of equal counts, cut from the "
    "sorted order."
)
_REMAINDER = (
    "right where the bins come out even. With a remainder, sort from low to high and let np.array_split "
    "give the first bins one more; weigh each bin by its own count."
)


CHECKS = (
    Check(
        "best_temperature",
        reference=lambda gaps: statistics.temperature(gaps)[0],
        cases=_gaps,
        tolerance=2e-3,
        mistakes=(
            Mistake(_turned, "this is beta = 1 / T: turn it over, since gaps are *divided* by T."),
            Mistake(
                _as_sure_as_right,
                "here the mean confidence equals the accuracy. Asked is the T with the least loss, which "
                "counts each mistake by how sure it was.",
            ),
            Mistake(
                _least(_log_loss, 0.0, 6.0),
                "it looks only at T >= 1, but rewards can be too small as well: let T fall below 1.",
            ),
            Mistake(
                _least(_log_loss, -6.0, 0.0),
                "it looks only at T <= 1, but rewards can be too large as well: let T rise above 1.",
            ),
            Mistake(
                _least(lambda d: special.expit(-d) ** 2),
                "this T has the least squared error (Brier); asked is the least mean of -log sigma(d / T).",
            ),
            Mistake(
                _least(lambda d: _log_loss(np.abs(d))),
                "with |d| every pair counts as right, and no T is low enough: keep the signs of the gaps.",
            ),
            Mistake(
                _least(lambda d: -_log_loss(d)),
                "this T makes the loss largest: look for the least.",
            ),
            Mistake(
                lambda gaps: float(np.std(gaps)),
                "this is the spread of the gaps, which does not ask how often they were right.",
            ),
            Mistake(
                lambda gaps: float(np.abs(gaps).mean()),
                "this is the mean size of the gaps, which does not ask how often they were right.",
            ),
        ),
        traps=(
            Trap(
                (np.array([0.003, 0.002, -0.001, 0.004, -0.002]),),
                "gaps can be tiny, and the best T with them: start the search from their own scale.",
            ),
            Trap(
                (np.array([300.0, 200.0, -500.0, 400.0, -150.0]),),
                "gaps can be in the hundreds, and the best T with them: start the search from their scale.",
            ),
        ),
    ),
    Check(
        "calibration_error",
        reference=_ece,
        cases=_picks,
        mistakes=(
            Mistake(
                lambda c, a, bins: float(np.mean([abs(y.mean() - x.mean()) for x, y in _parts(c, a, bins)])),
                "the bins do not all hold the same number of pairs: weight each by its share.",
            ),
            Mistake(
                lambda c, a, bins: float(np.abs(a - c).mean()),
                "this compares each single outcome, 0 or 1, with a probability; average inside a bin first.",
            ),
            Mistake(
                lambda c, a, bins: float(abs(a.mean() - c.mean())),
                "this is one bin for everything: too sure here and not sure enough there cancel.",
            ),
            Mistake(
                lambda c, a, bins: float(
                    sum(len(x) * (y.mean() - x.mean()) for x, y in _parts(c, a, bins)) / len(c)
                ),
                "without | | errors of different bins cancel.",
            ),
            Mistake(
                lambda c, a, bins: float(
                    sum(
                        len(x) * abs(y.mean() - x.mean())
                        for x, y in zip(np.array_split(c, bins), np.array_split(a, bins), strict=True)
                    )
                    / len(c)
                ),
                "the pairs are binned in the order in which they came; sort them by confidence first.",
            ),
            *(
                Mistake(_equal_width(low, high, middle, weighted), _EQUAL_WIDTH)
                for low, high in ((0.5, 1.0), (0.0, 1.0), (None, 1.0), (None, None))
                for middle in (False, True)
                for weighted in (True, False)
            ),
            Mistake(
                _one_sorted(both=False),
                "only the confidences were sorted, so each met another's outcome: use one order for both.",
            ),
            Mistake(
                _one_sorted(both=True),
                "both were sorted, each by itself, which tears the pairs apart: sort both by one order.",
            ),
            Mistake(
                _worst,
                "this is the worst bin, the *maximum* calibration error; asked is the mean over bins.",
            ),
            Mistake(
                _root_mean_square,
                "this is the root of the mean square; the ECE is a mean of | |, weighted by the bins' sizes.",
            ),
        ),
        traps=(
            Trap((np.array([0.9, 0.6, 0.8, 0.7, 0.95]), np.array([1.0, 0.0, 1.0, 1.0, 0.0]), 2), _REMAINDER),
            Trap(
                (np.linspace(0.51, 0.99, 11) ** 2, np.array([0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1.0]), 4),
                _REMAINDER,
            ),
        ),
    ),
)
