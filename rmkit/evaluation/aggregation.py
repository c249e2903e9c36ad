"""From the rewards of a solution's steps to one number: the rules in use (Lightman et al. 2023 and later)."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from rmkit.errors import InputError

# p (S,) in (0, 1), the probability that each step is right.
AGGREGATES = {
    "last": lambda p: p[-1],
    "min": np.min,
    "max": np.max,
    "product": np.prod,
    "geometric-mean": stats.gmean,
    "mean": np.mean,
    "mean-logit": lambda p: special.expit(special.logit(p).mean()),
    "mean-odds": lambda p: (p / (1 - p)).mean(),
}


def aggregate(steps: ArrayLike, rule: str = "last") -> float:
    """One number for a solution from the probabilities (S,) of its S >= 1 steps.

    "product" is the probability that all steps are right if they were independent; "min" is its weakest step.
    """
    if rule not in AGGREGATES:
        raise InputError(f"There is no aggregation {rule!r}; there is {', '.join(AGGREGATES)}.")
    p = np.asarray(steps, dtype=float)
    if p.ndim != 1 or not p.size:
        raise InputError(f"A solution has one or more steps, each with a number; these have shape {p.shape}.")
    return float(AGGREGATES[rule](p))
