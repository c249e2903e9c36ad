"""Lesson 06's figures against the library and against theory."""

import numpy as np
import pytest
from rmkit.statistics import Interval

from rmkit import packing
from rmkit.lessons.many_comparisons_per_prompt import figures, schedules
from rmkit.lessons.many_comparisons_per_prompt.checks import BEST_WEIGHTS


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


@pytest.mark.parametrize("differ", [0.0, 0.13, 3.0])
def test_the_inverse_variance_is_the_best_weight_of_a_group(differ):
    k = np.arange(2, 10)
    pairs = k * (k - 1) / 2
    of_a_pair = 1 / (figures.covariance_ratio(k) + differ * pairs)
    of_the_group = of_a_pair * pairs
    np.testing.assert_allclose(BEST_WEIGHTS.reference(k, differ), of_the_group / of_the_group.sum())


@pytest.mark.parametrize(("prompts", "steps", "visits"), [(1, 24, 2), (9, 12, 9), (12, 3, 3), (5, 12, 5)])
def test_whole_groups_give_every_prompt_equally_many_visits(prompts, steps, visits):
    schedule = schedules.whole_groups(3, 12, 15, prompts=prompts, steps=steps)
    assert len(schedule) == steps
    assert schedules.prompts_in(schedule, 15) == prompts
    for row in np.concatenate(schedule, axis=1):
        np.testing.assert_array_equal(np.bincount(row, minlength=180), visits)


def test_shuffled_pairs_see_every_pair_once_an_epoch_and_mix_prompts():
    schedule = schedules.shuffled_pairs(3, 12, 15, steps=24)
    for row in np.concatenate(schedule[:12], axis=1):
        np.testing.assert_array_equal(np.sort(row), np.arange(180))
    assert not np.array_equal(schedule[0], schedule[12])
    expected = 12 * (1 - np.prod([(165 - i) / (180 - i) for i in range(15)]))  # none of its 15 pairs is drawn
    assert schedules.prompts_in(schedule, 15) == pytest.approx(expected, abs=0.4)


def test_the_figure_of_differences_draws_every_interval():
    each = [Interval(0.01, 0.0, 0.03), Interval(0.02, 0.01, 0.03)]
    found = {
        o: {what: {"shuffled": each, "many": each} for what in ("gap", "new")} for o in ("plain", "Adam")
    }
    drawn = figures.differences_draw(found)
    assert len(drawn.data) == 8
    assert sum(bool(trace.showlegend is not False) for trace in drawn.data) == 2
    np.testing.assert_allclose(drawn.data[5].y, [0.01, 0.02])
    np.testing.assert_allclose(drawn.data[5].error_y.array, [0.02, 0.01])
    np.testing.assert_allclose(drawn.data[5].error_y.arrayminus, [0.01, 0.01])
    assert drawn.layout.yaxis.range == drawn.layout.yaxis2.range == pytest.approx((-0.0024, 0.0324))
