"""Exact policies on a pool: against every draw, the limit without ties, and their own optimum."""

import itertools

import numpy as np
import pytest

from rmkit.errors import InputError
from rmkit.evaluation.best_of import best_of_n_kl
from rmkit.evaluation.finite_policy import best_of_n_policy, beta_for_kl, exact_kl, tilted_policy

R = np.array([1.0, 0.0, 1.0, 2.0])  # the first and the third tie
P = np.array([0.1, 0.4, 0.3, 0.2])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_best_of_n_by_every_possible_draw(n):
    expected = np.zeros(4)
    for draw in itertools.product(range(4), repeat=n):
        best = [i for i in draw if R[i] == max(R[j] for j in draw)]
        for i in best:  # lots are drawn among the equal ones
            expected[i] += P[list(draw)].prod() / len(best)
    q = best_of_n_policy(R, n, P)
    np.testing.assert_allclose(q, expected)
    assert exact_kl(q, P) == pytest.approx((q * np.log(q / P)).sum())


def test_the_kl_nears_its_bound_without_ties_and_stays_below_it_with_them():
    rng = np.random.default_rng(0)
    for n in (2, 8, 64):
        fine = exact_kl(best_of_n_policy(rng.permutation(200_000).astype(float), n))
        assert fine == pytest.approx(float(best_of_n_kl(n)), rel=2e-3)
        assert exact_kl(best_of_n_policy(rng.integers(0, 6, 300).astype(float), n)) < best_of_n_kl(n)


def test_equal_texts_may_be_merged():
    r, drawn = np.array([0.3, 1.2, -0.5]), np.array([0, 1, 1, 2, 0, 1])
    merged = np.bincount(drawn) / 6
    for policy in (lambda r, p=None: best_of_n_policy(r, 5, p), lambda r, p=None: tilted_policy(r, 0.4, p)):
        apart, together = policy(r[drawn]), policy(r, merged)
        np.testing.assert_allclose(np.bincount(drawn, weights=apart), together)
        assert exact_kl(apart) == pytest.approx(float(exact_kl(together, merged)))


def test_rows_are_prompts():
    rng = np.random.default_rng(2)
    r = rng.normal(size=(3, 7))
    for policy in (lambda r: best_of_n_policy(r, 4), lambda r: tilted_policy(r, 0.7)):
        np.testing.assert_allclose(policy(r), [policy(row) for row in r])
    assert exact_kl(tilted_policy(r, 0.7)).shape == (3,)


def test_nothing_beats_the_tilted_policy_at_its_own_price():
    rng, beta = np.random.default_rng(3), 0.3

    def worth(q):
        return q @ R - beta * exact_kl(q, P)

    best = tilted_policy(R, beta, P)
    assert all(worth(best) >= worth(q) for q in rng.dirichlet(np.ones(4), 500))
    assert worth(best) == pytest.approx(beta * np.log((P * np.exp(R / beta)).sum()))


def test_the_beta_for_a_kl_has_it_on_average_over_prompts():
    r = 5 * np.random.default_rng(4).normal(size=(6, 40))
    for kl in (0.05, 1.0, 2.5):
        assert exact_kl(tilted_policy(r, beta_for_kl(r, kl))).mean() == pytest.approx(kl, rel=1e-4)
    with pytest.raises(InputError, match="as far as"):
        beta_for_kl(r, 9.0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: best_of_n_policy(R, 0.5), "n >= 1"),
        (lambda: best_of_n_policy([np.nan, 1], 2), "finite"),
        (lambda: best_of_n_policy(R, 2, P / 2), "sum to 1"),
        (lambda: best_of_n_policy(R, 2, P[:3]), "one shape"),
        (lambda: tilted_policy(R, 0), "above 0"),
        (lambda: exact_kl(P, P[:2]), "one shape"),
    ],
)
def test_what_is_no_policy_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call()
