"""A rehearsal: what is asked in which order, and that a head learns a known taste."""

import numpy as np
import pytest

from rmkit.errors import InputError
from rmkit.training.labeling.rehearsal import CHOICES, rehearse

RNG = np.random.default_rng(0)
X, NEW, W = RNG.normal(size=(80, 6)), RNG.normal(size=(300, 6)), RNG.normal(size=6)


@pytest.mark.parametrize("order", CHOICES)
def test_a_clear_taste_is_learned_from_more_votes(order):
    said = np.stack([rehearse(X, 50 * X @ W, NEW, (0, 3, 40), order=order, seed=seed) for seed in range(8)])
    right = ((said > 0) == (NEW @ W > 0)).mean((0, 2))
    assert said.shape == (8, 3, 300)
    assert not said[:, 0].any()
    assert right[2] > 0.8  # of 6 weights and 40 votes about 6 in 40 are wrong
    assert right[2] > right[1] + 0.03


@pytest.mark.parametrize("order", CHOICES)
def test_counts_may_be_asked_for_in_any_company(order):
    alone = [rehearse(X, X @ W, NEW, [n], order=order, seed=3)[0] for n in (1, 5, 12)]
    np.testing.assert_array_equal(rehearse(X, X @ W, NEW, (1, 5, 12), order=order, seed=3), alone)


def test_orders_ask_other_pairs_and_seeds_are_other_voters():
    said = [rehearse(X, X @ W, NEW, [6], order=order)[0] for order in CHOICES]
    said += [rehearse(X, X @ W, NEW, [6], seed=1)[0]]
    assert len({tuple(each) for each in said}) == 4


def test_equal_answers_are_not_asked_by_least_sure():
    x = np.concatenate([np.zeros((60, 6)), X[:20]])  # 60 pairs that differ in nothing
    gaps = 50 * x @ W
    ends = {order: rehearse(x, gaps, NEW, [15], order=order)[0] for order in CHOICES}
    right = {order: ((d > 0) == (NEW @ W > 0)).mean() for order, d in ends.items()}
    assert right["least sure"] > 0.85 > right["nearest one half"]


@pytest.mark.parametrize(
    ("more", "says"),
    [({"order": "hardest"}, "'hardest'"), ({"counts": [81]}, "80 pairs"), ({"counts": []}, "80 pairs")],
)
def test_bad_input(more, says):
    with pytest.raises(InputError, match=says):
        rehearse(X, X @ W, NEW, **({"counts": [3]} | more))
