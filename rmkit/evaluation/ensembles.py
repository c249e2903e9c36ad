"""Several reward models, one number: the mean, the worst case, or the mean less a price on disagreement.

r_1 ... r_M are the rewards that M members give to one response. Coste et al. (2024), "Reward Model Ensembles
Help Mitigate Overoptimization":

    mean                  1/M sum r_m
    worst-case (WCO)      min r_m
    uncertainty (UWO)     mean - weight * 1/M sum (r_m - mean)^2

The variance divides by M (their code for best-of-n; that for PPO divides by M - 1). They used weights of 0.5
for best-of-n and 0.1 for PPO. Rewards of members have free origins and units, and a minimum or a variance
across them means something only on one scale: see `on_one_scale`.
"""

import numpy as np
from numpy.typing import ArrayLike

from rmkit.errors import InputError
from rmkit.evaluation.comparisons import float_array

WAYS = ("mean", "worst-case", "uncertainty")


def combine(rewards: ArrayLike, how: str = "mean", weight: float = 0.5) -> np.ndarray:
    """One reward for each response: rewards (M, ...) of M members -> (...).

    how: "mean", "worst-case" or "uncertainty"; weight: the price of a unit of variance, used by the last.
    A weight of 0 is the mean. Members may differ in anything: head, order of data, pretraining. Raises
    InputError.
    """
    r = float_array(rewards)
    if r.ndim < 1 or len(r) < 1 or not np.isfinite(r).all():
        raise InputError(f"rewards {r.shape} must be finite, one row for each member.")
    if how not in WAYS:
        raise InputError(f"how={how!r}: there is {', '.join(WAYS)}.")
    if how == "uncertainty" and not weight >= 0:
        raise InputError(f"weight={weight}: the price of disagreement must be 0 or more.")
    if how == "worst-case":
        return r.min(0)
    return r.mean(0) - weight * r.var(0) if how == "uncertainty" else r.mean(0)


def on_one_scale(rewards: ArrayLike, reference: ArrayLike | None = None) -> np.ndarray:
    """Each member's rewards less its mean, divided by its standard deviation; rewards (M, ...) -> the same.

    reference (M, ...): rewards of the same members to fix the scale on, such as those of held-out answers
    (None: the rewards themselves). A member that gives one reward to all is an InputError.
    """
    r = float_array(rewards)
    fixed = r if reference is None else float_array(reference)
    if r.ndim < 2 or fixed.ndim < 2 or len(fixed) != len(r):
        raise InputError(f"rewards {r.shape} and reference {fixed.shape} need one row for each member.")
    flat = fixed.reshape(len(fixed), -1)
    mean, deviation = flat.mean(1), flat.std(1)
    if not (deviation > 0).all():
        raise InputError(
            f"member {int(np.argmin(deviation))} gives one reward to every response: it has no scale."
        )
    shape = (len(r), *[1] * (r.ndim - 1))
    return (r - mean.reshape(shape)) / deviation.reshape(shape)
