"""Lesson 06's figures against the library and against theory."""

import numpy as np
import pytest

from rmkit import packing
from rmkit.lessons.many_comparisons_per_prompt import figures


@pytest.mark.parametrize(("k", "prompt", "response"), [(2, 1, 1), (3, 6, 5), (5, 8, 6)])
def test_a_picture_of_a_row_counts_what_each_token_sees(k, prompt, response):
    found = figures.row_compute(k, prompt, response)
    seen = (found["picture"] > 0).sum()
    alone = prompt + np.arange(1, response + 1)
    assert seen == prompt * (prompt + 1) / 2 + k * alone.sum()
    assert found["positions"].max() == prompt + response - 1
    assert (found["picture"] == 1).sum() == prompt * (prompt + 1) / 2 + k * response * prompt


def test_costs_are_those_of_real_batches():
    group = figures.made_up(7, [4] * 5)
    pairs = [figures.made_up(7, [4, 4])] * 10
    packed, rows, expanded = figures.tokens_of(5, 7, 4).values()
    assert packing.pack([group], 0).tokens == packed
    assert packing.pad([group], 0).tokens == rows
    assert packing.pad(pairs, 0).tokens == expanded


@pytest.mark.parametrize("differ", [0.0, 0.01, 3.0])
def test_no_weights_beat_the_best_ones(differ):
    k = np.arange(2, 10)
    best = 1 / (figures.covariance_ratio(k) + differ * k * (k - 1) / 2)
    highest = figures.efficiency(best, k, differ)
    rng = np.random.default_rng(0)
    others = [figures.efficiency(best * rng.uniform(0.8, 1.2, len(k)), k, differ) for _ in range(50)]
    assert max(others) < highest
    assert figures.efficiency(best * 7, k, differ) == pytest.approx(highest)


def test_which_habit_wins_depends_on_how_much_prompts_differ():
    alike, different = (figures.weights_compute(9, d)["here"][1] for d in (-3.0, 1.0))
    assert alike[0] > alike[1]
    assert different[0] < different[1]


@pytest.mark.parametrize("k", [2, 3, 5])
def test_noise_of_a_ranking_by_going_through_all_of_them(k):
    variance, curvature = figures.random_gradients(k)
    np.testing.assert_allclose(curvature, (np.eye(k) - 1 / k) * k / 4, atol=1e-12)
    np.testing.assert_allclose(variance, figures.covariance_ratio(k) * curvature, atol=1e-12)
