"""What gaps are worth where the truth is known: one blunt instrument and two sharp ones.

d (P,) are a model's gaps r_i - r_j, g (P,) the true ones, of gold reward; T is the temperature of people's
choices. A fresh vote is for i with probability sigma(g / T), so these are means over votes not yet cast,
without the luck of any vote. Each instrument gives one number a pair, whose mean is the measure, so that
intervals over pairs and paired differences are those of means.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rmkit.theory import calibration


def agreement(d: ArrayLike, g: ArrayLike, temperature: float) -> np.ndarray:
    """(P,) how often fresh votes agree with the order that d gives, 0 to 1; equal rewards agree half.

    It is accuracy on votes without the luck of the votes. A wrong order of two near equals costs little.
    """
    p = special.expit(np.abs(g) / temperature)
    right = (np.sign(d) * np.sign(g) + 1) / 2
    return 1 - p + (2 * p - 1) * right


def log_loss(d: ArrayLike, g: ArrayLike, temperature: float) -> np.ndarray:
    """(P,) expected -log probability, in nats, that gaps d in log-odds give to a fresh vote."""
    return calibration.log_loss(d, special.expit(np.asarray(g) / temperature))


def missed(d: ArrayLike, g: ArrayLike) -> np.ndarray:
    """(P,) values whose mean is the share of the true gaps that d misses in its best unit, 0 to 1:

        M = min over c >= 0 of sum (g - c d)^2 / sum g^2 = 1 - max(0, sum d g)^2 / (sum d^2 sum g^2)

    No mean is taken off: exchanging the answers of a pair turns both signs, and must change nothing. The
    value of a pair is M plus P times the slope of M in that pair's weight (the infinitesimal jackknife).
    """
    d, g = np.asarray(d, dtype=np.float64), np.asarray(g, dtype=np.float64)
    both, mine, true = d @ g, d @ d, g @ g
    if both <= 0:  # c = 0: nothing is found
        return np.ones(len(g))
    found = both**2 / (mine * true)
    slope = found * (2 * d * g / both - d**2 / mine - g**2 / true)
    return 1 - found - len(d) * slope
