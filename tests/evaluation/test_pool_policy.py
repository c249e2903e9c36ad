"""The policy over a pool, against autograd, every possible draw and its own closed form."""

import itertools

import numpy as np
import pytest
import torch

from rmkit.errors import InputError
from rmkit.evaluation import pool_policy
from rmkit.evaluation.best_of import best_of_n_kl
from rmkit.evaluation.pool_policy import at_kl, best_of_n_policy, policy_gradient, tilted, whitened


@pytest.fixture
def rewards():
    return np.random.default_rng(0).normal(size=(3, 4, 20))  # three rewards, four prompts


def objective(theta, rewards, beta):
    log_pi = torch.log_softmax(theta, -1)
    kl = (log_pi.exp() * (log_pi + np.log(rewards.shape[-1]))).sum(-1)
    return (log_pi.exp() * torch.tensor(rewards)).sum(-1) - beta * kl


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_the_gradient_is_autograds(rewards, beta):
    theta = torch.tensor(np.random.default_rng(1).normal(size=rewards.shape), requires_grad=True)
    (slope,) = torch.autograd.grad(objective(theta, rewards, beta).sum(), theta)
    log_pi = torch.log_softmax(theta, -1).detach().numpy()
    np.testing.assert_allclose(pool_policy.gradient(log_pi, rewards, beta), slope.numpy(), atol=1e-12)


def test_ascent_ends_at_the_closed_form_which_no_neighbor_beats(rewards):
    best = tilted(rewards, 0.5)
    (found,) = policy_gradient(rewards, [4000], lr=0.5, beta=0.5)
    np.testing.assert_allclose(found.probabilities, best.probabilities, atol=1e-4)
    theta = torch.tensor(best.log_probabilities)
    top = objective(theta, rewards, 0.5)
    for seed in range(5):
        near = theta + 0.1 * torch.randn(theta.shape, generator=torch.Generator().manual_seed(seed))
        assert (objective(near, rewards, 0.5) < top).all()


def test_nothing_beats_the_tilted_policy_at_its_own_price_which_is_known():
    r, beta = np.array([[1.0, 0.0, 1.0, 2.0]]), 0.3

    def worth(q):
        return (q @ r[0] - beta * np.sum(q * np.log(4 * q), -1)).max()

    best = tilted(r, beta)
    assert worth(best.probabilities) >= worth(np.random.default_rng(3).dirichlet(np.ones(4), 500))
    assert worth(best.probabilities) == pytest.approx(beta * np.log(np.exp(r / beta).mean()))


def test_the_first_step_adds_the_advantage_and_gains_the_variance(rewards):
    start, after = policy_gradient(rewards, [0, 1], lr=1e-4)
    assert np.allclose(start.probabilities, 1 / 20)
    assert np.allclose(start.kl, 0)
    gain = after.expected(rewards) - start.expected(rewards)
    np.testing.assert_allclose(gain / 1e-4, rewards.var(-1), rtol=1e-2)  # d E[r] / d lr = Var r


def test_the_kl_asked_for_is_reached_by_one_beta_for_all_prompts(rewards):
    policy, beta = at_kl(rewards, 0.8)
    assert beta.shape == (3,)
    np.testing.assert_allclose(policy.kl.mean(-1), 0.8, atol=1e-9)
    np.testing.assert_allclose(policy.probabilities[1], tilted(rewards[1], beta[1]).probabilities)
    louder, wider = at_kl(7 * rewards + 3, 0.8)
    np.testing.assert_allclose(wider, 7 * beta)  # a reward's unit is undone by beta
    np.testing.assert_allclose(louder.probabilities, policy.probabilities, atol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_best_of_n_by_every_possible_draw(n):
    r, expected = np.array([1.0, 0.0, 1.0, 2.0]), np.zeros(4)  # the first and the third tie
    for draw in itertools.product(range(4), repeat=n):
        best = [i for i in draw if r[i] == max(r[j] for j in draw)]
        for i in best:  # lots are drawn among the equal ones
            expected[i] += 4.0**-n / len(best)
    policy = best_of_n_policy(r[None], n)
    np.testing.assert_allclose(policy.probabilities, expected[None])
    assert policy.kl[0] == pytest.approx((expected * np.log(4 * expected)).sum())


def test_best_of_n_nears_the_bound_on_its_kl_without_ties_and_stays_below_it_with_them():
    rng = np.random.default_rng(0)
    for n in (2, 8, 64):
        fine = best_of_n_policy(rng.permutation(200_000)[None], n).kl[0]
        assert fine == pytest.approx(float(best_of_n_kl(n)), rel=2e-3)
        assert best_of_n_policy(rng.integers(0, 6, (1, 300)), n).kl[0] < best_of_n_kl(n)


def test_best_of_many_is_finite_where_a_chance_is_too_small_for_a_float():
    policy = best_of_n_policy(np.arange(512.0)[None], 512)
    assert (policy.probabilities == 0).any()
    assert policy.kl[0] == pytest.approx(float(best_of_n_kl(512)), rel=0.1)


def test_best_of_n_of_texts_drawn_twice_is_that_over_texts(rewards):
    drawn = np.array([0, 1, 1, 2, 0, 1])
    policy = best_of_n_policy(np.array([[0.3, 1.2, -0.5]])[:, drawn], 5)
    expected = np.array([0.5**5 - (1 / 6) ** 5, 1 - 0.5**5, (1 / 6) ** 5])
    np.testing.assert_allclose(np.bincount(drawn, weights=policy.probabilities[0]), expected)
    assert policy.kl[0] == pytest.approx(np.sum(expected * np.log(expected / (np.bincount(drawn) / 6))))
    rows = [[best_of_n_policy(row[None], 4).kl[0] for row in table] for table in rewards]
    np.testing.assert_allclose(best_of_n_policy(rewards, 4).kl, rows)


def test_a_text_drawn_twice_counts_as_one_of_twice_the_weight():
    once, twice = np.array([[0.0, 1.0, 2.0, 2.0]]), np.array([[0.0, 1.0, 2.0]])
    log_pi = tilted(once, 0.7).log_probabilities[0]
    weights = np.array([0.25, 0.25, 0.5]) * np.exp(twice[0] / 0.7)
    weights /= weights.sum()
    np.testing.assert_allclose([*np.exp(log_pi[:2]), 2 * np.exp(log_pi[2])], weights)
    kl = np.sum(weights * np.log(weights / [0.25, 0.25, 0.5]))
    assert tilted(once, 0.7).kl[0] == pytest.approx(kl)
    (trained,) = policy_gradient(once, [50])
    assert trained.probabilities[0, 2] == pytest.approx(trained.probabilities[0, 3])


def test_whitening_takes_away_the_scale_and_not_the_share_within_prompts(rewards):
    level = np.arange(4.0)[:, None]
    for same in (rewards, 5 * rewards - 2):
        np.testing.assert_allclose(whitened(same), whitened(rewards))
    flat = whitened(rewards + 10 * level)
    assert flat.var(-1).mean() < 0.05 * whitened(rewards).var(-1).mean()
    assert (whitened(np.ones((2, 3))) == 0).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tilted([[1.0, 2.0]], 0.0), "beta must be above 0"),
        (lambda: tilted([1.0, 2.0], 1.0), "prompts, samples"),
        (lambda: at_kl([[1.0, 1.0, 0.0]], 1.0), "No beta"),
        (
            lambda: at_kl(np.random.default_rng(4).normal(size=(6, 40)), 9.0),
            "farthest that all reach is 3.69",
        ),
        (lambda: best_of_n_policy([[1.0, 0.0]], 0.5), "n >= 1"),
        (lambda: best_of_n_policy([[np.nan, 1.0]], 2), "NaN"),
        (lambda: policy_gradient([[1.0, np.nan]], [1]), "NaN"),
        (lambda: policy_gradient([[1.0, 0.0]], [3, 1]), "ascending"),
        (lambda: policy_gradient([[1.0, 0.0]], [1], lr=0.0), "above 0"),
    ],
)
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(InputError, match=words):
        call()
