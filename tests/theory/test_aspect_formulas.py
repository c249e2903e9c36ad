"""Aspect heads, the verbosity penalty, gates and quantile heads, against linear programs and brute force."""

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from rmkit import losses
from rmkit.errors import InputError
from rmkit.theory import aspect_heads, gates, quantiles


def test_ridge_solves_each_aspect_by_itself_and_passes_over_what_is_not_rated():
    rng = np.random.default_rng(0)
    f, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    y[:10, 1] = np.nan
    heads = aspect_heads.ridge(f, y, prior=2.0)
    for a, rows in ((0, slice(None)), (1, slice(10, None))):
        stacked = np.concatenate([f[rows], np.sqrt(2.0) * np.eye(3)])
        target = np.concatenate([y[rows, a], np.zeros(3)])
        np.testing.assert_allclose(heads[a], np.linalg.lstsq(stacked, target)[0], atol=1e-9)
    with pytest.raises(InputError, match="number 1"):
        aspect_heads.ridge(f, np.stack([y[:, 0], np.full(40, np.nan)], 1))


def test_the_penalty_is_the_least_that_takes_out_the_rank_correlation():
    rng = np.random.default_rng(1)
    v = rng.normal(size=400)
    r = 0.4 * v + rng.normal(size=400)
    p = aspect_heads.verbosity_penalty(r, v)
    rho = {q: stats.spearmanr(r - q * v, v).statistic for q in aspect_heads.PENALTIES}
    assert rho[p] <= 0.028
    assert all(rho[q] > 0.028 for q in rho if q < p)
    assert aspect_heads.verbosity_penalty(-r, v) == 0
    assert aspect_heads.verbosity_penalty(5 * v + 0.01 * r, v) == 1
    assert len(aspect_heads.PENALTIES) == 24


def test_the_penalty_looks_at_ranks_only_through_the_mixed_reward():
    v = np.array([1.0, 2.0, 3.0, 4.0, 50.0])
    r = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    by_hand = [p for p in aspect_heads.PENALTIES if stats.spearmanr(r - p * v, v).statistic <= 0]
    assert aspect_heads.verbosity_penalty(r, v, most=0.0) == (min(by_hand) if by_hand else 1.0)


def test_levels_are_even_steps_without_the_ends():
    np.testing.assert_allclose(quantiles.levels(3), [0.25, 0.5, 0.75])


@pytest.mark.parametrize("tau", [0.2, 0.5, 0.9])
def test_a_quantile_head_reaches_the_loss_of_the_linear_program(tau):
    rng = np.random.default_rng(2)
    f = np.concatenate([rng.normal(size=(80, 2)), np.ones((80, 1))], axis=1)
    y = f @ [1.0, -0.5, 2.0] + rng.exponential(size=80)
    n, d = f.shape  # min tau u + (1 - tau) v,  y - f w = u - v,  u, v >= 0
    costs = np.concatenate([np.zeros(d), np.full(n, tau), np.full(n, 1 - tau)])
    exact = optimize.linprog(
        costs,
        A_eq=np.concatenate([f, np.eye(n), -np.eye(n)], axis=1),
        b_eq=y,
        bounds=[(None, None)] * d + [(0, None)] * (2 * n),
    )
    heads = quantiles.quantile_heads(f, y, np.array([tau]), prior=1e-6, width=0.005)
    rewards = torch.tensor(f @ heads.T)[:, None]
    mask, ratings = torch.ones(n, 1, dtype=torch.bool), torch.tensor(y)[:, None]
    found = losses.quantile(rewards, mask, ratings=ratings, levels=torch.tensor([tau])).mean()
    assert exact.fun / n <= found.item() + 1e-6
    assert found.item() < exact.fun / n * 1.01


def test_quantile_heads_cover_the_share_they_name_and_never_cross_once_predicted():
    rng = np.random.default_rng(3)
    f = np.concatenate([rng.random((3000, 1)), np.ones((3000, 1))], axis=1)
    y = f[:, 0] * rng.choice([-1.0, 1.0], 3000) + 0.1 * rng.normal(size=3000)
    at = np.array([0.1, 0.5, 0.9])
    found = quantiles.predict(quantiles.quantile_heads(f, y, at), f)
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_allclose((y[:, None] <= found).mean(0), at, atol=0.03)
    spread = found[:, 2] - found[:, 0]
    assert stats.spearmanr(spread, f[:, 0]).statistic > 0.99
    with pytest.raises(InputError, match="between 0 and 1"):
        quantiles.quantile_heads(f, y, np.array([0.0]))


def test_a_gate_learns_which_prompt_asks_for_what_and_a_blind_one_cannot():
    rng = np.random.default_rng(4)
    kind = rng.integers(0, 2, 600)
    prompts, gaps = np.eye(2)[kind], 2 * rng.normal(size=(600, 2))
    truth = gaps[np.arange(600), kind]  # people care about one aspect, depending on the prompt
    gaps *= np.where(rng.random(600) < 1 / (1 + np.exp(-2 * truth)), 1, -1)[:, None]
    gate, blind = gates.fit(prompts, gaps, prior=0.1), gates.fit(prompts, gaps, blind=True)
    weights = gate(np.eye(2)) / gate.scale
    assert (np.diag(weights) > 0.9).all()
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_allclose(blind(np.eye(2))[0], blind(np.eye(2))[1])
    loss = [np.logaddexp(0, -each.gaps(prompts, gaps)).mean() for each in (gate, blind)]
    assert loss[0] < loss[1] - 0.1
    assert 1 < gate.scale < 4
