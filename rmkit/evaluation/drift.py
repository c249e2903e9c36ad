"""How far have the answers drifted from those that a reward model was trained on?

The distance of Mahalanobis (1936): with mean m and covariance C of the training answers' features,

    D^2(f) = (f - m)' C^-1 (f - m).

Far from its training answers a reward model guesses. Miao et al. (2025), arXiv 2510.13694, measure so how far
a policy that hacks its reward has gone, in the latent space of a reward model with an information bottleneck,
from answers of the supervised model; here it is any features, and the answers that the head was trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, stats

from rmkit.errors import InputError
from rmkit.evaluation.comparisons import float_array


@dataclass(frozen=True)
class Drift:
    """mean (D,), and root (D, D) with root' root = C^-1: `Drift.fit(features)`, then `.distance(others)`."""

    mean: np.ndarray
    root: np.ndarray

    @classmethod
    def fit(cls, features: Sequence | ArrayLike, shrink: float = 0.1) -> "Drift":
        """features: (N, D), or one (K, D) for each group.   shrink: the share of C, between 0 and 1, that is
        replaced by its own diagonal, so that few answers do not make it singular.
        """
        x = stacked(features)
        if len(x) < 2 or not 0 <= shrink <= 1:
            raise InputError(
                f"Drift needs at least 2 answers, here {len(x)}, and shrink={shrink} within 0 and 1."
            )
        covariance = np.cov(x.T).reshape(x.shape[1], -1)
        own = np.diag(covariance)
        own = np.where(own > 1e-12, own, 1.0)  # a feature that never changed says nothing
        covariance = (1 - shrink) * covariance + shrink * np.diag(own) + 1e-9 * np.diag(own)
        root = linalg.solve_triangular(np.linalg.cholesky(covariance), np.eye(len(own)), lower=True)
        return cls(x.mean(0), root)

    def distance(self, features: Sequence | ArrayLike) -> np.ndarray:
        """(N,) squared distances D^2; for answers like those of the fit about D on average."""
        x = stacked(features)
        if x.shape[1] != len(self.mean):
            raise InputError(f"These features have {x.shape[1]} numbers, those of the fit {len(self.mean)}.")
        return (((x - self.mean) @ self.root.T) ** 2).sum(1)


def detection(inside: ArrayLike, outside: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a score from `outside` exceeds one from `inside`, ties half.

    inside (N,), outside (M,): such as distances of known and of drifted answers. 0.5 is a coin (Mann and
    Whitney 1947).
    """
    a, b = float_array(inside).ravel(), float_array(outside).ravel()
    if not (len(a) and len(b)):
        raise InputError(
            f"detection compares two samples; here are {len(a)} scores inside, {len(b)} outside."
        )
    return float(stats.mannwhitneyu(b, a).statistic / (len(a) * len(b)))


def stacked(features: Sequence | ArrayLike) -> np.ndarray:
    """(N, D) float64 from an array, or from one (K, D) array or tensor for each group."""
    if isinstance(features, np.ndarray):
        x = features.astype(np.float64)
    else:
        parts = [np.atleast_2d(np.asarray(each, dtype=np.float64)) for each in features]
        x = np.concatenate(parts) if parts else np.empty((0, 0))
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise InputError(f"features must be finite rows (N, D), not {x.shape}.")
    return x
