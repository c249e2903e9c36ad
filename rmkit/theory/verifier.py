"""A checker that errs at known rates, and the reward that is right on average all the same."""

import numpy as np
from numpy.typing import ArrayLike

from rmkit.errors import InputError


def unbiased(observed: ArrayLike, false_positive: float, false_negative: float) -> np.ndarray:
    """(observed - rho0) / (1 - rho0 - rho1): the reward whose mean is the true one.

    observed: 1 where the checker says right, 0 where wrong.   false_positive: rho0, how often it passes a
    wrong answer.   false_negative: rho1, how often it fails a right one. Since E[observed] is 1 - rho1 for a
    right and rho0 for a wrong answer, the mean of the result is 1 and 0. Natarajan et al. (2013) for labels;
    arXiv:2510.00915 (2025) for rewards. Its variance is larger by 1 / (1 - rho0 - rho1)^2.
    Raises InputError where rho0 + rho1 is 1 (the checker says nothing) or a rate is no share.
    """
    rates = false_positive, false_negative
    if not all(0 <= rate <= 1 for rate in rates) or sum(rates) == 1:
        raise InputError(
            f"false_positive={false_positive}, false_negative={false_negative}: two shares are needed whose "
            f"sum is not 1, or the checker's word says nothing."
        )
    return (np.asarray(observed, dtype=float) - false_positive) / (1 - false_positive - false_negative)
