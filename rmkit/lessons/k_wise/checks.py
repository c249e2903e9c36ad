"""Checks of lesson 07: losses of a ranking and of its first m places, Gumbel noise, honest error bars."""

import numpy as np
import torch

from rmkit.notebook.check import Check, Mistake, Trap


def _sorted_rewards(rng):
    yield (torch.tensor([[1.0, 0.0]]),)
    yield (torch.tensor([[2.0, 1.0, 0.0]]),)
    for groups, k in ((1, 4), (3, 5)):
        yield (torch.tensor(rng.normal(size=(groups, k)) * 1.5),)


def _loss(r, *, rest=lambda r, k: r[:, k:], choices=None):
    """(G,) sum over choices k of logsumexp(rest(r, k)) - r_k."""
    number = r.shape[1] - 1 if choices is None else choices
    total = r.new_zeros(len(r))
    for k in range(number):
        total = total + torch.logsumexp(rest(r, k), 1) - r[:, k]
    return total


def _naive(r):
    total = r.new_zeros(len(r))
    for k in range(r.shape[1] - 1):
        p = torch.exp(r[:, k]) / torch.exp(r[:, k:]).sum(1)
        total = total - torch.log(p)
    return total


def _pairs(r):
    k = r.shape[1]
    gaps = [r[:, i] - r[:, j] for i in range(k) for j in range(i + 1, k)]
    return -torch.nn.functional.logsigmoid(torch.stack(gaps)).sum(0)


_RANKING = (
    Mistake(
        lambda r: _loss(r, rest=lambda r, k: r),
        "every choice is a softmax over all K responses; whoever was chosen already must leave the set: the "
        "k-th choice is among r[:, k:].",
    ),
    Mistake(
        lambda r: _loss(r, rest=lambda r, k: r[:, k + 1 :]),
        "the chosen response is missing from its own denominator: this is the gap to the rest, and the "
        "'probabilities' can exceed 1.",
    ),
    Mistake(
        lambda r: _loss(r.flip(1)),
        "this is the loss of the opposite order. The columns come best first, and the k-th choice is among "
        "r[:, k:]; if you used a cumulative sum, it runs from the wrong end.",
    ),
    Mistake(
        lambda r: _loss(r, choices=max(1, r.shape[1] - 2)),
        "the last choice, between the last two, is left out: there are K - 1 choices.",
    ),
    Mistake(
        lambda r: _loss(r) / (r.shape[1] - 1),
        "it is the mean over the choices. A ranking is one observation: the log-likelihood is the sum.",
    ),
    Mistake(
        lambda r: _loss(r) / r.shape[1],
        "it is divided by K. A ranking is one observation: the log-likelihood is the sum over its choices.",
    ),
    Mistake(lambda r: _loss(r).mean(), "return one number a group and leave the mean to the caller."),
    Mistake(lambda r: -_loss(r), "the minus sign is missing: this is the log-likelihood, which is to grow."),
    Mistake(_pairs, "this is the sum over pairs; here every choice is one among all that are left."),
    Mistake(
        _naive,
        "right on paper, but exp(1000) overflows: use torch.logsumexp(r[:, k:], 1) - r[:, k].",
    ),
)


_HUGE = (
    "exp(1000) overflows, and exp(-1000) is 0, whose logarithm is -infinity: use torch.logsumexp, or "
    "torch.log_softmax, over r[:, k:]."
)


_CLAMP = "`top` may be larger than K - 1, and there are never more than K - 1 choices."


def _noise(rng):
    yield np.array([0.0, 1.0]), np.array([0.9, 0.2])
    yield np.array([2.0, 0.0, 1.0]), np.array([0.01, 0.99, 0.5])
    for k in (3, 4, 6):
        for _ in range(4):
            yield rng.normal(size=k), rng.uniform(0.001, 0.999, size=k)


def _ranks(felt):
    return 1 + np.argsort(np.argsort(-felt))


def _gumbel(rewards, u, noise=lambda u: -np.log(-np.log(u))):
    return _ranks(rewards + noise(u))


_SAMPLING = (
    Mistake(
        lambda r, u: _gumbel(-r, 1 - u, lambda u: np.log(-np.log(1 - u))),
        "rank 1 went to the lowest: sort from high to low.",
    ),
    Mistake(
        lambda r, u: np.argsort(-(r - np.log(-np.log(u)))),
        "argsort says who is first, second, ...; asked is each response's rank, its inverse permutation "
        "(argsort once more), counted from 1.",
    ),
    Mistake(
        lambda r, u: _gumbel(r, u) - 1,
        "ranks start at 1: in this library 0 means 'not ranked'.",
    ),
    Mistake(
        lambda r, u: 1 + np.argsort(-(r - np.log(-np.log(u)))),
        "argsort says who is first, second, ...; asked is each response's rank: the inverse permutation, "
        "argsort once more.",
    ),
    Mistake(
        lambda r, u: _gumbel(r, u, lambda u: np.log(-np.log(u))),
        "a sign is lost: this noise is a Gumbel turned upside down, and gives another law for K above 2.",
    ),
    Mistake(
        lambda r, u: _gumbel(r, u, lambda u: -np.log(u)),
        "-log(u) is exponential noise; a Gumbel draw is -log(-log(u)).",
    ),
    Mistake(
        lambda r, u: _gumbel(r, u, lambda u: u),
        "the uniform numbers themselves were added; a Gumbel draw is -log(-log(u)).",
    ),
    Mistake(lambda r, u: _ranks(r), "the noise is missing: the same order every time."),
    Mistake(
        lambda r, u: _gumbel(r, 1 - u),
        "it uses 1 - u. That follows the same law, but the given u asks for -log(-log(u)), to be checked.",
    ),
    Mistake(
        lambda r, u: _gumbel(-r, u),
        "the rewards have lost their sign: the best response gets the worst ranks.",
    ),
    Mistake(
        lambda r, u: _gumbel(r, u, lambda u: np.log(u / (1 - u))),
        "log(u / (1 - u)) is logistic noise: right for the *gap* of two, a Gumbel draw for each is asked.",
    ),
    Mistake(
        lambda r, u: _gumbel(r, u, lambda u: -np.log(-np.log(u)) - np.euler_gamma) - 1,
        "ranks start at 1: in this library 0 means 'not ranked'.",
    ),
    Mistake(
        lambda r, u: _ranks(-(r - np.log(-np.log(u)))),
        "rank 1 went to the lowest: sort from high to low.",
    ),
)


def _top_cases(rng):
    yield torch.tensor([[1.0, 0.5, 0.0]]), 1
    yield torch.tensor([[0.0, 1.0, 2.0, -1.0]]), 2
    for groups, k, top in ((2, 4, 3), (3, 5, 2), (1, 6, 4), (2, 6, 1)):
        yield torch.tensor(rng.normal(size=(groups, k)) * 1.5), top


def _top(r, top, **options):
    return _loss(r, choices=min(top, r.shape[1] - 1), **options)


def _fits(rng):
    yield torch.tensor([[1.0], [-2.0]]), torch.tensor([[4.0]])
    for n, d in ((5, 2), (8, 3), (12, 2)):
        bend = rng.normal(size=(2 * d, d))
        yield torch.tensor(rng.normal(size=(n, d)) + 0.3), torch.tensor(bend.T @ bend + n * np.eye(d) / 4)


def _between(slopes, curvature, *, inside=lambda s: s.T @ s):
    inverse = torch.linalg.inv(curvature)
    return inverse @ inside(slopes) @ inverse


_SANDWICH = (
    Mistake(
        lambda s, h: torch.linalg.inv(h),
        "this trusts J = H: it is the naive covariance. The slopes are not used yet.",
    ),
    Mistake(
        lambda s, h: _between(s, h, inside=lambda s: s.T @ s / len(s)),
        "J is a mean here and the curvature a sum: take both as sums, or both as means and divide by n once.",
    ),
    Mistake(
        lambda s, h: _between(s, h / len(s), inside=lambda s: s.T @ s / len(s)),
        "the last division by n is missing: this is n times the covariance.",
    ),
    Mistake(
        lambda s, h: torch.linalg.inv(h) @ (s.T @ s),
        "half a sandwich: the inverse curvature stands on both sides of J.",
    ),
    Mistake(
        lambda s, h: torch.linalg.inv(_between(s, h)),
        "turned round: H J^-1 H is the information; the covariance is its inverse.",
    ),
    Mistake(
        lambda s, h: h @ (s.T @ s) @ h,
        "the curvature is not inverted: a loss that bends strongly means a small error.",
    ),
    Mistake(
        lambda s, h: _between(s, h, inside=lambda s: torch.outer(s.sum(0), s.sum(0))),
        "the slopes are summed before the product, and at the estimate their sum is zero: sum the products.",
    ),
    Mistake(
        lambda s, h: _between(s, h, inside=lambda s: (s - s.mean(0)).T @ (s - s.mean(0))),
        "the slopes are centered. J is the mean of g g^T itself; at the estimate the mean of g is 0 anyway.",
    ),
    Mistake(
        lambda s, h: _between(s, h).diagonal().sqrt(),
        "these are the standard errors; return the whole covariance matrix.",
    ),
    Mistake(
        lambda s, h: _between(s, h).diagonal(),
        "these are the variances; return the whole covariance matrix.",
    ),
)


CHECKS = (
    Check("sandwich_covariance", reference=_between, cases=_fits, mistakes=_SANDWICH),
    Check(
        "ranking_loss",
        reference=_loss,
        cases=_sorted_rewards,
        mistakes=_RANKING,
        traps=(Trap((torch.tensor([[1000.0, -1000.0, 500.0]]),), _HUGE),),
        gradient=1,
    ),
    Check("gumbel_ranks", reference=_gumbel, cases=_noise, mistakes=_SAMPLING),
    Check(
        "top_loss",
        reference=_top,
        cases=_top_cases,
        gradient=1,
        mistakes=(
            Mistake(
                lambda r, top: _loss(r[:, : top + 1], choices=min(top, r.shape[1] - 1)),
                "the denominators stop after place m + 1: the unnamed responses lost too, all of them.",
            ),
            Mistake(
                lambda r, top: _loss(r[:, :top]),
                "the responses below place m were cut off. Their order is unknown, but that they lost is "
                "known: they stay in every denominator.",
            ),
            Mistake(
                lambda r, top: _loss(r),
                "`top` is ignored: the choices after place m were never made.",
            ),
            Mistake(
                lambda r, top: _top(r, top - 1),
                "one choice too few: the first m choices are k = 0, ..., m - 1.",
            ),
            Mistake(
                lambda r, top: _top(r, top + 1),
                "one choice too many: the first m choices are k = 0, ..., m - 1.",
            ),
            Mistake(
                lambda r, top: _top(r, top) / min(top, r.shape[1] - 1),
                "it is divided by the number of choices: the log-likelihood is the sum.",
            ),
            Mistake(lambda r, top: -_top(r, top), "the minus sign is missing: this is the log-likelihood."),
            Mistake(
                lambda r, top: _top(r, top).mean(),
                "return one number a group and leave the mean to the caller.",
            ),
        ),
        traps=(
            Trap((torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.0, 0.3]]), 5), _CLAMP),
            Trap((torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.0, 0.3]]), 3), _CLAMP),
            Trap((torch.tensor([[1000.0, -1000.0, 500.0]]), 2), _HUGE),
        ),
    ),
)
