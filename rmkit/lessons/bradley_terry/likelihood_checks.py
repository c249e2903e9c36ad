"""Checks of lesson 01 that use the log-likelihood: a step that cannot fall, and a ratio of two fits."""

import numpy as np
from scipy import special

from rmkit.notebook.check import Check, Mistake, Trap

_FLOAT64 = 1e-9  # the lesson iterates to convergence


def _log_likelihood(scores, wins):
    return (wins * special.log_expit(scores[:, None] - scores)).sum()


def _steps(rng: np.random.Generator):
    wins = np.array([[0, 3], [1, 0]])
    yield np.array([0.2, -0.2]), np.array([0.5, -0.5]), wins  # short enough
    yield np.array([0.2, -0.2]), np.array([4.0, -4.0]), wins  # too long, and half of it too
    for n in (3, 5, 7):
        wins = rng.integers(1, 9, (n, n))
        np.fill_diagonal(wins, 0)
        scores = rng.normal(0, 0.5, n)
        chances = special.expit(scores[:, None] - scores)
        uphill = wins.sum(axis=1) - ((wins + wins.T) * chances).sum(axis=1)
        yield scores, uphill * rng.uniform(0.2, 3), wins


def _careful(scores, step, wins):
    while _log_likelihood(scores + step, wins) < _log_likelihood(scores, wins):
        step = step / 2
    return scores + step


def _careful_sum(scores, step, wins):
    new = scores + step
    while _log_likelihood(new, wins) < _log_likelihood(scores, wins):
        step = step / 2
        new = new + step
        if np.abs(step).max() < 1e-12:
            break
    return new


def _careful_by_hand(scores, step, wins):
    def naive(s):
        return (wins * np.log(1 / (1 + np.exp(s - s[:, None])))).sum()

    while naive(scores + step) < naive(scores):
        step = step / 2
    return scores + step


_FAR = (np.zeros(3), np.array([3000.0, 0.0, -3000.0]), np.array([[0, 2, 1], [0, 0, 2], [1, 1, 0]]))

CAREFUL_STEP = Check(
    "careful_step",
    reference=_careful,
    cases=_steps,
    traps=(
        Trap(
            _FAR,
            "far out exp overflows, and a log-likelihood of -infinity or NaN decides nothing: use "
            "scipy.special.log_expit.",
        ),
    ),
    mistakes=(
        Mistake(lambda s, step, wins: s + step, "this is the whole step, even where the likelihood falls."),
        Mistake(
            lambda s, step, wins: s + step / 2,
            "this always halves once; halve only while the likelihood is lower than where you stand.",
        ),
        Mistake(
            lambda s, step, wins: s + step * (_log_likelihood(s + step, wins) >= _log_likelihood(s, wins)),
            "where the whole step fails this stays; a shorter step in the same direction does climb.",
        ),
        Mistake(
            lambda s, step, wins: (
                s + (step if _log_likelihood(s + step, wins) >= _log_likelihood(s, wins) else step / 2)
            ),
            "this halves once at most; the half step can be too long as well, so repeat.",
        ),
        Mistake(_careful_by_hand, "log(1 / (1 + exp(...))) overflows far out: use scipy.special.log_expit."),
        Mistake(lambda s, step, wins: _careful(s, step, wins) - s, "this is the step; asked are the scores."),
        Mistake(
            _careful_sum,
            "each shorter step starts from the last try; go back to the old scores every time.",
        ),
        Mistake(
            lambda s, step, wins: _careful(s, step, wins.T),
            "wins[i, j] goes with sigma(s_i - s_j): row beats column.",
        ),
    ),
    tolerance=_FLOAT64,
)


def _two_fits(rng: np.random.Generator):
    yield np.array([[0, 3], [1, 0]]), np.array([0.5, -0.5]), np.zeros(2)
    for n in (3, 5, 7):
        wins = rng.integers(0, 9, (n, n))
        np.fill_diagonal(wins, 0)
        yield wins, rng.normal(0, 1, n), rng.normal(0, 0.3, n)


def _ratio(wins, larger, smaller):
    return float(2 * (_log_likelihood(larger, wins) - _log_likelihood(smaller, wins)))


LIKELIHOOD_RATIO = Check(
    "likelihood_ratio",
    reference=_ratio,
    cases=_two_fits,
    mistakes=(
        Mistake(
            lambda w, a, b: _ratio(w, a, b) / 2,
            "the factor 2 is missing: it is twice the difference that follows a chi-squared distribution.",
        ),
        Mistake(
            lambda w, a, b: -_ratio(w, a, b),
            "the two are swapped: the larger model explains the games at least as well.",
        ),
        Mistake(
            lambda w, a, b: _log_likelihood(a, w) / _log_likelihood(b, w),
            "the ratio is of the likelihoods, so their logarithms are subtracted.",
        ),
        Mistake(
            lambda w, a, b: _ratio(np.triu(w), a, b),
            "only half of the wins are counted: below the diagonal the column team is the loser, too.",
        ),
        Mistake(
            lambda w, a, b: _ratio(w + w.T, a, b),
            "each game is counted for its loser too: weigh log sigma(s_i - s_j) with the wins of i alone.",
        ),
        Mistake(
            lambda w, a, b: _ratio(w.T, a, b),
            "wins[i, j] goes with sigma(s_i - s_j): row beats column.",
        ),
        Mistake(
            lambda w, a, b: _ratio(w, a, b) / w.sum(),
            "this is a mean over games; the statistic is a sum, and grows with the evidence.",
        ),
        Mistake(
            lambda w, a, b: float(((a - b) ** 2).sum()),
            "this compares the scores; asked is how much better the games are explained.",
        ),
    ),
    tolerance=_FLOAT64,
)
