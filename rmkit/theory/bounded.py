"""A reward with a floor and a ceiling: how often would this response beat some reference responses?

    PAR(y) = 1/M sum_j sigma(r(y) - r(y_j))

Fu et al. (2025), "Reward Shaping to Mitigate Reward Hacking in RLHF" (preference as reward). It rises with r
and so never changes which of n responses to one prompt is best. It changes what more reward is worth: past
the references next to nothing.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rmkit.errors import InputError


def bounded(rewards: ArrayLike, references: ArrayLike) -> np.ndarray:
    """PAR of each response, within 0 and 1. r must be in log-odds, as Bradley-Terry gives it.

    rewards (..., K).   references (..., M): rewards of M responses of the starting policy to the same
    prompts. Returns (..., K). Raises InputError.
    """
    r, other = np.asarray(rewards, dtype=np.float64), np.asarray(references, dtype=np.float64)
    if r.ndim < 1 or other.ndim < 1 or r.shape[:-1] != other.shape[:-1] or not other.shape[-1]:
        raise InputError(f"rewards {r.shape} and references {other.shape} must belong to the same prompts.")
    return special.expit(r[..., :, None] - other[..., None, :]).mean(-1)
