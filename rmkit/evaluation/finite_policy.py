"""Policies on a finite pool, in which everything is exact: best-of-n, the best trade against KL, and the KL.

A pool of N samples, each with probability 1/N, stands for the policy that drew them. A policy pushed by a
reward r is then N new probabilities q, its gold reward is sum q g, its distance KL(q || p). Where samples
repeat a text nothing changes: equal texts have equal rewards, so they are raised by the same factor.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from rmkit.errors import InputError
from rmkit.evaluation.comparisons import float_array


def best_of_n_policy(rewards: ArrayLike, n: float, base: ArrayLike | None = None) -> np.ndarray:
    """Probabilities of the response with the highest reward of n independent draws; equal ones draw lots.

        q(y) = p(y) (F(y)^n - F_(y)^n) / (F(y) - F_(y))

    with F the probability of a reward at most r(y), F_ of a lower one. rewards (N,) or (P, N): N outcomes for
    each of P prompts.   base: p, of the same shape, summing to 1 (None: each outcome 1/N).   n >= 1.
    `best_of_n` is the other question: what the unknown policy behind the pool would do, without bias.
    """
    r, p = _checked(rewards, base)
    if not n >= 1:
        raise InputError(f"n={n}: best-of-n needs n >= 1.")
    rows = zip(np.atleast_2d(r), np.atleast_2d(p), strict=True)
    return np.stack([_raised(*row, n) for row in rows]).reshape(r.shape)


def tilted_policy(rewards: ArrayLike, beta: float, base: ArrayLike | None = None) -> np.ndarray:
    """Probabilities with the highest E[r] - beta KL(q || p): q(y) proportional to p(y) exp(r(y) / beta).

    This is where reinforcement learning with a KL penalty ends, if it ends (Korbak et al. 2022). Shapes as in
    `best_of_n_policy`; beta > 0, in units of reward for each nat.
    """
    r, p = _checked(rewards, base)
    if not beta > 0:
        raise InputError(f"beta={beta}: the price of a nat must be above 0.")
    with np.errstate(divide="ignore"):
        return special.softmax(np.log(p) + r / beta, axis=-1)


def exact_kl(policy: ArrayLike, base: ArrayLike | None = None) -> np.ndarray:
    """KL(policy || base) in nats, over the last axis; base None: each of the N outcomes 1/N."""
    q = float_array(policy)
    p = np.full(q.shape, 1 / q.shape[-1]) if base is None else float_array(base)
    if q.shape != p.shape:
        raise InputError(f"policy {q.shape} and base {p.shape} must have one shape.")
    return special.rel_entr(q, p).sum(-1)


def beta_for_kl(rewards: ArrayLike, kl: float, base: ArrayLike | None = None) -> float:
    """The beta at which `tilted_policy` has this KL, on average over prompts: to compare rewards at equal KL.

    Raises InputError where no beta goes so far: KL is at most -log p of the best outcomes.
    """
    scale = float(np.ptp(_checked(rewards, base)[0])) or 1.0

    def excess(x: float) -> float:
        return float(exact_kl(tilted_policy(rewards, scale * np.exp(x), base), base).mean()) - kl

    nearest, farthest = 15.0, -15.0  # of log beta, in units of the rewards' range
    if not 0 < kl < kl + excess(farthest):
        raise InputError(
            f"No beta gives a KL of {kl} nats; these rewards go as far as {kl + excess(farthest):.3g}."
        )
    return scale * float(np.exp(optimize.brentq(excess, farthest, nearest, xtol=1e-6)))


def _raised(rewards: np.ndarray, base: np.ndarray, n: float) -> np.ndarray:
    """(N,) best-of-n probabilities of one prompt."""
    _, level = np.unique(rewards, return_inverse=True)
    mass = np.bincount(level, weights=base)
    upto = np.minimum(np.cumsum(mass), 1.0)
    below = np.concatenate([[0.0], upto[:-1]])
    factor = np.divide(upto**n - below**n, mass, out=np.zeros_like(mass), where=mass > 0)
    q = base * factor[level]
    return q / q.sum()


def _checked(rewards: ArrayLike, base: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    r = float_array(rewards)
    p = np.full(r.shape, 1 / max(r.shape[-1], 1)) if base is None else float_array(base)
    if r.shape != p.shape or r.ndim not in (1, 2) or r.size == 0:
        raise InputError(
            f"rewards {r.shape} and base {p.shape} must have one shape (N,) or (P, N), not empty."
        )
    if not np.isfinite(r).all() or (p < 0).any() or not np.allclose(p.sum(-1), 1):
        raise InputError("rewards must be finite, and base probabilities that sum to 1 for each prompt.")
    return r, p
