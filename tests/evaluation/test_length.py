"""Correlation with length and the price of length, against numpy, least squares and reweighted groups."""

import numpy as np
import pytest

from rmkit.errors import InputError
from rmkit.evaluation import length


def drawn(seed=0, groups=30):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 5, groups)
    lengths = [rng.normal(size=k) for k in sizes]
    gold = [rng.normal(size=k) + 0.3 * s for k, s in zip(sizes, lengths, strict=True)]
    rewards = [2 * g + 0.5 * s + rng.normal(size=len(s)) for g, s in zip(gold, lengths, strict=True)]
    return rewards, lengths, gold


def centered(groups):
    return np.concatenate([each - each.mean() for each in groups])


def test_the_mean_is_pearson_within_groups():
    rewards, lengths, _ = drawn()
    expected = np.corrcoef(centered(rewards), centered(lengths))[0, 1]
    assert length.correlation_values(rewards, lengths).mean() == pytest.approx(expected)


def test_the_price_is_the_ratio_of_two_least_squares_coefficients():
    rewards, lengths, gold = drawn(1)
    x = np.stack([centered(gold), centered(lengths)], 1)
    (u, v), *_ = np.linalg.lstsq(x, centered(rewards), rcond=None)
    assert length.worth_values(rewards, lengths, gold).mean() == pytest.approx(v / u)
    exact = [3 * g + 1.5 * s for g, s in zip(gold, lengths, strict=True)]
    assert length.worth_values(exact, lengths, gold).mean() == pytest.approx(0.5)


def test_values_are_slopes_in_the_weight_of_a_group():
    rewards, lengths, gold = drawn(2)
    measures = {
        "correlation": lambda some: length.correlation_values(*(
            [given[i] for i in some] for given in (rewards, lengths)
        )),
        "price": lambda some: length.worth_values(*(
            [given[i] for i in some] for given in (rewards, lengths, gold)
        )),
    }  # fmt: skip
    everyone = list(range(30))
    for measure in measures.values():
        values = measure(everyone)
        for i in (0, 11, 29):  # a group that comes once more weighs 1/30 more: the slope, to first order
            again = measure([*everyone * 200, i]).mean()
            slope = (again - values.mean()) * 30 * 200
            assert values[i] - values.mean() == pytest.approx(slope, rel=0.02, abs=0.02)


def test_the_interval_covers_over_fresh_groups():
    truth = np.mean([length.correlation_values(*drawn(1000 + s, 200)[:2]).mean() for s in range(40)])
    inside = 0
    for seed in range(60):
        rewards, lengths, _ = drawn(seed, 60)
        rows = [
            {"prompt": str(i), "responses": [f"{i} {j}" for j in range(len(r))]}
            for i, r in enumerate(rewards)
        ]
        found = length.length_correlation(rewards, rows, lengths)
        inside += found.low <= truth <= found.high
    assert inside >= 50


def test_words_are_counted_where_no_lengths_are_given():
    rows = [
        {"prompt": "q", "responses": ["one two three", "one"]},
        {"prompt": "p", "responses": ["one two", "one two three four"]},
    ]
    assert length.length_correlation([[3, 1], [2, 4]], rows).mean == pytest.approx(1)
    assert length.length_correlation([[1, 3], [4, 2]], rows).mean == pytest.approx(-1)
    with pytest.raises(InputError, match="2 responses but 1 lengths"):
        length.length_correlation([[1, 3], [4, 2]], rows, [[1, 2], [1]])


def test_nothing_that_varies_is_0_and_a_reward_without_gold_has_no_price():
    assert (length.correlation_values([[1, 1], [2, 2]], [[1, 2], [3, 4]]) == 0).all()
    with pytest.raises(InputError, match="no price"):
        length.worth_values([[1, 2], [2, 1]], [[1, 3], [5, 2]], [[2, 1], [1, 2]])
