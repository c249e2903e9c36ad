"""Exercise checks of lesson 01: the Bradley-Terry model by hand."""

import numpy as np
from scipy import special

from rmkit.lessons.bradley_terry.likelihood_checks import CAREFUL_STEP, LIKELIHOOD_RATIO
from rmkit.notebook.check import Check, Mistake, Trap

# The lesson iterates these two to convergence, and compares with the library at 1e-6 and 1e-10.
_FLOAT64 = 1e-9


def _scores(rng: np.random.Generator):
    yield (np.array([0.0, np.log(3.0)]),)
    yield (np.array([2.0, 1.0, -1.0]),)
    for n in (2, 4, 7):
        yield (rng.normal(0, 2, n),)


def _transposed(scores):
    return special.expit(scores - scores[:, None])


def _ratio_of_scores(scores):
    return scores[:, None] / (scores[:, None] + scores + 1e-300)


def _overflowing(scores):
    with np.errstate(all="ignore"):
        p = np.exp(scores)
        return p[:, None] / (p[:, None] + p)


def _without_diagonal(scores):
    p = special.expit(scores[:, None] - scores)
    np.fill_diagonal(p, 0)
    return p


WIN_PROBABILITY = Check(
    "win_probability",
    reference=lambda scores: special.expit(scores[:, None] - scores),
    cases=_scores,
    mistakes=(
        Mistake(_transposed, "the gap has the wrong sign: P[i, j] is row i beats column j, s_i - s_j."),
        Mistake(_ratio_of_scores, "p_i / (p_i + p_j) needs strengths p = exp(s), and these are scores s."),
        Mistake(_overflowing, "exp(800) overflows, and infinity / infinity is NaN: use the gap s_i - s_j."),
        Mistake(_without_diagonal, "the diagonal is sigma(0) = 0.5, like any other gap of 0."),
        Mistake(
            lambda scores: special.softmax(scores),
            "a softmax over all says who wins against everybody at once; asked is a matrix, pair by pair.",
        ),
    ),
    traps=(
        Trap(
            (np.array([800.0, 0.0, -800.0]),),
            "exp(800) overflows, and exp(-1600) is 0: work with the gap s_i - s_j of each pair.",
        ),
    ),
    tolerance=_FLOAT64,
)


def _leagues(rng: np.random.Generator):
    yield np.array([0.5, 0.5]), np.array([[0, 3], [1, 0]])
    yield np.array([0.5, 0.3, 0.2]), np.array([[0, 2, 4], [1, 0, 3], [1, 2, 0]])
    for n in (3, 5, 7):
        wins = rng.integers(1, 9, (n, n))
        np.fill_diagonal(wins, 0)
        yield rng.dirichlet(np.ones(n)), wins


def _mm(p, wins):
    games = wins + wins.T
    new = wins.sum(axis=1) / (games / (p[:, None] + p)).sum(axis=1)
    return new / new.sum()


def _mm_unscaled(p, wins):
    return wins.sum(axis=1) / ((wins + wins.T) / (p[:, None] + p)).sum(axis=1)


def _mm_only_wins(p, wins):
    new = wins.sum(axis=1) / (wins / (p[:, None] + p)).sum(axis=1)
    return new / new.sum()


def _mm_losses(p, wins):
    new = wins.sum(axis=0) / ((wins + wins.T) / (p[:, None] + p)).sum(axis=1)
    return new / new.sum()


def _mm_opponent_only(p, wins):
    new = wins.sum(axis=1) / ((wins + wins.T) / p).sum(axis=1)
    return new / new.sum()


def _mm_newman(p, wins):
    new = (wins * p / (p[:, None] + p)).sum(axis=1) / (wins.T / (p[:, None] + p)).sum(axis=1)
    return new / new.sum()


def _mm_times_own(p, wins):
    new = wins.sum(axis=1) / ((wins + wins.T) * p[:, None] / (p[:, None] + p)).sum(axis=1)
    return new / new.sum()


def _mm_geometric(p, wins):
    new = _mm_unscaled(p, wins)
    return new / np.exp(np.log(new).mean())


def _mm_one_at_a_time(p, wins):
    p = p.copy()
    for i in range(len(p)):
        p[i] = wins[i].sum() / ((wins[i] + wins[:, i]) / (p[i] + p)).sum()
    return p / p.sum()


MM_STEP = Check(
    "mm_step",
    reference=_mm,
    cases=_leagues,
    mistakes=(
        Mistake(_mm_unscaled, "the strengths must be divided by their sum: only ratios are known."),
        Mistake(_mm_only_wins, "n_ij counts all games of the pair, wins + wins.T, not the wins alone."),
        Mistake(_mm_losses, "W_i is how often i won: sum the row of wins (axis=1), not the column."),
        Mistake(_mm_opponent_only, "the denominator is n_ij / (p_i + p_j), with both strengths in it."),
        Mistake(
            _mm_one_at_a_time,
            "this uses new strengths as soon as they are there; it climbs too, but the step asked for here "
            "updates everybody from the same old p.",
        ),
        Mistake(
            _mm_newman, "that is Newman's iteration (2023), another road to the same maximum; asked is MM."
        ),
        Mistake(
            _mm_times_own,
            "this is wins seen over wins expected, the factor by which p_i grows: multiply it by p_i.",
        ),
        Mistake(lambda p, wins: _mm(p, wins) * len(p), "the strengths sum to n here; asked is a sum of 1."),
        Mistake(_mm_geometric, "their geometric mean is 1 here; asked is a sum of 1."),
    ),
    tolerance=_FLOAT64,
)


def _covariances(rng: np.random.Generator):
    yield np.array([[2.0, -1.0], [-1.0, 2.0]]), 0, 1
    for n in (3, 5):
        root = rng.normal(size=(n, n))
        yield root @ root.T, 0, n - 1
        yield root @ root.T, 1, 2


DIFFERENCE_ERROR = Check(
    "difference_error",
    reference=lambda c, i, j: np.sqrt(c[i, i] + c[j, j] - 2 * c[i, j]),
    cases=_covariances,
    mistakes=(
        Mistake(
            lambda c, i, j: np.sqrt(c[i, i] + c[j, j]),
            "the two estimates are correlated: subtract 2 * covariance[i, j].",
        ),
        Mistake(
            lambda c, i, j: np.sqrt(c[i, i] + c[j, j] + 2 * c[i, j]),
            "that is the error of a sum; for a difference the covariance is subtracted.",
        ),
        Mistake(
            lambda c, i, j: np.sqrt(c[i, i] + c[j, j] - c[i, j]),
            "the covariance is subtracted twice: - 2 c_ij.",
        ),
        Mistake(
            lambda c, i, j: c[i, i] + c[j, j] - 2 * c[i, j],
            "that is the variance; its square root is missing.",
        ),
        Mistake(
            lambda c, i, j: np.sqrt(c[i, i]) + np.sqrt(c[j, j]),
            "standard errors do not add; variances do, and then minus twice the covariance.",
        ),
        Mistake(
            lambda c, i, j: np.sqrt((c[i, i] + c[j, j]) / 2),
            "that averages two variances; the variance of a difference is their sum less 2 c_ij.",
        ),
    ),
)


def _games(rng: np.random.Generator):
    yield 1500.0, 1500.0, 1.0, 32.0
    yield 1900.0, 1500.0, 0.0, 32.0
    yield 1500.0, 1600.0, 0.5, 10.0
    for _ in range(4):
        yield (*rng.normal(1500, 300, 2).tolist(), float(rng.integers(0, 3) / 2), float(rng.uniform(1, 40)))


def _elo(base=10.0, points=400.0, sign=1.0, other=-1.0):
    def update(first, second, outcome, k):
        expected = 1 / (1 + base ** (sign * (second - first) / points))
        return first + k * (outcome - expected), second + other * k * (outcome - expected)

    return update


def _elo_one_expected(first, second, outcome, k):
    expected = 1 / (1 + 10 ** ((second - first) / 400))
    return first + k * (outcome - expected), second + k * (1 - outcome - expected)


ELO_UPDATE = Check(
    "elo_update",
    reference=_elo(),
    cases=_games,
    mistakes=(
        Mistake(_elo(base=np.e), "Elo counts in powers of ten, 10 ** (gap / 400), not of e."),
        Mistake(
            _elo(sign=-1.0), "the expected result has the wrong sign: the higher rated is expected to win."
        ),
        Mistake(_elo(other=1.0), "what the one gains the other must lose."),
        Mistake(_elo(other=0.0), "the second player's rating changes too, by as much as the first's."),
        Mistake(
            lambda first, second, outcome, k: (first + k * (outcome - 0.5), second - k * (outcome - 0.5)),
            "a result must be compared with what was expected of these two ratings, not with one half.",
        ),
        Mistake(
            _elo(points=1.0),
            "the gap is not divided by 400: a gap of a few points would already settle the game.",
        ),
        Mistake(
            _elo_one_expected,
            "the second player expects 1 - E, not E: the two expected results sum to 1.",
        ),
    ),
)

CHECKS = (WIN_PROBABILITY, MM_STEP, CAREFUL_STEP, DIFFERENCE_ERROR, LIKELIHOOD_RATIO, ELO_UPDATE)
