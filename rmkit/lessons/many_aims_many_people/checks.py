"""Checks of lesson 13: a penalty for length, one reward for all, and who belongs to which camp."""

import numpy as np
from scipy import special, stats

from rmkit.lessons.many_aims_many_people.newcomer_checks import FEW_SHOT, IDEAL
from rmkit.notebook.check import Check, Mistake, Trap
from rmkit.theory import mixture

# --- a penalty for length -----------------------------------------------------------------------------------

_STEPS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def _lengths(rng):
    v = np.array([1.0, 2.0, 3.0, 4.0, 9.0])
    yield np.array([0.2, 0.1, 0.6, 0.5, 0.9]), v, _STEPS, 0.1
    for likes, n in ((0.6, 40), (0.25, 60), (-0.5, 30), (0.4, 50)):
        v = rng.normal(size=n)
        v[:3] += 6.0  # a few very long answers: ranks do not care, a plain correlation does
        yield likes * v + rng.normal(size=n) * np.where(v > 3, 3.0, 1.0), v, _STEPS, 0.028


def _rank(a, b):
    return stats.spearmanr(a, b).statistic


def _penalty(r, v, steps, most, rho=_rank, fine=lambda value, most: value <= most, none=1.0, sign=-1.0):
    return next((float(p) for p in steps if fine(rho(r + sign * p * v, v), most)), none)


PENALTY = Check(
    "verbosity_penalty",
    reference=_penalty,
    cases=_lengths,
    mistakes=(
        Mistake(
            lambda r, v, steps, most: _penalty(r, v, steps, most, rho=lambda a, b: np.corrcoef(a, b)[0, 1]),
            "that is the plain correlation, which a few very long answers decide; take that of the ranks.",
        ),
        Mistake(
            lambda r, v, steps, most: _penalty(
                r, v, steps, most, fine=lambda value, most: abs(value) <= most
            ),
            "it looks at the size of the correlation. A reward that dislikes length needs no penalty: only a "
            "positive correlation is a fault.",
        ),
        Mistake(
            lambda r, v, steps, most: _penalty(r, v, steps, most, sign=1.0),
            "the penalty is added: subtract p times the verbosity.",
        ),
        Mistake(
            lambda r, v, steps, most: next((float(p) for p in steps if _rank(r - p * v, r) <= most), 1.0),
            "it correlates the new reward with the old one; what must go is its correlation with verbosity.",
        ),
        Mistake(
            lambda r, v, steps, most: max(
                (float(p) for p in steps if _rank(r - p * v, v) <= most), default=1.0
            ),
            "that is the largest penalty that will do; take the smallest, which costs least.",
        ),
        Mistake(
            lambda r, v, steps, most: min((float(p) for p in steps), key=lambda p: abs(_rank(r - p * v, v))),
            "that is the penalty whose correlation is nearest to 0; take the first that is low enough.",
        ),
        Mistake(
            lambda r, v, steps, most: float(np.argmax([_rank(r - p * v, v) <= most for p in steps])),
            "that is the place of the penalty in the list; return the penalty.",
        ),
        Mistake(
            lambda r, v, steps, most: _penalty(r, v, steps, most, none=float(steps[-1])),
            "where no penalty is enough it gives the last one; asked is 1.",
        ),
    ),
    traps=(
        Trap(
            (8 * np.arange(6.0), np.arange(6.0), _STEPS, 0.028),
            "this reward is nothing but length, so no penalty of the list is enough: the answer is 1.",
        ),
    ),
)

# --- one reward for all -------------------------------------------------------------------------------------


def _crowds(rng):
    yield np.array([2.0, -1.0]), np.array([0.5, 0.5])
    yield np.array([1.0, -3.0]), np.array([0.6, 0.4])
    for c in (2, 3, 4):
        yield 3 * rng.normal(size=c), rng.random(c) * 10  # counts of votes, not shares of 1


def _odds(p):
    return float(np.log(p / (1 - p)))


POOLED = Check(
    "pooled_gap",
    reference=lambda gaps, votes: float(mixture.pooled_gap(gaps, votes)),
    cases=_crowds,
    mistakes=(
        Mistake(
            lambda gaps, votes: float(gaps @ votes / votes.sum()),
            "that averages the gaps. People vote, so their probabilities are averaged, and then turned back.",
        ),
        Mistake(
            lambda gaps, votes: float(special.expit(gaps) @ votes / votes.sum()),
            "that is the probability of a vote; turn it back into log-odds.",
        ),
        Mistake(
            lambda gaps, votes: _odds(special.expit(gaps).mean()),
            "every camp counts the same; a camp counts by its number of votes.",
        ),
        Mistake(
            lambda gaps, votes: float(gaps[np.argmax(votes)]),
            "that is the gap of the largest camp: the others vote too, and pull it towards 0.",
        ),
        Mistake(
            lambda gaps, votes: _odds(special.expit(gaps) @ votes),
            "the numbers of votes do not sum to 1: divide by their sum.",
        ),
        Mistake(
            lambda gaps, votes: -float(mixture.pooled_gap(gaps, votes)),
            "the sign is turned: it is p / (1 - p), not (1 - p) / p.",
        ),
        Mistake(
            lambda gaps, votes: float(np.log(special.expit(gaps) @ votes / votes.sum())),
            "that is log p; log-odds are log p - log(1 - p).",
        ),
    ),
    traps=(
        Trap(
            (np.array([50.0, 60.0]), np.array([1.0, 1.0])),
            "both camps are sure, sigma rounds to 1, and 1 - p is 0. Average sigma(-gap) too, and take logs.",
        ),
    ),
)

# --- who belongs to which camp ------------------------------------------------------------------------------


def _ballots(rng):
    p = np.array([[0.9, 0.5], [0.8, 0.5], [0.2, 0.5]])
    yield np.log(p), np.array([0, 0, 1]), np.array([0.5, 0.5])
    yield np.log(p), np.array([1, 0, 1]), np.array([0.2, 0.8])
    for people, k, each in ((4, 2, 3), (3, 3, 5)):
        user = rng.permutation(np.repeat(np.arange(people), each))
        yield np.log(rng.uniform(0.2, 0.9, (len(user), k))), user, rng.dirichlet(np.full(k, 5.0))


def _sums(votes, user, how=np.sum):
    return np.stack([how(votes[user == u], axis=0) for u in range(user.max() + 1)])


MEMBERS = Check(
    "responsibilities",
    reference=mixture.responsibilities,
    cases=_ballots,
    mistakes=(
        Mistake(
            lambda votes, user, shares: special.softmax(_sums(votes, user), axis=1),
            "the shares are left out: before any vote a large camp is the likelier one.",
        ),
        Mistake(
            lambda votes, user, shares: special.softmax(np.log(shares) + _sums(votes, user, np.mean), axis=1),
            "the votes are averaged. Each is one more piece of evidence: their logarithms add up.",
        ),
        Mistake(
            lambda votes, user, shares: special.softmax(shares + _sums(votes, user), axis=1),
            "a share is added to logarithms: take the logarithm of the share.",
        ),
        Mistake(
            lambda votes, user, shares: special.softmax(np.log(shares) + _sums(votes, user), axis=0),
            "it is normalized over the people; each person's row must sum to 1.",
        ),
        Mistake(
            lambda votes, user, shares: special.softmax(np.log(shares) + votes, axis=1),
            "it gives a row for each vote: add up the votes of a person first.",
        ),
        Mistake(
            lambda votes, user, shares: np.eye(len(shares))[
                (np.log(shares) + _sums(votes, user)).argmax(axis=1)
            ],
            "everyone is put into one camp for sure; the E step keeps the doubt.",
        ),
        Mistake(
            lambda votes, user, shares: np.log(shares) + _sums(votes, user),
            "these are the logarithms of share times likelihood; exponentiate, and let each row sum to 1.",
        ),
    ),
    traps=(
        Trap(
            (np.log(np.tile([[0.5, 0.4]], (3000, 1))), np.zeros(3000, dtype=int), np.array([0.5, 0.5])),
            "a product of 3,000 probabilities is 0 in floats: stay with logarithms until the very end.",
        ),
    ),
)

CHECKS = (PENALTY, POOLED, MEMBERS, IDEAL, FEW_SHOT)
