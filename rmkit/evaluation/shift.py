"""Has a reward model seen anything like this? Numbers that rise on strange texts, and how well they tell.

A model's accuracy holds for prompts and answers like those it was tested on. Elsewhere it falls, and nothing
in a reward says so. A detector is any number that tends to be higher elsewhere; its worth is the area under
its ROC curve: how often a strange text has more of it than a familiar one, 1/2 for a coin.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, stats

from rmkit.errors import InputError
from rmkit.evaluation.comparisons import float_array
from rmkit.evaluation.outcomes import auc
from rmkit.theory.intervals import Interval


def distance(
    features: ArrayLike, reference: ArrayLike, ridge: float = 1e-2, shrink: float = 0.0
) -> np.ndarray:
    """(N,) Mahalanobis distances of features (N, D) from the mean of reference (M, D), M >= 2.

    sqrt((f - mean)' C^-1 (f - mean)) with C the covariance of the reference (Lee et al. 2018 for detection;
    Miao et al. 2025, arXiv 2510.13694, for how far a policy that hacks its reward has drifted), plus `ridge`
    times its mean variance, without which directions that the reference hardly uses decide all.
    shrink: the share of C, 0 to 1, that is replaced by its own diagonal; unlike a ridge it does not care in
    which units the features are.
    """
    f, known = float_array(features), float_array(reference)
    if f.ndim != 2 or known.ndim != 2 or f.shape[1] != known.shape[1] or len(known) < 2:
        raise InputError(f"features {f.shape} and reference {known.shape} must be (N, D) and (M, D), M >= 2.")
    if not 0 <= shrink <= 1:
        raise InputError(f"shrink={shrink}: give a share between 0 and 1.")
    spread = np.atleast_2d(np.cov(known, rowvar=False))
    spread = (1 - shrink) * spread + shrink * np.diag(np.diag(spread))
    spread = spread + ridge * np.trace(spread) / len(spread) * np.eye(len(spread))
    root = linalg.cholesky(spread, lower=True)
    return np.linalg.norm(linalg.solve_triangular(root, (f - known.mean(0)).T, lower=True), axis=0)


def energy(rewards: ArrayLike) -> np.ndarray:
    """(G,) -log(sum of exp rewards) over the last axis of rewards (G, K): high where all rewards are low.

    The energy of a softmax over K answers (Liu et al. 2020). It moves with a reward's zero, which
    Bradley-Terry leaves free: compare it within one model only.
    """
    return -np.logaddexp.reduce(float_array(rewards), axis=-1)


def detection(
    familiar: ArrayLike, strange: ArrayLike, prompts: tuple[ArrayLike, ArrayLike] | None = None
) -> Interval:
    """The area under the ROC curve of a detector, with its interval at 95 % over prompts.

    familiar (N,), strange (M,): the detector's values.   prompts: the prompt of each (None: all different).
    """
    values = [float_array(part) for part in (familiar, strange)]
    if any(part.ndim != 1 or not part.size or not np.isfinite(part).all() for part in values):
        raise InputError("A detector needs finite values of both kinds: familiar (N,) and strange (M,).")
    keys = [np.arange(len(part)) for part in values] if prompts is None else [np.asarray(p) for p in prompts]
    if [len(part) for part in values] != [len(part) for part in keys]:
        raise InputError("Give one prompt for each value of a detector.")
    labels = np.concatenate([[f"{kind}:{key}" for key in part] for kind, part in enumerate(keys)])
    found = auc(np.concatenate(values), np.repeat([False, True], [len(part) for part in values]), labels)
    return Interval(found["value"], *found["interval"])


def roc(familiar: ArrayLike, strange: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(false alarms, found): shares of familiar and of strange texts above each threshold, none to all."""
    cuts = np.sort(np.unique(np.concatenate([float_array(familiar), float_array(strange)])))[::-1]
    above = [stats.ecdf(float_array(part)).sf.evaluate(cuts) for part in (familiar, strange)]
    return np.append(above[0], 1.0), np.append(above[1], 1.0)
