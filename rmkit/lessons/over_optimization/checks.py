"""Checks of lesson 11: the exact KL, Gao's curve, a careful ensemble, leave one out, a bounded reward."""

import numpy as np
from scipy import special

from rmkit.notebook.check import Check, Mistake, Trap

# --- the exact KL of best-of-n ------------------------------------------------------------------------------


def _levels(rng):
    """Probabilities of the levels of reward, lowest first, and n."""
    yield np.array([0.5, 0.5]), 2
    yield np.array([0.7, 0.2, 0.1]), 1
    for size, n in ((3, 4), (5, 2), (6, 16), (4, 64)):
        yield rng.dirichlet(np.ones(size)), n


def _raised(p, n, order=slice(None)):
    upto = np.cumsum(p[order])
    return (upto**n - (upto - p[order]) ** n)[order]


def _kl(p, n, q=None):
    q = _raised(p, n) if q is None else q
    return float(special.xlogy(q, q / p).sum())


EXACT_KL = Check(
    "exact_kl",
    reference=_kl,
    cases=_levels,
    mistakes=(
        Mistake(
            lambda p, n: np.log(n) - (n - 1) / n,
            "that is the bound, which knows nothing of p: levels have weight, and best-of-n goes less far.",
        ),
        Mistake(
            lambda p, n: _kl(p, n, _raised(p, n, slice(None, None, -1))),
            "that is the worst of n: p stands lowest first, so sum it up from its start.",
        ),
        Mistake(
            lambda p, n: _kl(_raised(p, n), n, p),
            "that is KL(policy || best-of-n): the policy that was pushed stands first.",
        ),
        Mistake(
            lambda p, n: _kl(p, n, np.cumsum(p) ** n),
            "F^n is the chance that the best is at this level OR BELOW: subtract the chance of below.",
        ),
        Mistake(
            lambda p, n: _kl(p, n, n * p * np.cumsum(p) ** (n - 1)),
            "n p F^(n - 1) is the density where no two rewards are equal; here subtract two powers.",
        ),
        Mistake(
            lambda p, n: float(special.xlogy(_raised(p, n), _raised(p, n)).sum()),
            "the policy it is compared with is missing: log(q / p), not log q.",
        ),
        Mistake(
            lambda p, n: _kl(p, n) / np.log(2),
            "that is in bits: the lesson counts in nats, so take the natural logarithm.",
        ),
        Mistake(
            lambda p, n: special.xlogy(_raised(p, n), _raised(p, n) / p),
            "these are the terms of the sum, one for each level: add them up.",
        ),
    ),
    traps=(
        Trap(
            (np.array([0.001, 0.999]), 512),
            "0.001^512 is 0 in floating point, and 0 log 0 counts as 0 (scipy.special.rel_entr knows).",
        ),
    ),
)

# --- Gao's curve --------------------------------------------------------------------------------------------


def _curves(rng):
    yield np.array([1.0, 2.0]), np.array([1.0, 1.0])
    for size in (4, 7, 10):
        d = np.sort(rng.uniform(0.3, 2.5, size))
        yield d, d * (rng.uniform(0.2, 1) - rng.uniform(0.05, 0.4) * d) + 0.05 * rng.normal(size=size)


def _fit(columns, gain):
    return np.linalg.lstsq(np.stack(columns, 1), gain, rcond=None)[0]


GAO = Check(
    "gao_fit",
    reference=lambda d, gain: _fit([d, -(d**2)], gain),
    cases=_curves,
    mistakes=(
        Mistake(
            lambda d, gain: _fit([d, d**2], gain),
            "beta has the wrong sign: the curve is alpha d MINUS beta d^2.",
        ),
        Mistake(
            lambda d, gain: _fit([d, -(d**2), np.ones_like(d)], gain)[:2],
            "a constant was fitted as well: R(0) = 0, the curve begins at the start's own reward.",
        ),
        Mistake(
            lambda d, gain: _fit([d, -d * np.log(d)], gain),
            "that is the form of reinforcement learning, with log d; asked is the one of best-of-n.",
        ),
        Mistake(
            lambda d, gain: _fit([np.ones_like(d), -d], gain / d),
            "dividing by d first makes the smallest d, and its noise, weigh most: fit R itself.",
        ),
        Mistake(
            lambda d, gain: _fit([d, -(d**2)], gain)[::-1],
            "alpha and beta have changed places: return (alpha, beta).",
        ),
        Mistake(
            lambda d, gain: _fit([d**2, -(d**4)], gain),
            "that is a curve in the KL: d is its square root already, so do not square it again.",
        ),
        Mistake(
            lambda d, gain: _fit([np.ones_like(d), -d], gain),
            "the factor d in front is missing: R = d (alpha - beta d).",
        ),
    ),
    traps=(
        Trap(
            (np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.5, 0.4])),
            "the start itself, d = 0, is a point of the curve like any other.",
        ),
    ),
)

# --- a careful ensemble -------------------------------------------------------------------------------------


def _members(rng):
    """Rewards (M, N) of M members, and a price."""
    yield np.array([[1.0, 2.0, 0.0], [1.0, 0.0, 1.0]]), 0.5
    yield np.array([[0.0, 3.0, 1.0], [2.0, 1.0, 1.0], [1.0, -1.0, 4.0]]), 0.0
    for shape, weight in (((5, 3), 0.1), ((4, 6), 2.0), ((3, 8), 0.0)):
        yield rng.normal(size=shape), weight


CAREFUL = Check(
    "careful",
    reference=lambda r, weight: r.mean(0) - weight * r.var(0),
    cases=_members,
    mistakes=(
        Mistake(
            lambda r, weight: r.mean(0) - (weight or 1.0) * r.var(0),
            "a weight of 0 became 1: 0 is false for `if` and `or`. Compare with None, if you must.",
        ),
        Mistake(
            lambda r, weight: r.mean(0) - weight * r.var(0, ddof=1),
            "the variance divides by M - 1; the lesson's, and Coste's for best-of-n, divides by M.",
        ),
        Mistake(
            lambda r, weight: r.mean(0) - weight * r.std(0),
            "that is the standard deviation: the price is on the variance, its square.",
        ),
        Mistake(
            lambda r, weight: r.mean(0) + weight * r.var(0),
            "it adds what it should take away: this ensemble runs after disagreement.",
        ),
        Mistake(
            lambda r, weight: r.min(0),
            "that is the worst case; asked is the mean less a price on the variance.",
        ),
        Mistake(lambda r, weight: r.mean(0), "the price has no effect: this is the mean."),
        Mistake(
            lambda r, weight: r.mean(1) - weight * r.var(1),
            "it goes over the responses of each member: the members are the first axis, axis 0.",
        ),
        Mistake(
            lambda r, weight: r.min(0) - weight * r.var(0),
            "it takes the price from the worst case; take it from the mean.",
        ),
        Mistake(
            lambda r, weight: r.mean(0) - weight * r.var(),
            "one variance for all responses changes no order: take it for each response, over members.",
        ),
    ),
)

# --- leave one out ------------------------------------------------------------------------------------------


def _returns(rng):
    """Rewards, log-likelihoods under the policy and under the reference, all (P, K), and beta."""
    yield np.array([[1.0, 0.0]]), np.array([[-1.0, -2.0]]), np.array([[-2.0, -2.0]]), 0.5
    for shape, beta in (((2, 3), 0.1), ((3, 4), 0.0), ((2, 5), 1.0)):
        r, log_pi = rng.normal(size=(2, *shape))
        yield r, log_pi - 5, log_pi + 0.5 * rng.normal(size=shape) - 5, beta


def _others(x):
    return (x.sum(1, keepdims=True) - x) / (x.shape[1] - 1)


def _paid(r, p, q, beta):
    return r - beta * (p - q)


LEAVE_ONE_OUT = Check(
    "leave_one_out",
    reference=lambda r, p, q, beta: _paid(r, p, q, beta) - _others(_paid(r, p, q, beta)),
    cases=_returns,
    mistakes=(
        Mistake(
            lambda r, p, q, beta: (x := _paid(r, p, q, beta)) - x.mean(1, keepdims=True),
            "the mean has the response itself in it: the baseline is the mean of the OTHERS.",
        ),
        Mistake(
            lambda r, p, q, beta: (x := _paid(r, q, p, beta)) - _others(x),
            "the sign of the penalty is turned: it pays for moving away from the reference.",
        ),
        Mistake(lambda r, p, q, beta: r - _others(r), "the KL penalty is missing."),
        Mistake(
            lambda r, p, q, beta: _paid(r, p, q, beta) - _others(r),
            "the baseline holds bare rewards: the others' returns have their penalties in them too.",
        ),
        Mistake(
            lambda r, p, q, beta: r - _others(_paid(r, p, q, beta)),
            "the others pay their penalty and the response itself does not.",
        ),
        Mistake(
            lambda r, p, q, beta: (x := _paid(r, p, q, beta)) - (x.sum(1, keepdims=True) - x) / x.shape[1],
            "the sum of the others is divided by K: there are K - 1 of them.",
        ),
        Mistake(
            lambda r, p, q, beta: (x := _paid(r, p, q, beta)) - (x.sum(1, keepdims=True) - x),
            "the others are summed: take their mean.",
        ),
        Mistake(
            lambda r, p, q, beta: (x := _paid(r, p, q, beta)) - x.mean(0, keepdims=True),
            "it compares a response with those to other prompts: prompts are rows, so go along axis 1.",
        ),
        Mistake(
            lambda r, p, q, beta: (x := _paid(r, p, q, beta)) - x.mean(),
            "it compares a response with those to other prompts: take the mean within its own row.",
        ),
        Mistake(
            lambda r, p, q, beta: (
                ((x := _paid(r, p, q, beta)) - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
            ),
            "that is GRPO's: less the mean of all, divided by the spread. RLOO does neither.",
        ),
        Mistake(
            lambda r, p, q, beta: _others(_paid(r, p, q, beta)) - _paid(r, p, q, beta),
            "the sign is turned: a response that got more than the others must be made likelier.",
        ),
    ),
)

# --- a bounded reward ---------------------------------------------------------------------------------------


def _rewards(rng):
    yield np.array([1.0]), np.array([0.0, 2.0])
    for k, m in ((3, 4), (5, 2), (4, 6)):
        yield 2 * rng.normal(size=k) + 1, 2 * rng.normal(size=m)


def _against(r, references):
    return special.expit(r[:, None] - references[None, :])


BOUNDED = Check(
    "preference_as_reward",
    reference=lambda r, references: _against(r, references).mean(1),
    cases=_rewards,
    mistakes=(
        Mistake(
            lambda r, references: special.expit(r - references.mean()),
            "sigma of the mean gap is not the mean of sigma: compare with each reference first.",
        ),
        Mistake(
            lambda r, references: 1 - _against(r, references).mean(1),
            "the gap is turned round: this falls as the reward rises.",
        ),
        Mistake(
            lambda r, references: _against(r, references).sum(1),
            "it is the sum over the references: take the mean, so that it stays within 0 and 1.",
        ),
        Mistake(
            lambda r, references: (r[:, None] > references).mean(1),
            "it counts wins: a step has no slope to learn from. Take sigma of the gap.",
        ),
        Mistake(lambda r, references: special.expit(r), "the references are not used."),
        Mistake(
            lambda r, references: special.expit(r) - special.expit(references).mean(),
            "sigma goes around the gap, not around each reward.",
        ),
        Mistake(
            lambda r, references: _against(r, references).mean(0),
            "the mean runs over the responses: one number for each response, mean over references.",
        ),
        Mistake(
            lambda r, references: r - references.mean(),
            "that is centred and not bounded: the sigma is missing.",
        ),
    ),
    traps=(
        Trap(
            (np.array([800.0, -800.0]), np.array([0.0, 1.0])),
            "exp(800) is infinite: take scipy.special.expit of the gap, or torch.sigmoid.",
        ),
    ),
)

CHECKS = (EXACT_KL, GAO, CAREFUL, LEAVE_ONE_OUT, BOUNDED)
