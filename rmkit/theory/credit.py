"""What a policy may earn from the rewards of its steps: three ways in which repeating a step earns nothing.

A sum of process rewards pays for every further step, so it pays for saying a good step again. Each function
takes the rewards r_1 ... r_S of a solution's steps, in order, and gives what each step is paid.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rmkit.errors import InputError


def clipped(rewards: ArrayLike, ceiling: float) -> np.ndarray:
    """min(r_k - ceiling, 0), (S,): a step can cost, and can never earn (Clip, Gao et al. 2024).

    Gao et al., "On Designing Effective RL Reward at Training Time" (arXiv:2410.15115).
    """
    return np.minimum(_steps(rewards) - ceiling, 0.0)


def differenced(rewards: ArrayLike) -> np.ndarray:
    """r_k - r_(k+1), the last step keeping its own, (S,): the sum is r_1, whatever follows (Delta, as above).

    In the paper the end of a solution earns the outcome instead of a step reward; it is added by the caller.
    """
    r = _steps(rewards)
    return r - np.append(r[1:], 0.0)


def min_form(rewards: ArrayLike, temperature: float = 0.1) -> np.ndarray:
    """r_k w_k with w = softmax(-r / temperature), (S,): the sum is nearly the smallest reward.

    PURE (Cheng et al. 2025, arXiv:2504.15275), with r = p(right) - p(wrong) between -1 and 1. At temperature
    0 the whole weight stands on the smallest reward.
    """
    r = _steps(rewards)
    if temperature < 0:
        raise InputError(f"temperature={temperature}: give 0, which is the minimum itself, or more.")
    if temperature == 0:
        return np.where(np.arange(len(r)) == r.argmin(), r, 0.0)
    return r * special.softmax(-r / temperature)


def _steps(rewards: ArrayLike) -> np.ndarray:
    r = np.asarray(rewards, dtype=float)
    if r.ndim != 1 or not r.size or not np.isfinite(r).all():
        raise InputError(f"Credit needs the finite rewards (S,) of one or more steps, not {r!r}.")
    return r
