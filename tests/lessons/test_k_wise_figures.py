"""The figures of lesson 07 show what they say."""

from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from scipy.special import expit

from rmkit import losses
from rmkit.lessons.k_wise import figures


def test_orders_are_a_distribution_whose_pairs_are_bradley_terry():
    a = figures.orders_compute(1.2, -0.3, 0.4, -2.0)
    assert a["p"].sum() == pytest.approx(1)
    np.testing.assert_allclose(a["places"].sum(0), 1)
    np.testing.assert_allclose(a["places"].sum(1), 1)
    softmax = np.exp([1.2, -0.3, 0.4, -2.0]) / np.exp([1.2, -0.3, 0.4, -2.0]).sum()
    np.testing.assert_allclose(a["places"][:, 0], softmax)
    assert a["ab"] == pytest.approx(expit(1.5))
    assert "likeliest ACBD" in figures.orders_say(a)


@pytest.mark.parametrize("top", [None, 1, 2])
def test_the_written_out_law_is_the_librarys(top):
    r = torch.tensor([[0.5, -1.0, 2.0, 0.1]])
    for order in permutations(range(4)):
        ranks = 1 + torch.tensor([order]).argsort(1)
        loss = losses.plackett_luce(r, torch.ones(1, 4, dtype=torch.bool), ranks=ranks, top=top)
        assert figures.log_probability(r[0].tolist(), order, top) == pytest.approx(-loss.item(), abs=1e-5)


def _slopes(order, choices):
    """(K,) wins expected minus wins of one order of equals; choices are places."""
    g = np.zeros(len(order))
    for offered in choices:
        g[[order[place] for place in offered]] += 1 / len(offered)
        g[order[offered[0]]] -= 1
    return g


@pytest.mark.parametrize("k", [2, 3, 5])
def test_worth_among_equals_against_every_order(k):
    """Independent features of covariance S: information in rewards of trace t is t S in the weights."""
    ways = {
        figures.worth_full: [range(c, k) for c in range(k - 1)],
        figures.worth_pairs: list(combinations(range(k), 2)),
        figures.worth_best: [range(k)],
    }
    for worth, choices in ways.items():
        spread = np.mean([(_slopes(order, choices) ** 2).sum() for order in permutations(range(k))])
        bend = sum(1 - 1 / len(offered) for offered in choices)  # trace of a softmax's covariance
        assert worth(np.array([k]))[0] == pytest.approx(bend**2 / spread / 0.5)


def test_figures_hold_their_axes_and_draw_what_was_computed():
    one, two = (figures.orders_draw(figures.orders_compute(*r)) for r in ((3, 3, -3, 0), (0, 0, 0, 0)))
    assert [t.name for t in one.data] == [t.name for t in two.data]
    assert one.layout.yaxis.range == two.layout.yaxis.range
    np.testing.assert_allclose(two.data[0].y, 1 / 24)
    assert [t.y[0] for t in figures.worth_draw().data] == [1.0, 1.0, 1.0]
    points = {"full": {2: (1.0, 0.5, 2.0), 8: (0.5, 0.4, 0.7)}}
    drawn = figures.errors_draw(points, {"full": {2: 1.0, 8: 0.5}}, title="", y="", y_range=(0, 2))
    assert list(drawn.data[1].error_y.array) == pytest.approx([1.0, 0.2])
    assert list(drawn.data[0].y) == [1.0, 0.5]


def test_the_figure_of_labels_has_a_straight_line_for_one_over_n():
    points = {"full": {50: (0.04, 0.03, 0.06), 200: (0.01, 0.008, 0.012)}}
    drawn = figures.labels_draw(points, {"full": {50: 0.04, 200: 0.01}})
    assert drawn.layout.xaxis.type == drawn.layout.yaxis.type == "log"
    assert list(drawn.data[1].error_y.array) == pytest.approx([0.02, 0.002])
    slope = np.diff(np.log(drawn.data[0].y)) / np.diff(np.log(drawn.data[0].x))
    assert slope == pytest.approx(-1)
