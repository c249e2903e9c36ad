"""Check of lesson 05's sharp instrument: the share of the true gaps that a head misses."""

import numpy as np

from rmkit.notebook.check import Check, Mistake, Trap


def _gaps(rng):
    yield np.array([1.0, 2.0]), np.array([2.0, 3.0])
    yield np.array([1.0, 1.0, 1.0]), np.array([0.0, 1.0, 2.0])
    for n in (5, 40):
        true = rng.normal(size=n) + 0.5
        yield 3 * (true + rng.normal(size=n)), true


def _found(d, g):
    """Share of the sum of g^2 that the best positive multiple of d explains."""
    return max(0.0, float(d @ g)) ** 2 / float((d @ d) * (g @ g))


MISSED = Check(
    "missed_share",
    reference=lambda d, g: 1 - _found(d, g),
    cases=_gaps,
    mistakes=(
        Mistake(_found, "that is the share found; the share missed is 1 less it."),
        Mistake(
            lambda d, g: 1 - max(0.0, np.corrcoef(d, g)[0, 1]) ** 2,
            "means were subtracted, as in a correlation. Exchange the answers of a pair, and both gaps turn "
            "their sign: the mean means nothing, and 0 must stay 0.",
        ),
        Mistake(
            lambda d, g: 1 - np.corrcoef(d, g)[0, 1] ** 2,
            "means were subtracted, as in a correlation. Exchange the answers of a pair, and both gaps turn "
            "their sign: the mean means nothing, and 0 must stay 0.",
        ),
        Mistake(
            lambda d, g: float(((g - d) ** 2).sum() / (g @ g)),
            "d is used as it is. Its unit is free: find the multiple c of d that is nearest to g first.",
        ),
        Mistake(
            lambda d, g: 1 - float(d @ g) / float(np.sqrt((d @ d) * (g @ g))),
            "the cosine is not squared: what is explained is a share of the sum of squares.",
        ),
        Mistake(
            lambda d, g: float(((g - (d @ g) / (d @ d) * d) ** 2).mean()),
            "that is the mean squared rest; divide the sum of squares left by the sum of squares of g.",
        ),
        Mistake(
            lambda d, g: float((np.sign(d) != np.sign(g)).mean()),
            "it counts wrong signs, which is the blunt instrument; asked is the share of the gaps' squares.",
        ),
        Mistake(
            lambda d, g: 100 * (1 - _found(d, g)),
            "it is in percent; return a share between 0 and 1.",
        ),
    ),
    traps=(
        Trap(
            (np.array([-1.0, -2.0, 0.5]), np.array([1.0, 2.0, -0.4])),
            "this head turns every pair around; no positive unit repairs that, so it misses everything, 1.",
        ),
    ),
)
