"""The mathematics behind the figures of lesson 01, without a browser."""

import numpy as np
import pandas as pd
import pytest

from rmkit.lessons.bradley_terry import figures


def test_the_matrix_is_bradley_terry_and_moves_only_with_differences():
    a = figures.matrix_compute(1.0, 0.0, -1.0, 2.0, 0.0)
    strengths = np.exp([1.0, 0.0, -1.0, 2.0])
    np.testing.assert_allclose(a["p"], strengths[:, None] / (strengths[:, None] + strengths))
    moved = figures.matrix_compute(1.0, 0.0, -1.0, 2.0, 1.5)
    np.testing.assert_allclose(moved["p"], a["p"])
    np.testing.assert_allclose(moved["scores"], a["scores"] + 1.5)
    assert figures.matrix_say(a).endswith("= 0.731")


def test_elo_follows_the_rule_game_by_game():
    games, ratings = [(0, 1), (1, 2), (2, 0), (0, 2)], np.full(3, 1500.0)
    a = figures.elo_compute(20, 3, games=games, target=np.array([0.1, 0.0, -0.1]))
    for g in np.random.default_rng(3).permutation(4):
        winner, loser = games[g]
        expected = 1 / (1 + 10 ** ((ratings[loser] - ratings[winner]) / 400))
        ratings[winner], ratings[loser] = (
            ratings[winner] + 20 * (1 - expected),
            ratings[loser] - 20 * (1 - expected),
        )
    np.testing.assert_allclose(a["ratings"][-1], ratings)
    np.testing.assert_allclose(a["ratings"].sum(axis=1), 4500)  # what one gains the other loses
    assert a["ratings"].shape == (5, 3)


def test_one_elo_point_is_the_unit_it_claims():
    # 400 points are odds of ten to one, in scores log(10).
    goal = figures.elo_compute(20, 0, games=[(0, 1)], target=np.array([np.log(10), 0.0]))["goal"]
    np.testing.assert_allclose(goal, [1900, 1500])


def test_elo_keeps_its_traces_whatever_the_sliders_say():
    target = np.array([0.1, 0.0, -0.1])
    drawn = [
        figures.elo_draw(
            figures.elo_compute(k, order, games=[(0, 1), (1, 2)], target=target),
            names=["a", "b", "c"],
            shown=["c", "a"],
        )
        for k, order in ((2, 0), (64, 20))
    ]
    assert (
        [t.name for t in drawn[0].data] == [t.name for t in drawn[1].data] == ["c", "a", "maximum likelihood"]
    )
    assert drawn[0].layout.yaxis.range == drawn[1].layout.yaxis.range


def test_the_caterpillar_marks_the_intervals_that_miss():
    figure = figures.caterpillar(np.array([0.0, 2.0, -1.0]), np.array([1.0, 3.0, 0.2]), truth=0.5)
    covers, misses = figure.data
    assert (covers.name, misses.name) == ("covers the truth (1)", "misses it (2)")
    assert list(misses.y) == pytest.approx([-0.4, 2.5])


def test_residual_map_hides_the_diagonal_and_writes_no_minus_zero():
    figure = figures.residual_map(np.array([[0.0, -0.01], [0.01, 0.0]]), ["a", "b"])
    assert list(figure.data[0].text[0]) == ["", "+0.0"]
    assert figure.data[0].zmin == -figure.data[0].zmax


def test_intervals_draw_best_on_top():
    table = pd.DataFrame({"score": [2.0, 1.0], "low": [1.5, 0.0], "high": [2.5, 2.0]}, index=["best", "rest"])
    trace = figures.intervals(table).data[0]
    assert list(trace.y) == ["rest", "best"]  # a category axis starts at the bottom
    np.testing.assert_allclose(trace.error_x.array, [1.0, 0.5])
