"""Lesson 09: linear heads that learn from outcomes or from steps, all by one fit.

Every loss here is a cross-entropy, softplus(z) - y z with z = w . f + b (softplus(z) = log(1 + e^z)). What
differs is where z is read and what y says:

    process    z at the end of each step, y = that step is right
    outcome    z at the end of the last step, y = the result is right
    value      z at the end of EACH step, y = the result is right: P(right result | what stands so far)
    implicit   z = the sum over the steps, y = the result is right (PRIME, with a linear log-ratio)
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, softmax

from rmkit.evaluation.first_error import best_threshold, first_below
from rmkit.lessons.outcome_and_process.chains import Chains
from rmkit.theory.linear import newton

PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def cross_entropy(z, y):
    """softplus(z) - y z, without overflow; y may be any number."""
    return np.logaddexp(0, z) - y * z


def logistic(x, y, *, l2: float, weight=None, constant=None, steps: int = 30) -> np.ndarray:
    """(D + 1,): w, then b, that minimize the weighted mean of cross_entropy(x . w + b c, y) plus l2/2 |w|^2.

    x (N, D), y (N,), weight (N,); c: `constant` (N,), 1 by default. Newton with halved steps: it is convex.
    """
    weight = np.ones(len(x)) if weight is None else weight
    weight = weight / weight.sum()
    x = np.column_stack([x, np.ones(len(x)) if constant is None else constant])
    penalty = np.append(np.full(x.shape[1] - 1, float(l2)), 1e-6)  # b is all but free

    def objective(w):
        z = x @ w
        p = expit(z)
        return (
            weight @ cross_entropy(z, y) + (penalty * w * w).sum() / 2,
            x.T @ (weight * (p - y)) + penalty * w,
            (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(penalty),
        )

    return newton(objective, np.zeros(x.shape[1]), steps)


# --- the four heads -----------------------------------------------------------------------------------------


def process(chains: Chains, l2: float, chosen: np.ndarray | None = None) -> np.ndarray:
    """Learns from step labels; each solution counts once. chosen (N, S): learn from these steps alone."""
    used = chains.real if chosen is None else chosen
    weight = (used / used.sum(1, keepdims=True))[used]
    return logistic(chains.x[used], chains.labels[used], l2=l2, weight=weight)


def one_label(chains: Chains, rng: np.random.Generator) -> np.ndarray:
    """(N, S): one step of each solution, drawn at random: as many labels as there are outcomes."""
    drawn = np.where(chains.real, rng.random(chains.real.shape), -1.0).argmax(1)
    return np.arange(chains.real.shape[1]) == drawn[:, None]


def outcome(chains: Chains, l2: float) -> np.ndarray:
    return logistic(chains.last, chains.correct, l2=l2)


def value(chains: Chains, l2: float) -> np.ndarray:
    weight = (chains.real / chains.size[:, None])[chains.real]
    every = np.broadcast_to(chains.correct[:, None], chains.real.shape)[chains.real]
    return logistic(chains.x[chains.real], every, l2=l2, weight=weight)


def implicit(chains: Chains, l2: float) -> np.ndarray:
    return logistic(chains.x.sum(1), chains.correct, l2=l2, constant=chains.size.astype(float))


def read(w: np.ndarray, chains: Chains) -> np.ndarray:
    """(N, S) z at the end of each step, NaN where there is none."""
    return np.where(chains.real, chains.x @ w[:-1] + w[-1], np.nan)


def risk(kind: str, w: np.ndarray, chains: Chains) -> float:
    """The head's own log-loss on these solutions, in nats: on labels of the kind that it learns from."""
    z = read(w, chains)
    if kind in ("process", "value"):
        real, each = chains.real, chains.labels if kind == "process" else chains.correct[:, None]
        weight = (real / chains.size[:, None])[real] / len(chains)  # each solution counts once
        return float(weight @ cross_entropy(z[real], np.broadcast_to(each, real.shape)[real]))
    whole = np.nansum(z, 1) if kind == "implicit" else at_last(z, chains)
    return float(cross_entropy(whole, chains.correct).mean())


FITS: dict[str, Callable[..., np.ndarray]] = {
    "process": process,
    "outcome": outcome,
    "value": value,
    "implicit": implicit,
}


def penalty_for(kind: str, train: Chains, validation: Chains) -> float:
    """The penalty with the lowest `risk` on solutions to other prompts."""
    return min(PENALTIES, key=lambda l2: risk(kind, FITS[kind](train, l2), validation))


def at_last(z: np.ndarray, chains: Chains) -> np.ndarray:
    """(N,) the number at the last step."""
    return z[np.arange(len(z)), chains.size - 1]


# --- from a head to a reward for each step ------------------------------------------------------------------


def rises(w: np.ndarray, chains: Chains, start: float) -> np.ndarray:
    """(N, S) V_t - V_(t-1) with V = sigma(z) and V_0 = start: how much a step changed the chance."""
    v = expit(read(w, chains))
    return np.diff(v, axis=1, prepend=start)


def locate(rewards: np.ndarray, validation: np.ndarray, first: np.ndarray) -> np.ndarray:
    """(N,) the step called first wrong: the first below the threshold that is best on other solutions.

    validation, first: rewards and true places of those others.
    """
    return first_below(rewards, best_threshold(validation, first))


# --- from the rewards of steps to one number ----------------------------------------------------------------

RULES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "last": lambda p: np.array([row[~np.isnan(row)][-1] for row in p]),
    "mean": lambda p: np.nanmean(p, 1),
    "min": lambda p: np.nanmin(p, 1),
    "product": lambda p: np.nanprod(p, 1),
}


def majority(totals: np.ndarray, good: np.ndarray) -> np.ndarray:
    """(P,) how often a solution drawn from the largest camp of equal results is good; ties count evenly.

    totals, good (P, n): results told (-1: none, which gets no vote) and whether a solution is good.
    """
    found = []
    for told, right in zip(totals, good, strict=True):
        names, votes = np.unique(told[told >= 0], return_counts=True)
        camps = [right[told == name].mean() for name in names[votes == votes.max(initial=0)]]
        found.append(np.mean(camps) if camps else right.mean())
    return np.array(found)


# --- credit that a policy can farm --------------------------------------------------------------------------


def pressed(returns: np.ndarray, pressure: float) -> np.ndarray:
    """(R,) the policy that a reward makes of one without a preference: pi(k) ~ exp(pressure return(k)).

    It is where KL-penalized training ends (pressure = 1 / beta); returns (R,) of solutions with k repeats.
    """
    return softmax(pressure * np.asarray(returns, dtype=float))
