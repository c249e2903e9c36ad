"""Best-of-n: what choosing the highest reward among n responses is worth, and how far it strays."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rmkit.errors import InputError
from rmkit.evaluation.comparisons import float_array


def best_of_n(rewards: ArrayLike, gold: ArrayLike) -> np.ndarray:
    """Expected gold reward of the response with the highest reward among n, for every n from 1 to N.

    rewards, gold (G, N), or (N,) for one prompt: N responses drawn for each prompt.   Returns the same shape:
    column n - 1 holds best-of-n, so `.mean(0)` is the curve over prompts and its rows give the interval.
    All n come from the one pool, without bias (Nakano et al. 2021, WebGPT): in ascending order of
    reward the i-th response is the best of n drawn without replacement with probability C(i - 1, n - 1) /
    C(N, n). Equal rewards share their probability. Raises InputError for other shapes, NaN and infinity.
    """
    r, g = float_array(rewards), float_array(gold)
    if r.shape != g.shape or r.ndim not in (1, 2) or r.size == 0:
        raise InputError(
            f"rewards {r.shape} and gold {g.shape} must have one shape (prompts, responses), not empty."
        )
    if not (np.isfinite(r).all() and np.isfinite(g).all()):
        raise InputError("rewards or gold hold NaN or infinity; drop those prompts and say how many.")
    curves = _ascending(np.atleast_2d(r), np.atleast_2d(g))
    return (curves @ _best_of_n_weights(r.shape[-1])).reshape(r.shape)


def best_of_n_kl(n: ArrayLike) -> np.ndarray:
    """KL(best-of-n || policy) in nats, for n >= 1: log n - (n - 1) / n.

    Exact where no two responses are the same text or have the same reward, else an upper bound (Stiennon et
    al. 2020, appendix G.3; Beirami et al. 2024).
    """
    n = np.asarray(n, dtype=np.float64)
    if (n < 1).any():
        raise InputError("best-of-n needs n >= 1.")
    return np.log(n) - (n - 1) / n


def _ascending(rewards: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Gold (G, N), each row in ascending order of its reward, averaged within equal rewards."""
    order = np.argsort(rewards, axis=1, kind="stable")
    r, g = np.take_along_axis(rewards, order, 1), np.take_along_axis(gold, order, 1)
    first = np.diff(r, axis=1, prepend=np.nan) != 0  # of its equals; every row begins anew
    block = np.cumsum(first).reshape(r.shape) - 1
    means = np.bincount(block.ravel(), weights=g.ravel()) / np.bincount(block.ravel())
    return means[block]


def _best_of_n_weights(size: int) -> np.ndarray:
    """(N, N): row i - 1, column n - 1 holds C(i - 1, n - 1) / C(N, n), by log-gamma so that nothing
    overflows."""
    i = np.arange(1, size + 1)[:, None]
    n = np.arange(1, size + 1)[None, :]
    possible = i >= n
    below = _log_choose(np.where(possible, i - 1, size), n - 1)
    weights = np.where(possible, np.exp(below - _log_choose(size, n)), 0.0)
    return weights / weights.sum(0)


def _log_choose(n: ArrayLike, k: ArrayLike) -> np.ndarray:
    n, k = np.asarray(n, dtype=np.float64), np.asarray(k, dtype=np.float64)
    return special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
