"""Checks of lesson 10: an interval, discoveries, one against many; see also `policy_checks`."""

import math

import numpy as np

from rmkit.lessons.evaluating.policy_checks import STEP, WITHIN
from rmkit.notebook.check import Check, Mistake

# --- an interval for a share --------------------------------------------------------------------------------

_Z = 1.959963984540054


def _counts(rng):
    yield 3, 4
    yield 72, 100
    yield 5, 5
    yield 0, 8
    for _ in range(6):
        n = int(rng.integers(2, 60))
        yield int(rng.integers(0, n + 1)), n


def _wilson(right, n, z=_Z):
    p = right / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [(middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)]


def _wald(right, n, z=_Z):
    p = right / n
    half = z * math.sqrt(p * (1 - p) / n)
    return [p - half, p + half]


def _plus_four(right, n):
    return _wald(right + 2, n + 4)


WILSON = Check(
    "wilson",
    reference=_wilson,
    cases=_counts,
    tolerance=2e-4,  # z = 1.96 is as right as 1.959964
    mistakes=(
        Mistake(
            _wald,
            "that is p ± 1.96 standard errors. At 5 of 5 it has no width: Wilson asks which true "
            "shares would make this p likely.",
        ),
        Mistake(
            lambda right, n: [max(0, _wald(right, n)[0]), min(1, _wald(right, n)[1])],
            "that is p ± 1.96 standard errors, cut at 0 and 1. At 5 of 5 it has no "
            "width: use Wilson's formula.",
        ),
        Mistake(
            _plus_four,
            "two right and two wrong answers were added to a plain interval (Agresti and Coull). It is "
            "close, and it is not Wilson's.",
        ),
        Mistake(
            lambda right, n: _wilson(right, n)[::-1],
            "low and high have changed places.",
        ),
        Mistake(
            lambda right, n: [e * (1 + _Z**2 / n) for e in _wilson(right, n)],
            "the last step is missing: divide both ends by 1 + z²/n.",
        ),
        Mistake(
            lambda right, n: _wilson(right, n, 1.6448536269514722),
            "z = 1.645 gives 90 %; for 95 % it is 1.96.",
        ),
        Mistake(
            lambda right, n: [100 * e for e in _wilson(right, n)],
            "these are percent; return shares between 0 and 1.",
        ),
        Mistake(
            lambda right, n: [
                ((right / n + _Z**2 / (2 * n)) + s * _Z * math.sqrt(right / n * (1 - right / n) / n))
                / (1 + _Z**2 / n)
                for s in (-1, 1)
            ],
            "the second term under the root, z²/(4n²), is missing.",
        ),
    ),
)

# --- discoveries --------------------------------------------------------------------------------------------


def _p_values(rng):
    yield np.array([0.01]), 0.05
    yield np.array([0.04, 0.03]), 0.05
    yield np.array([0.2, 0.001, 0.013, 0.9, 0.04]), 0.05
    yield np.array([0.04, 0.045, 0.048, 0.049]), 0.05  # all, though none but the last is below its own line
    yield np.array([0.06, 0.2]), 0.1
    for n in (6, 12, 23, 23):
        p = rng.random(n)
        p[: n // 3] /= 40
        yield rng.permutation(p), float(rng.choice([0.05, 0.1]))


def _bh(p, rate, line=lambda rank, m: rank / m, up=True):
    order, m = np.argsort(p), len(p)
    below = p[order] <= rate * line(np.arange(1, m + 1), m)
    if up:
        last = np.flatnonzero(below)[-1] + 1 if below.any() else 0
    else:
        last = m if below.all() else int(np.argmin(below))
    found = np.zeros(m, dtype=bool)
    found[order[:last]] = True
    return found


def _own_line(p, rate):
    ranks = np.argsort(np.argsort(p)) + 1
    return p <= rate * ranks / len(p)


DISCOVERIES = Check(
    "discoveries",
    reference=_bh,
    cases=_p_values,
    mistakes=(
        Mistake(
            lambda p, rate: p <= rate,
            "every p is held against the rate itself: of 23 subsets without any difference one "
            "is then found.",
        ),
        Mistake(
            lambda p, rate: p <= rate / len(p),
            "that is Bonferroni's line for all; here the j-th smallest p has the line rate · j / m.",
        ),
        Mistake(
            _own_line,
            "each p is held against its own line only. All up to the LAST one below its line are "
            "discoveries.",
        ),
        Mistake(
            lambda p, rate: _bh(p, rate, up=False),
            "it stops at the first p above its line. Look for the LAST p below its line; all up to it count.",
        ),
        Mistake(
            lambda p, rate: _bh(p, rate, line=lambda rank, m: (rank - 1) / m),
            "the ranks begin at 0: the smallest p has the line rate · 1 / m.",
        ),
        Mistake(
            lambda p, rate: _bh(p, rate, line=lambda rank, m: (m - rank + 1) / m),
            "the lines are turned round: the smallest p has the strictest, rate · 1 / m.",
        ),
        Mistake(
            lambda p, rate: _bh(p, rate, line=lambda rank, m: 1 / (m - rank + 1), up=False),
            "that is Holm's procedure, which guards against a single false one; asked is the share of "
            "false ones.",
        ),
        Mistake(
            lambda p, rate: np.sort(_bh(p, rate))[::-1],
            "the answers are in the order of the sorted p; give them in the order of the subsets.",
        ),
        Mistake(
            lambda p, rate: np.flatnonzero(_bh(p, rate)),
            "these are the places of the discoveries; return m booleans.",
        ),
        Mistake(
            lambda p, rate: ~_bh(p, rate),
            "True and False have changed places.",
        ),
    ),
)

# --- one against many ---------------------------------------------------------------------------------------


def _groups(rng):
    yield np.array([[3.0, 1.0, 2.0]]), np.array([0])
    yield np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]), np.array([0, 2])
    yield np.array([[1.0, 1.0, 1.0, 1.0], [2.0, 5.0, 2.0, 2.0]]), np.array([2, 0])
    for k in (2, 4, 8):
        yield rng.integers(0, 3, size=(12, k)).astype(float), rng.integers(0, k, size=12)
    yield rng.normal(size=(12, 5)), rng.integers(0, 5, size=12)


def _top(rewards, right):
    rows = np.arange(len(rewards))
    best = rewards == rewards.max(1, keepdims=True)
    return best[rows, right] / best.sum(1)


def _pairwise(rewards, right):
    own = rewards[np.arange(len(rewards)), right][:, None]
    credit = (np.sign(own - rewards) + 1) / 2
    return (credit.sum(1) - 0.5) / (rewards.shape[1] - 1)


ONE_OF_MANY = Check(
    "one_of_many",
    reference=_top,
    cases=_groups,
    mistakes=(
        Mistake(
            lambda r, right: (r.argmax(1) == right) * 1.0,
            "argmax takes the first of equal rewards, so a tie is a win or a loss by its place in the file. "
            "Share the credit: 1 / number at the top.",
        ),
        Mistake(
            lambda r, right: (r[np.arange(len(r)), right] >= r.max(1)) * 1.0,
            "a tie at the top counts as a win: a model that says 0 to everything would be perfect. Share the "
            "credit: 1 / number at the top.",
        ),
        Mistake(
            lambda r, right: _top(r, right) * (_top(r, right) == 1),
            "a tie at the top counts as a loss; RewardBench 2 shares the credit: 1 / number at the top.",
        ),
        Mistake(
            lambda r, right: np.where((_top(r, right) > 0) & (_top(r, right) < 1), 0.5, _top(r, right)),
            "a tie counts half, however many share the top; three at the top have a third each.",
        ),
        Mistake(
            _pairwise,
            "that is one against one: the share of wrong answers that the right one beats. Asked is "
            "whether it beats them all.",
        ),
        Mistake(
            lambda r, right: _top(r, np.zeros_like(right)),
            "it takes the first answer for the right one; `right` says which it is.",
        ),
        Mistake(
            lambda r, right: _top(-r, right),
            "that asks for the lowest reward.",
        ),
        Mistake(
            lambda r, right: _top(r, right).mean(),
            "return one number a group and leave the mean to the caller.",
        ),
    ),
)

CHECKS = (WILSON, DISCOVERIES, ONE_OF_MANY, WITHIN, STEP)
