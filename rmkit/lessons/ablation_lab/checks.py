"""Checks of lesson 14: a paired interval, the name of an entry, Holm's rule, an interaction, a verdict."""

import hashlib
import json

import numpy as np

from rmkit.notebook.check import Check, Mistake, Trap

# --- a paired interval --------------------------------------------------------------------------------------


def _two_settings(rng):
    """The same seeds under two settings: what is luck of the seed is in both."""
    yield np.array([1.0, 2.0, 4.0]), np.array([2.0, 2.0, 6.0]), 4.303
    for n, t in ((5, 2.776), (8, 2.365), (20, 2.093)):
        luck = rng.normal(size=n)
        yield luck, luck + 0.3 + 0.2 * rng.normal(size=n), t


def _interval(each, t, ddof=1, root=True):
    half = t * each.std(ddof=ddof) / (np.sqrt(len(each)) if root else 1)
    return float(each.mean() - half), float(each.mean()), float(each.mean() + half)


def _unpaired(a, b, t):
    half = t * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    return float((b - a).mean() - half), float((b - a).mean()), float((b - a).mean() + half)


PAIRED = Check(
    "paired_interval",
    reference=lambda a, b, t: _interval(b - a, t),
    cases=_two_settings,
    mistakes=(
        Mistake(
            _unpaired,
            "that is the interval of two samples that share nothing. These share their seeds: take the "
            "differences first, seed by seed.",
        ),
        Mistake(
            lambda a, b, t: _interval(a - b, t),
            "the sign is turned: what changed is after less before, b - a.",
        ),
        Mistake(
            lambda a, b, t: _interval(b - a, t, ddof=0),
            "the spread is divided by n; one degree of freedom went into the mean: ddof=1.",
        ),
        Mistake(
            lambda a, b, t: _interval(b - a, t, root=False),
            "that is the spread of single seeds; a mean of n varies by the square root of n less.",
        ),
        Mistake(
            lambda a, b, t: _interval(b - a, 1.96),
            "1.96 is for endless seeds; with few of them use the quantile t that is given.",
        ),
        Mistake(
            lambda a, b, t: tuple(np.array(_interval(b - a, t))[[1, 0, 2]].tolist()),
            "the order is low, mean, high.",
        ),
    ),
)

# --- the name of an entry -----------------------------------------------------------------------------------


def _settings(_rng):
    yield {"loss": "hinge", "noise": 0.2}, 0
    yield {"noise": 0.2, "loss": "hinge"}, 0
    yield {"loss": "hinge", "noise": 0.2}, 1
    yield {"loss": "hinge", "noise": 0.25}, 0
    yield {"loss": "focal", "noise": 0.0, "penalty": None}, 12
    yield {"penalty": None, "noise": 0.0, "loss": "focal"}, 12


def _digest(what, **how):
    return hashlib.sha256(json.dumps(what, **how).encode()).hexdigest()


ENTRY = Check(
    "entry_name",
    reference=lambda setting, seed: _digest([setting, seed], sort_keys=True),
    cases=_settings,
    mistakes=(
        Mistake(
            lambda setting, seed: _digest([setting, seed]),
            "the same setting, written in another order, gets another name: sort_keys=True.",
        ),
        Mistake(
            lambda setting, seed: _digest(setting, sort_keys=True),
            "the seed is not in the name, so every seed would read the result of the first.",
        ),
        Mistake(
            lambda setting, seed: _digest([list(setting.values()), seed]),
            "only the values are in the name: a dial that is added later, or two that trade places, collide.",
        ),
        Mistake(
            lambda setting, seed: _digest([sorted(setting), seed], sort_keys=True),
            "only the names of the dials are in it, and not where they stand.",
        ),
        Mistake(
            lambda setting, seed: hashlib.sha256(str([setting, seed]).encode()).hexdigest(),
            "str() writes a dictionary in the order in which it was made: json.dumps(..., sort_keys=True).",
        ),
        Mistake(
            lambda setting, seed: json.dumps([setting, seed], sort_keys=True),
            "that is the text itself; its digest is asked for, which is short and fits into a file's name.",
        ),
        Mistake(
            lambda setting, seed: str(hash(json.dumps([setting, seed], sort_keys=True))),
            "Python's hash() of a text differs from one process to the next: nothing would be found again.",
        ),
        Mistake(
            lambda setting, seed: hashlib.md5(
                json.dumps([setting, seed], sort_keys=True).encode()
            ).hexdigest(),
            "that is MD5; asked for is SHA-256.",
        ),
    ),
)

# --- many comparisons ---------------------------------------------------------------------------------------


def _p_values(rng):
    yield np.array([0.001, 0.03, 0.04]), 0.05
    yield np.array([0.04, 0.02, 0.001]), 0.05
    yield np.array([0.2, 0.01, 0.012, 0.9]), 0.05
    yield np.array([0.024, 0.018, 0.9, 0.001]), 0.05  # 0.024 would pass if one went on after 0.018
    yield np.array([0.9, 0.011, 0.3, 0.8]), 0.05
    for n in (5, 12):
        yield rng.random(n) ** 3 / 4, 0.05


def _holm(p, level, stop=True, steps=lambda n: n - np.arange(n)):
    order = np.argsort(p)
    passed = p[order] <= level / steps(len(p))
    if stop:
        passed = np.cumprod(passed).astype(bool)
    found = np.zeros(len(p), dtype=bool)
    found[order] = passed
    return found


def _benjamini(p, level):
    order, n = np.argsort(p), len(p)
    below = np.flatnonzero(p[order] <= level * np.arange(1, n + 1) / n)
    found = np.zeros(n, dtype=bool)
    found[order[: below[-1] + 1 if len(below) else 0]] = True
    return found


HOLM = Check(
    "holm",
    reference=_holm,
    cases=_p_values,
    mistakes=(
        Mistake(
            lambda p, level: p <= level,
            "nothing is corrected: of twenty true nulls one is found on average.",
        ),
        Mistake(
            lambda p, level: p <= level / len(p),
            "that is Bonferroni's rule: safe, and it finds less. After each finding one hypothesis fewer is "
            "left.",
        ),
        Mistake(
            lambda p, level: _holm(p, level, stop=False),
            "it goes on after a p-value that failed. Holm stops there: whatever is larger fails too.",
        ),
        Mistake(
            _benjamini,
            "that is Benjamini and Hochberg's rule: it bounds the share of false findings, and asked is that "
            "there be none.",
        ),
        Mistake(
            lambda p, level: _holm(np.sort(p), level),
            "the answer is in ascending order of p; give it in the order of the settings.",
        ),
        Mistake(
            lambda p, level: _holm(p, level, steps=lambda n: n + 1 - np.arange(n)),
            "the divisors are one too large: n, n - 1, ..., 1.",
        ),
        Mistake(
            lambda p, level: _holm(p, level, steps=lambda n: np.arange(n) + 1.0),
            "the divisors run the wrong way: the smallest p meets n, the largest 1.",
        ),
        Mistake(
            lambda p, level: ~_holm(p, level),
            "the marks are turned round: True is for a finding.",
        ),
    ),
    traps=(
        Trap(
            (np.array([0.5, 0.125, 0.25]), 0.5),
            "a p-value that is equal to its threshold passes: <=.",
        ),
    ),
)

# --- an interaction -----------------------------------------------------------------------------------------


def _squares(rng):
    yield (np.array([[[1.0, 2.0], [3.0, 5.0]], [[1.5, 2.0], [7.0, 7.0]]]),)
    for seeds in (3, 8):
        yield (rng.normal(size=(2, 2, seeds)).round(2),)


INTERACTION = Check(
    "interaction",
    reference=lambda y: (y[1, 1] - y[1, 0]) - (y[0, 1] - y[0, 0]),
    cases=_squares,
    mistakes=(
        Mistake(
            lambda y: (y[0, 1] - y[0, 0]) - (y[1, 1] - y[1, 0]),
            "the sign is turned: the effect of the second dial at the new loss, less that at the old one.",
        ),
        Mistake(
            lambda y: y[1, 1] - y[0, 0],
            "both dials moved at once: that is the sum of their effects, not what one does to the other.",
        ),
        Mistake(
            lambda y: ((y[1, 1] - y[1, 0]) - (y[0, 1] - y[0, 0])).mean(),
            "it returns the mean; the interval needs one number a seed.",
        ),
        Mistake(
            lambda y: ((y[1, 1] - y[1, 0]) - (y[0, 1] - y[0, 0])) / 2,
            "it is halved, as with dials coded as -1 and +1; asked is the whole difference of differences.",
        ),
        Mistake(
            lambda y: ((y[1, 0] - y[0, 0]) + (y[1, 1] - y[0, 1])) / 2,
            "that is the main effect of the first dial: its effect, averaged over the second.",
        ),
        Mistake(
            lambda y: ((y[0, 1] - y[0, 0]) + (y[1, 1] - y[1, 0])) / 2,
            "that is the main effect of the second dial: its effect, averaged over the first.",
        ),
        Mistake(
            lambda y: abs((y[1, 1] - y[1, 0]) - (y[0, 1] - y[0, 0])),
            "the sign is lost, and it says whether the dial helps more or less.",
        ),
    ),
)

# --- a verdict ----------------------------------------------------------------------------------------------

BETTER, WORSE, SAME, OPEN = "better", "worse", "no difference that matters", "cannot say"


def _intervals(rng):
    yield 0.4, 0.9, 0.3
    yield -0.2, 0.1, 0.3
    yield -0.9, -0.4, 0.3
    yield -0.5, 0.6, 0.3
    yield 0.1, 0.2, 0.3
    yield 0.1, 0.8, 0.3
    yield -0.8, -0.1, 0.3
    yield -0.2, -0.1, 0.3
    for _ in range(6):
        low = float(rng.normal())
        yield low, low + float(rng.random()), 0.4


def _verdict(low, high, least):
    if low > least:
        return BETTER
    if high < -least:
        return WORSE
    return SAME if -least <= low and high <= least else OPEN


def _by_zero(low, high, least, between=OPEN):
    return BETTER if low > 0 else WORSE if high < 0 else between


VERDICT = Check(
    "verdict",
    reference=_verdict,
    cases=_intervals,
    mistakes=(
        Mistake(
            _by_zero,
            "it asks whether 0 lies inside; asked is whether the effect exceeds the least that matters.",
        ),
        Mistake(
            lambda low, high, least: _by_zero(low, high, least, SAME),
            "an interval around 0 is no proof of no difference: it may be wide. And `least` is ignored.",
        ),
        Mistake(
            lambda low, high, least: BETTER if low > least else WORSE if high < -least else SAME,
            "what is not shown is not shown to be absent: a wide interval cannot say.",
        ),
        Mistake(
            lambda low, high, least: BETTER if low > least else WORSE if high < -least else OPEN,
            "an interval that lies inside of plus and minus `least` does say something: no difference that "
            "matters.",
        ),
        Mistake(
            lambda low, high, least: _verdict((low + high) / 2, (low + high) / 2, least),
            "only the middle is asked; the whole interval must lie beyond.",
        ),
    ),
    traps=(
        Trap((0.3, 0.5, 0.3), "low is equal to `least`: it must lie beyond, so this cannot be said."),
        Trap((-0.3, 0.3, 0.3), "an interval from -least to least lies inside of it."),
    ),
)

CHECKS = (PAIRED, ENTRY, HOLM, INTERACTION, VERDICT)
