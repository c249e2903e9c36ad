"""Spearman's rank correlation and its bootstrap, against scipy and by simulation."""

import numpy as np
import pytest
from scipy import stats

from rmkit.errors import InputError
from rmkit.theory.statistics import correlation_gain, rank_correlation


def test_the_value_is_scipys_with_ties_too():
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = rng.integers(0, 6, 30), rng.normal(size=30)
        assert rank_correlation(x, y).mean == pytest.approx(stats.spearmanr(x, y).statistic)
        assert rank_correlation(np.exp(x), -y).mean == pytest.approx(-rank_correlation(x, y).mean)


def test_the_interval_covers():
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's rho of a normal pair that correlates by 0.6
    inside = 0
    for seed in range(60):
        x, y = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 60).T
        found = rank_correlation(x, y, seed=seed)
        inside += found.low <= truth <= found.high
    assert 50 <= inside <= 60  # 95 % would be 57; the bootstrap of 60 models is a little narrow


def test_a_better_predictor_gains_and_an_equal_one_does_not():
    rng = np.random.default_rng(1)
    y = rng.normal(size=80)
    good, poor = y + 0.3 * rng.normal(size=80), y + 2 * rng.normal(size=80)
    gain = correlation_gain(good, poor, y)
    assert gain.low > 0
    assert gain.mean == pytest.approx(rank_correlation(good, y).mean - rank_correlation(poor, y).mean)
    assert correlation_gain(good, 3 * good + 1, y) == (0, 0, 0)


def test_models_of_one_recipe_are_drawn_together():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 20))
    copies = rank_correlation(np.repeat(x, 5), np.repeat(y, 5), groups=np.repeat(np.arange(20), 5))
    once = rank_correlation(x, y)
    alone = rank_correlation(np.repeat(x, 5), np.repeat(y, 5))
    assert copies.high - copies.low == pytest.approx(once.high - once.low, rel=0.1)
    assert alone.high - alone.low < 0.7 * (copies.high - copies.low)


def test_a_number_that_never_changes_predicts_nothing():
    assert rank_correlation(np.ones(9), np.arange(9.0)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("x", "y", "groups", "words"),
    [
        ([1, 2], [1, 2], None, "at least 3"),
        ([1, 2, 3], [1, 2, 3, 4], None, "3, 4"),
        ([1, 2, 3], [1, 2, 3], [1, 2], "one a model"),
        ([1, 2, 3, 4], [1, 2, 3, 4], [1, 1, 1, 2], "one size"),
    ],
)
def test_what_cannot_be_is_said(x, y, groups, words):
    with pytest.raises(InputError, match=words):
        rank_correlation(x, y, groups=groups)
