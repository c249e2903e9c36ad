"""Several rewards for one crowd: a mixture of Bradley-Terry models, fitted by EM.

Every person belongs to one of K camps, which nobody wrote down. Camp k has the reward w_k . f and the share
s_k of the people. A person's votes v are independent given the camp, so

    P(votes of u) = sum_k s_k prod_v sigma(x_v . w_k),    x_v = f(preferred) - f(other).

E: the posterior of each person's camp. M: each camp's reward from all votes, counted by that posterior.
Dempster, Laird and Rubin (1977); for comparisons Croon (1989) and Zhao, Piech and Xia (2016).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special
from scipy.cluster import vq

from rmkit.errors import InputError
from rmkit.theory import linear


@dataclass(frozen=True)
class Mixture:
    """weights (K, D) of the camps' rewards; shares (K,), which sum to 1; members (U, K): P(camp | votes);
    log_likelihood of all votes in nats; steps of EM.
    """

    weights: np.ndarray
    shares: np.ndarray
    members: np.ndarray
    log_likelihood: float
    steps: int

    @property
    def camps(self) -> np.ndarray:
        """(U,) the most probable camp of each person."""
        return self.members.argmax(1)


def pooled_gap(gaps: ArrayLike, shares: ArrayLike) -> np.ndarray:
    """(...) the log-odds of a vote from somebody drawn from the crowd: logit of sum_c share_c sigma(gap_c).

    gaps (..., C): the log-odds in each camp; shares (C,): how many votes come from it, in any unit. One
    reward for all that fits every pair as well as it can has these gaps. In logarithms, so that sure camps
    stay finite.
    """
    gaps = np.asarray(gaps, dtype=np.float64)
    shares = np.asarray(shares, dtype=np.float64)
    if gaps.shape[-1:] != shares.shape or (shares < 0).any() or not shares.sum() > 0:
        raise InputError(f"gaps {gaps.shape} and shares {shares.shape}: give one share of 0 or more a camp.")
    yes, no = (special.logsumexp(-np.logaddexp(0, -sign * gaps), b=shares, axis=-1) for sign in (1, -1))
    return yes - no


def responsibilities(votes: ArrayLike, user: ArrayLike, shares: ArrayLike) -> np.ndarray:
    """(U, K) P(camp k | the votes of u), the E step.

    votes (V, K): log sigma(x_v . w_k);  user (V,): whose vote, 0 to U - 1;  shares (K,). Sums of logarithms,
    for a product of hundreds of probabilities is 0 in any float.
    """
    joint = _joint(np.asarray(votes, dtype=np.float64), np.asarray(user), np.asarray(shares))
    return special.softmax(joint, axis=1)


def _joint(votes: np.ndarray, user: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(U, K) log of share times the probability of all votes of a person."""
    people = int(user.max()) + 1
    sums = np.stack([np.bincount(user, column, people) for column in votes.T], axis=1)
    with np.errstate(divide="ignore"):  # a camp that nobody is in has probability 0
        return np.log(shares) + sums


def fit(
    x: ArrayLike,
    user: ArrayLike,
    k: int,
    *,
    prior: float = 1.0,
    seed: int = 0,
    starts: int = 4,
    steps: int = 100,
) -> Mixture:
    """The best of several starts by penalized likelihood.

    x (V, D), user (V,) integers from 0; k camps; prior: precision of each reward's weights, in votes (see
    `linear.fit`). A start groups people by k-means on their mean difference of features.
    Raises InputError for fewer people than camps.
    """
    x, user = np.asarray(x, dtype=np.float64), np.asarray(user)
    if user.shape != x.shape[:1] or user.dtype.kind not in "iu" or user.min() < 0:
        raise InputError(
            f"user has shape {user.shape}: give one whole number from 0 for each of {len(x)} votes."
        )
    people = int(user.max()) + 1
    if not 1 <= k <= people:
        raise InputError(f"k={k} camps of {people} people: give a number from 1 to {people}.")
    rng, count = np.random.default_rng(seed), np.bincount(user, minlength=people)
    means = np.stack([np.bincount(user, c, people) for c in x.T], axis=1) / np.maximum(count, 1)[:, None]
    tried = [_em(x, user, _start(means, k, rng), prior, steps) for _ in range(starts if k > 1 else 1)]
    return max(tried, key=lambda each: each[0])[1]


def _start(means: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """(U, K) members of k groups of people whose mean differences are alike; nobody is quite sure."""
    _, label = vq.kmeans2(means, means[rng.choice(len(means), k, replace=False)], minit="matrix")
    return 0.9 * np.eye(k)[label] + 0.1 / k


def _em(x, user, members, prior: float, steps: int) -> tuple[float, Mixture]:
    """(penalized log-likelihood, mixture) after EM from the posterior `members` (U, K).

    Two Newton steps an M step: it need not end at the maximum, only higher up.
    """
    k, before = members.shape[1], -np.inf
    weights = np.zeros((k, x.shape[1]))
    for step in range(1, steps + 1):  # noqa: B007
        shares = members.mean(0)
        weights = np.stack(
            [linear.fit(x, counts=members[user, c], prior=prior, start=weights[c], steps=2) for c in range(k)]
        )
        joint = _joint(-np.logaddexp(0, -x @ weights.T), user, shares)
        members = special.softmax(joint, axis=1)
        likelihood = float(special.logsumexp(joint, axis=1).sum())
        value = likelihood - prior / 2 * float((weights**2).sum())
        if value - before < 0.01:  # nats
            break
        before = value
    return value, Mixture(weights, shares, members, likelihood, step)
