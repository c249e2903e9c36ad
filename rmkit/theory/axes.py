"""In which directions do people's preferences lie? Principal axes of differences (DRM, Luo et al. 2025).

x_v = f(preferred) - f(other). The axes are the eigenvectors of the second moment mean(x x^T). The mean of x
is what people agree on: an ordinary PCA subtracts it, and so throws it away.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rmkit.errors import InputError


class Axes(NamedTuple):
    """directions (R, D) of length 1, the strongest first, each turned so that most votes go along it; moments
    (R,): mean of (x . v)^2 along each, less the squared mean where centred.
    """

    directions: np.ndarray
    moments: np.ndarray


def principal_axes(x: ArrayLike, *, centered: bool = False) -> Axes:
    """x (V, D): one row a vote, chosen minus rejected; R = min(V, D) axes.

    centered: subtract the mean first, as scikit-learn's PCA does. Then a direction that all people like and
    in which no one differs is not found at all.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise InputError(f"x has shape {x.shape}: give finite differences of features, (votes, features).")
    _, lengths, directions = np.linalg.svd(x - x.mean(0) if centered else x, full_matrices=False)
    way = np.where((x @ directions.T).mean(0) < 0, -1.0, 1.0)
    return Axes(directions * way[:, None], lengths**2 / len(x))
