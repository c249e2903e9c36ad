"""Mixtures, ideal points, axes and few-shot weights, against brute force, SciPy and worked cases."""

import numpy as np
import pytest
import torch
from scipy import optimize

from rmkit.errors import InputError
from rmkit.theory import axes, few_shot, ideal_points, linear, mixture


def votes(rng, weights, people, each):
    """x (V, D), user (V,), camp (U,): people take turns among the rows of weights (K, D)."""
    user = np.repeat(np.arange(people), each)
    camp = np.arange(people) % len(weights)
    x = rng.normal(size=(len(user), len(weights[0])))
    won = rng.random(len(x)) < 1 / (1 + np.exp(-(x * np.asarray(weights)[camp[user]]).sum(1)))
    return np.where(won[:, None], x, -x), user, camp


# --- one linear reward --------------------------------------------------------------------------------------


def test_a_linear_reward_stands_at_the_minimum_that_scipy_finds():
    rng = np.random.default_rng(0)
    x, counts = rng.normal(size=(60, 4)) + 0.3, rng.random(60)

    def objective(w):
        return (counts * np.logaddexp(0, -x @ w)).sum() + 0.7 / 2 * w @ w

    best = optimize.minimize(objective, np.zeros(4), tol=1e-12).x
    np.testing.assert_allclose(linear.fit(x, counts=counts, prior=0.7), best, atol=1e-5)
    np.testing.assert_allclose(linear.fit(x, counts=counts, prior=0.7, start=10 * best), best, atol=1e-5)


@pytest.mark.parametrize("broken", [np.ones(3), np.ones((0, 2)), np.full((2, 2), np.nan)])
def test_what_is_no_table_of_differences_is_refused(broken):
    with pytest.raises(InputError, match="x has shape"):
        linear.fit(broken)
    with pytest.raises(InputError, match="x has shape"):
        axes.principal_axes(broken)


def test_a_prior_of_zero_is_refused():
    with pytest.raises(InputError, match="above 0"):
        linear.fit(np.ones((2, 2)), prior=0)


# --- mixtures -----------------------------------------------------------------------------------------------


def test_responsibilities_are_bayes_rule_by_hand():
    p = np.array([[0.9, 0.5], [0.8, 0.5], [0.2, 0.5]])  # two votes of person 0, one of person 1
    found = mixture.responsibilities(np.log(p), np.array([0, 0, 1]), np.array([0.25, 0.75]))
    first = 0.25 * 0.9 * 0.8, 0.75 * 0.25
    second = 0.25 * 0.2, 0.75 * 0.5
    np.testing.assert_allclose(found, [np.divide(first, sum(first)), np.divide(second, sum(second))])


def test_thousands_of_votes_do_not_vanish():
    votes = np.log(np.tile([[0.5, 0.4]], (5000, 1)))
    found = mixture.responsibilities(votes, np.zeros(5000, dtype=int), np.array([0.5, 0.5]))
    np.testing.assert_allclose(found, [[1, 0]])


def test_no_step_of_em_lowers_the_likelihood_and_the_last_one_is_reported():
    rng = np.random.default_rng(1)
    x, user, _ = votes(rng, [[2, 0, 0], [-2, 1, 0]], 12, 10)
    members, values = rng.dirichlet([1, 1], size=12), []
    for _ in range(6):
        value, found = mixture._em(x, user, members, 1.0, 1)
        members, values = found.members, [*values, value]
    assert (np.diff(values) > -1e-9).all()
    joint = np.log(found.shares) + np.array(
        [-np.logaddexp(0, -x[user == u] @ found.weights.T).sum(0) for u in range(12)]
    )
    assert found.log_likelihood == pytest.approx(np.logaddexp(*joint.T).sum())


def test_camps_that_disagree_are_recovered_and_one_camp_is_plain_bradley_terry():
    rng = np.random.default_rng(2)
    x, user, camp = votes(rng, [[3, 0, 1], [-3, 0, 1]], 30, 20)
    found = mixture.fit(x, user, 2, seed=0)
    assert len(set(zip(found.camps, camp, strict=True))) == 2
    np.testing.assert_allclose(found.shares, 0.5, atol=0.02)
    one = mixture.fit(x, user, 1)
    np.testing.assert_allclose(one.weights[0], linear.fit(x), atol=1e-3)
    assert found.log_likelihood > one.log_likelihood + 10


def test_more_camps_than_people_and_users_that_are_no_numbers_are_refused():
    x = np.ones((3, 2))
    with pytest.raises(InputError, match="k=4 camps of 3 people"):
        mixture.fit(x, np.arange(3), 4)
    with pytest.raises(InputError, match="whole number"):
        mixture.fit(x, np.array([0.0, 1.0, 2.0]), 2)


# --- ideal points -------------------------------------------------------------------------------------------


def test_distances_and_points_by_hand():
    u = ideal_points.points(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([[0.0, 0.0], [4.0, 0.0]]))
    torch.testing.assert_close(u, torch.tensor([[3.0, 0.0]]))
    gap = ideal_points.distance_gap(torch.tensor([[3.0, 1.0]]), torch.tensor([[0.0, 4.0]]), u)
    assert gap.item() == pytest.approx(5 - 1)


def test_a_slope_at_the_ideal_point_itself_is_finite():
    u = torch.zeros(1, 2, requires_grad=True)
    ideal_points.distance_gap(torch.zeros(1, 2), torch.ones(1, 2), u).sum().backward()
    assert u.grad.isfinite().all()


def test_people_around_two_points_are_told_apart_and_newcomers_join_their_own():
    rng = np.random.default_rng(3)
    places = np.array([[1.5, 0.0], [-1.5, 0.0]])
    user, camp = np.repeat(np.arange(16), 40), np.arange(16) % 2
    sides = rng.normal(size=(2, len(user), 2))
    gap = [np.linalg.norm(side - places[camp[user]], axis=1) for side in sides]
    swap = rng.random(len(user)) > 1 / (1 + np.exp(-4 * (gap[1] - gap[0])))
    first, second = np.where(swap[:, None], sides[::-1], sides)
    found = ideal_points.fit(first, second, user, 2, d=2, seed=0)
    group = found.members.argmax(1)
    assert len(set(zip(group, camp, strict=True))) == 2
    right = found.gaps(first, second, found.members[user])
    assert (right > 0).mean() > 0.85
    assert np.logaddexp(0, -right).mean() == pytest.approx(found.loss, abs=1e-6)
    some = user == 0
    assert found.newcomer(first[some], second[some]).argmax() == group[0]
    np.testing.assert_allclose(found.newcomer(first[:0], second[:0]), 0.5)


# --- axes ---------------------------------------------------------------------------------------------------


def test_axes_are_eigenvectors_of_the_second_moment_and_point_the_way_of_the_votes():
    x = np.random.default_rng(4).normal(size=(200, 3)) * [3, 2, 1] + [0, -1, 0]
    found = axes.principal_axes(x)
    moment = x.T @ x / len(x)
    np.testing.assert_allclose(moment @ found.directions.T, found.directions.T * found.moments, atol=1e-9)
    assert (np.diff(found.moments) <= 0).all()
    assert ((x @ found.directions.T).mean(0) >= 0).all()
    centered = axes.principal_axes(x, centered=True)
    np.testing.assert_allclose(
        np.cov(x.T, ddof=0) @ centered.directions[0], centered.moments[0] * centered.directions[0]
    )


def test_centering_drops_what_all_people_agree_on():
    split = np.where(np.arange(100) % 2, 1.0, -1.0)
    x = np.stack([np.full(100, 5.0), split, 0.1 * np.cos(np.arange(100))], axis=1)
    assert abs(axes.principal_axes(x).directions[0] @ [1, 0, 0]) > 0.99
    assert (abs(axes.principal_axes(x, centered=True).directions[:2] @ [1, 0, 0]) < 1e-6).all()


# --- few-shot -----------------------------------------------------------------------------------------------


def test_few_shot_weights_are_the_posterior_over_known_rewards():
    gaps = np.random.default_rng(5).normal(size=(10, 3))
    shares = np.array([0.5, 0.3, 0.2])
    likelihood = (1 / (1 + np.exp(-gaps))).prod(0)
    expected = shares * likelihood / (shares * likelihood).sum()
    np.testing.assert_allclose(few_shot.few_shot(gaps, shares=shares), expected)
    members = mixture.responsibilities(-np.logaddexp(0, -gaps), np.zeros(10, dtype=int), shares)
    np.testing.assert_allclose(few_shot.few_shot(gaps, shares=shares), members[0])


def test_temperature_divides_the_loss_and_no_votes_give_the_shares():
    gaps = np.array([[2.0, 0.0]])
    odds = [np.subtract(*np.log(few_shot.few_shot(gaps, temperature=t))) for t in (1, 4)]
    assert odds[0] == pytest.approx(4 * odds[1])
    np.testing.assert_allclose(few_shot.few_shot(np.zeros((0, 3)), shares=[0.2, 0.3, 0.5]), [0.2, 0.3, 0.5])
    assert few_shot.few_shot(np.full((400, 2), -500.0)).tolist() == [0.5, 0.5]
    with pytest.raises(InputError, match="temperature=0"):
        few_shot.few_shot(gaps, temperature=0)


# --- one reward for all -------------------------------------------------------------------------------------


def test_the_pooled_gap_is_the_log_odds_of_the_mixed_vote_and_stays_finite():
    gaps, shares = np.array([[2.0, -1.0], [0.5, 0.5]]), np.array([3.0, 1.0])
    p = (1 / (1 + np.exp(-gaps))) @ shares / 4
    np.testing.assert_allclose(mixture.pooled_gap(gaps, shares), np.log(p / (1 - p)))
    np.testing.assert_allclose(mixture.pooled_gap([700.0, 700.0], [1, 1]), 700)
    np.testing.assert_allclose(mixture.pooled_gap([700.0, -700.0], [3, 1]), np.log(3))
    with pytest.raises(InputError, match="one share"):
        mixture.pooled_gap(gaps, [1.0])


def test_one_reward_fitted_to_a_crowd_has_the_pooled_gaps():
    rng = np.random.default_rng(6)
    gaps, shares = np.array([[2.0, -1.0], [-1.0, 1.5], [0.3, 3.0]]), np.array([0.7, 0.3])
    pair, camp = rng.integers(0, 3, 60_000), (rng.random(60_000) < 0.3).astype(int)
    won = rng.random(60_000) < 1 / (1 + np.exp(-gaps[pair, camp]))
    x = np.where(won[:, None], 1, -1) * np.eye(3)[pair]  # a feature for each pair: nothing ties them
    np.testing.assert_allclose(linear.fit(x, prior=1e-6), mixture.pooled_gap(gaps, shares), atol=0.05)
