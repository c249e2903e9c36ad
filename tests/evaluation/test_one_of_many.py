"""One against one and one against many, by hand and against loops."""

import numpy as np
import pytest

from rmkit.errors import InputError
from rmkit.evaluation import against_many, against_one


def test_by_hand():
    rewards = np.array([[3.0, 1, 2, 0], [1, 1, 0, 0], [2, 5, 2, 2], [1, 1, 1, 1]])
    right = [0, 0, 0, 2]
    np.testing.assert_allclose(against_one(rewards, right), [1, 5 / 6, 1 / 3, 1 / 2])
    np.testing.assert_allclose(against_many(rewards, right), [1, 1 / 2, 0, 1 / 4])


@pytest.mark.parametrize("seed", range(20))
def test_both_equal_plain_loops_for_many_models_at_once(seed):
    rng = np.random.default_rng(seed)
    rewards, right = rng.integers(0, 4, size=(3, 5, 6)).astype(float), rng.integers(0, 6, 5)
    one, many = against_one(rewards, right), against_many(rewards, right)
    for model in range(3):
        for group, place in enumerate(right):
            row = rewards[model, group].tolist()
            own, others = row[place], row[:place] + row[place + 1 :]
            credit = sum((own > o) + 0.5 * (own == o) for o in others) / 5
            assert one[model, group] == pytest.approx(credit)
            assert many[model, group] == pytest.approx((own == max(row)) / row.count(max(row)))
    assert (many <= one).all()


def test_random_rewards_reach_a_half_and_one_in_k():
    rewards, right = np.random.default_rng(0).normal(size=(20_000, 8)), np.zeros(20_000, dtype=int)
    assert against_one(rewards, right).mean() == pytest.approx(1 / 2, abs=0.01)
    assert against_many(rewards, right).mean() == pytest.approx(1 / 8, abs=0.01)


@pytest.mark.parametrize(
    ("rewards", "right", "words"),
    [
        ([[1.0, 2.0]], [0, 1], "one place a group"),
        ([[1.0]], [0], "K above 1"),
        ([[1.0, np.inf]], [0], "infinity"),
        ([[1.0, 2.0]], [2], "outside 0 to 1"),
    ],
)
def test_what_cannot_be_is_said(rewards, right, words):
    with pytest.raises(InputError, match=words):
        against_many(rewards, right)
