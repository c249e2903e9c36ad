"""What gaps are worth where the truth is known: one blunt instrument and two sharp ones.

d (P,) are a model's gaps r_i - r_j, g (P,) the true ones, of gold reward; T is the temperature of people's
choices. A fresh vote is for i with probability sigma(g / T), so these are means over votes not yet cast,
without the luck of any vote.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special


def agreement(d: ArrayLike, g: ArrayLike, temperature: float) -> float:
    """How often fresh votes agree with the order that d gives, 0 to 1; equal rewards agree half."""
    p = special.expit(np.abs(g) / temperature)
    right = (np.sign(d) * np.sign(g) + 1) / 2
    return float(np.mean(1 - p + (2 * p - 1) * right))


def log_loss(d: ArrayLike, g: ArrayLike, temperature: float) -> float:
    """Expected -log probability, in nats, that gaps d in log-odds give to a fresh vote."""
    p = special.expit(np.asarray(g) / temperature)
    return float(-np.mean(p * special.log_expit(d) + (1 - p) * special.log_expit(-np.asarray(d))))


def missed(d: ArrayLike, g: ArrayLike) -> float:
    """The share of the true gaps that d misses in its best unit, 0 to 1:

        M = min over c >= 0 of sum (g - c d)^2 / sum g^2 = 1 - max(0, sum d g)^2 / (sum d^2 sum g^2)

    No mean is taken off: exchanging the answers of a pair turns both signs, and must change nothing.
    """
    d, g = np.asarray(d, dtype=np.float64), np.asarray(g, dtype=np.float64)
    both = max(0.0, float(d @ g))
    return 1 - both**2 / float((d @ d) * (g @ g)) if both else 1.0
