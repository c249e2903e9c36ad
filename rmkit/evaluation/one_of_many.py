"""One right answer against one wrong one, and against all of them: two numbers from the same rewards.

RewardBench asks the first, RewardMATH (Kim et al. 2024) and RewardBench 2 (Malik et al. 2025) the second. A
policy that is optimised asks the second too: of many answers, it gets the one with the highest reward.
"""

import numpy as np
from numpy.typing import ArrayLike

from rmkit.errors import InputError
from rmkit.evaluation.comparisons import float_array


def against_one(rewards: ArrayLike, right: ArrayLike) -> np.ndarray:
    """(..., G): the share of wrong answers that the right one beats; an equal reward counts half.

    rewards (..., G, K) of G groups; leading axes are models.   right (G,): the place of the right answer.
    Its mean is the accuracy over all pairs of a right answer with a wrong one.
    """
    own, others = _split(rewards, right)
    return ((np.sign(own[..., None] - others) + 1) / 2).mean(-1)


def against_many(rewards: ArrayLike, right: ArrayLike) -> np.ndarray:
    """(..., G): 1 where the right answer beats all wrong ones, 1 / m where it shares the top with m - 1.

    The rule of RewardBench 2; rewards and right as in `against_one`.
    """
    own, others = _split(rewards, right)
    best = others.max(-1)
    equal = (others == best[..., None]).sum(-1)
    return np.where(own > best, 1.0, np.where(own == best, 1 / (1 + equal), 0.0))


def _split(rewards: ArrayLike, right: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(rewards of the right answers (..., G), of the wrong ones (..., G, K - 1))"""
    r, place = float_array(rewards), np.asarray(right, dtype=np.int64)
    if r.ndim < 2 or place.shape != r.shape[-2:-1] or r.shape[-1] < 2:
        raise InputError(
            f"rewards {r.shape} must be (groups, K), K above 1, and right {place.shape} one place a group."
        )
    if not np.isfinite(r).all():
        raise InputError("rewards hold NaN or infinity; drop those groups and say how many.")
    if ((place < 0) | (place >= r.shape[-1])).any():
        raise InputError(f"right holds places outside 0 to {r.shape[-1] - 1}.")
    chosen = np.arange(r.shape[-1]) == place[:, None]
    groups, others = r.shape[:-1], r.shape[-1] - 1
    return r[..., chosen].reshape(groups), r[..., ~chosen].reshape(*groups, others)
