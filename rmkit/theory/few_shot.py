"""A new person from a few votes: how much of each known reward is in them? (DRM, Luo et al. 2025.)"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rmkit.errors import InputError


def few_shot(gaps: ArrayLike, *, temperature: float = 1.0, shares: ArrayLike | None = None) -> np.ndarray:
    """(K,) softmax(log shares - sum of losses / temperature): weights of K known rewards, which sum to 1.

    gaps (N, K): by how much reward k puts the answer that the person preferred above the other, in log-odds;
    N = 0 gives the shares.   shares (K,): how common each reward is (None: equally).
    At temperature 1 this is Bayes' rule for a person who has one of the K rewards. Higher is more careful.
    """
    gaps = np.asarray(gaps, dtype=np.float64)
    if gaps.ndim != 2 or not np.isfinite(gaps).all():
        raise InputError(f"gaps has shape {gaps.shape}: give finite numbers, (votes, rewards).")
    if not temperature > 0:
        raise InputError(f"temperature={temperature}: give a number above 0.")
    prior = np.zeros(gaps.shape[1]) if shares is None else np.log(np.asarray(shares, dtype=np.float64))
    return special.softmax(prior - np.logaddexp(0, -gaps).sum(0) / temperature)
