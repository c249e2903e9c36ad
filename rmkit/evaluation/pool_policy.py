"""A policy over a pool of samples, small enough to be exact: what best-of-n and RL make of a reward.

For each of P prompts the reference policy drew N samples, so it gives each of them 1 / N. A policy over the
pool gives them other probabilities pi_i. It pays for leaving the reference:

    J(pi) = E_pi[r] - beta KL(pi || reference),    KL = sum_i pi_i log(N pi_i) >= 0

There is no sampling here and no network: gradients and expectations are exact, so two rewards differ by what
they say and not by the luck of a run. A text that was drawn twice stands in the pool twice; both have one
reward and keep one probability, so this KL is that over texts.

`tilted` and `at_kl` are where RL with a KL penalty ends, `policy_gradient` the way there without one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from rmkit.errors import InputError
from rmkit.evaluation.comparisons import float_array

FARTHEST, NEAREST = np.log(1e-9), np.log(1e9)  # of log beta, in units of the rewards' range


@dataclass(frozen=True)
class PoolPolicy:
    """log_probabilities (..., P, N): of every sample, for each of P prompts; leading axes are rewards."""

    log_probabilities: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """(..., P, N)"""
        return np.exp(self.log_probabilities)

    @property
    def kl(self) -> np.ndarray:
        """(..., P): KL(pi || reference) of each prompt in nats, at most log N."""
        pi = self.probabilities
        return special.rel_entr(pi, 1 / pi.shape[-1]).sum(-1)

    def expected(self, values: ArrayLike) -> np.ndarray:
        """(..., P): E_pi of values (P, N), such as gold rewards, or of one table for each reward."""
        return np.sum(self.probabilities * float_array(values), -1)


def tilted(rewards: ArrayLike, beta: ArrayLike) -> PoolPolicy:
    """The policy with the largest J: pi_i in proportion to exp(r_i / beta) (Korbak et al. 2022).

    rewards (..., P, N); beta > 0, one number, or one for each of the leading axes.
    """
    r, beta = _rewards(rewards), np.asarray(beta, dtype=np.float64)
    if not (beta > 0).all():
        raise InputError("beta must be above 0: without a price on KL the best policy is the best sample.")
    return PoolPolicy(special.log_softmax(r / beta[..., None, None], -1))


def at_kl(rewards: ArrayLike, kl: float) -> tuple[PoolPolicy, np.ndarray]:
    """(the best policy whose KL, averaged over prompts, is `kl` nats; its beta (...)).

    rewards (..., P, N). One beta serves all prompts of a reward, as in RL. The KL falls as beta grows.
    Raises InputError where no beta goes that far: equal best samples.
    """
    r = _rewards(rewards)
    spread = np.maximum(np.ptp(r, axis=(-2, -1)), 1e-300)
    ends = [tilted(r, spread * np.exp(end)).kl.mean(-1) for end in (FARTHEST, NEAREST)]
    if not ((ends[1] <= kl) & (kl <= ends[0])).all():
        raise InputError(
            f"No beta gives a KL of {kl:g} nats to every reward; the farthest that all reach is "
            f"{np.min(ends[0]):.3g}."
        )
    tables = zip(r.reshape(-1, *r.shape[-2:]), spread.ravel(), strict=True)
    beta = np.array([_beta(table, unit, kl) for table, unit in tables]).reshape(spread.shape)
    return tilted(r, beta), beta


def best_of_n_policy(rewards: ArrayLike, n: float) -> PoolPolicy:
    """The policy of taking the highest reward among n independent draws; equal ones draw lots.

        pi_i = (F_i^n - F'_i^n) / (N (F_i - F'_i))

    with F_i the share of the prompt's samples with a reward of at most r_i, F'_i with a lower one. rewards
    (..., P, N); n >= 1. `best_of_n` is the other question: what the unknown policy that drew the pool would
    get, without bias.
    """
    r = _rewards(rewards)
    if not n >= 1:
        raise InputError(f"n={n}: best-of-n needs n >= 1.")
    pi = np.stack([_best(row, n) for row in r.reshape(-1, r.shape[-1])]).reshape(r.shape)
    with np.errstate(divide="ignore"):  # a chance may be too small for a float
        return PoolPolicy(np.log(pi))


def policy_gradient(
    rewards: ArrayLike, at: Sequence[int], *, lr: float = 1.0, beta: float = 0.0
) -> list[PoolPolicy]:
    """Plain gradient ascent on J over logits theta, pi = softmax(theta), from the reference.

    rewards (..., P, N).   at: after which numbers of steps the policy is wanted, ascending.
    The exact gradient is pi_i (a_i - E_pi[a]) with a_i = r_i - beta log(N pi_i) (the policy-gradient theorem:
    Sutton et al. 2000). A step is lr N times it, so that lr means the same for every pool: the first step
    adds lr (r_i - mean r) to a logit.
    """
    r = _rewards(rewards)
    if list(at) != sorted(set(at)) or not at or min(at) < 0:
        raise InputError(f"at={list(at)}: give numbers of steps, ascending, such as (0, 10, 100).")
    if not lr > 0 or beta < 0:
        raise InputError(f"lr={lr} must be above 0 and beta={beta} not below it.")
    samples, theta, kept = r.shape[-1], np.zeros(r.shape), {}
    for step in range(at[-1] + 1):
        log_pi = special.log_softmax(theta, -1)
        if step in at:
            kept[step] = PoolPolicy(log_pi)
        theta = theta + lr * samples * gradient(log_pi, r, beta)
    return [kept[step] for step in at]


def gradient(log_probabilities: np.ndarray, rewards: np.ndarray, beta: float = 0.0) -> np.ndarray:
    """(..., P, N): the gradient of each prompt's J in its logits, at this policy."""
    pi = np.exp(log_probabilities)
    a = rewards - beta * (log_probabilities + np.log(pi.shape[-1])) if beta else rewards
    return pi * (a - np.sum(pi * a, -1, keepdims=True))


def whitened(rewards: ArrayLike) -> np.ndarray:
    """Rewards (..., P, N) with mean 0 and variance 1 over the whole pool, as PPO is often given them.

    The scale of a reward is arbitrary, and RL is not blind to it. This takes the scale away. What it leaves
    is how the variance divides: between prompts, which teaches a policy nothing, and within them.
    """
    r = _rewards(rewards)
    deviation = r.std(axis=(-2, -1), keepdims=True)
    return (r - r.mean(axis=(-2, -1), keepdims=True)) / np.where(deviation > 0, deviation, 1.0)


def _rewards(rewards: ArrayLike) -> np.ndarray:
    r = float_array(rewards)
    if r.ndim < 2 or r.size == 0:
        raise InputError(f"rewards {r.shape} must be (prompts, samples), or more of such tables.")
    if not np.isfinite(r).all():
        raise InputError("rewards hold NaN or infinity; drop those prompts and say how many.")
    return r


def _beta(rewards: np.ndarray, unit: float, kl: float) -> float:
    """The beta of one reward (P, N) of this range at which its KL is `kl`."""

    def excess(x: float) -> float:
        return float(tilted(rewards, unit * np.exp(x)).kl.mean()) - kl

    return unit * float(np.exp(optimize.brentq(excess, FARTHEST, NEAREST, xtol=1e-12)))


def _best(rewards: np.ndarray, n: float) -> np.ndarray:
    """(N,) best-of-n probabilities of one prompt."""
    _, level, count = np.unique(rewards, return_inverse=True, return_counts=True)
    upto = np.cumsum(count) / len(rewards)
    pi = (np.diff(upto**n, prepend=0.0) / count)[level]
    return pi / pi.sum()
