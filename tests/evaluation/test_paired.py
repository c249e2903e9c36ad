"""Two models on the same pairs: the difference, its test, and many subsets at once."""

import numpy as np
import pytest
from scipy import stats

import rmkit
from rmkit.errors import InputError
from rmkit.evaluation import compare_reports


def pairs(n: int, subsets: int):
    rows = [
        {
            "prompt": f"question {i}",
            "chosen": f"good {i}",
            "rejected": f"bad {i}",
            "subset": f"s{i % subsets:02}",
        }
        for i in range(n)
    ]
    return rmkit.load(rows)


def rewards(right: np.ndarray) -> list[list[float]]:
    """Rewards of (chosen, rejected) that order a pair as `right` says: 1, 0, or 0.5 for equal ones."""
    return [[float(credit), 0.5] for credit in right]


def test_the_rows_are_paired_differences_and_their_p_values():
    data, rng = pairs(120, 3), np.random.default_rng(0)
    a, b = rng.choice([0, 0.5, 1], 120, p=[0.2, 0.1, 0.7]), rng.choice([0, 1], 120)
    table = compare_reports(*(rmkit.evaluate(rewards(each), data) for each in (a, b)))
    assert list(table.index) == ["all", "s00", "s01", "s02"]
    assert list(table["pairs"]) == [120, 40, 40, 40]
    for number, name in enumerate(table.index):
        where = slice(None) if number == 0 else slice(number - 1, None, 3)
        test = rmkit.statistics.paired_difference(a[where], b[where])
        row = table.loc[name]
        assert (row["difference"], row["low"], row["high"], row["p"]) == pytest.approx(
            (test.mean, *test.interval, test.p_value)
        )


def by_hand(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's adjusted p values: the smallest m p_(j) / j over all j from this rank on."""
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    for rank, place in enumerate(order):
        adjusted[place] = min(len(p) * p[order[j]] / (j + 1) for j in range(rank, len(p)))
    return np.minimum(adjusted, 1)


def test_subsets_are_adjusted_together_and_the_whole_is_not_one_of_them():
    data, rng = pairs(600, 12), np.random.default_rng(1)
    a, b = rng.random(600) < 0.75, rng.random(600) < np.where(np.arange(600) % 12 == 5, 0.3, 0.75)
    table = compare_reports(*(rmkit.evaluate(rewards(each), data) for each in (a, b)))
    p = table["p"].to_numpy(float)
    np.testing.assert_allclose(table["adjusted"].to_numpy(float)[1:], by_hand(p[1:]))
    assert table.loc["all", "adjusted"] == table.loc["all", "p"]
    assert list(table.index[1:][table["differs"][1:]]) == ["s05"]


def test_of_equal_models_few_subsets_are_called_different():
    # Twenty subsets and no difference: some p below 0.05 is the rule, an adjusted one the exception.
    plain = adjusted = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        data, two = pairs(400, 20), rng.random((2, 400)) < 0.7
        table = compare_reports(*(rmkit.evaluate(rewards(each), data) for each in two))[1:]
        plain += (table["p"] < 0.05).any()
        adjusted += table["differs"].any()
    assert adjusted <= 3 < plain


def test_reports_of_other_pairs_are_refused():
    data = pairs(20, 2)
    one = rmkit.evaluate(rewards(np.ones(20)), data)
    with pytest.raises(InputError, match="different pairs"):
        compare_reports(one, rmkit.evaluate(rewards(np.ones(19)), data[:19]))
    other = rmkit.evaluate(rewards(np.ones(20)), pairs(20, 4))
    with pytest.raises(InputError, match="different pairs"):
        compare_reports(one, other)


def test_a_subset_of_one_prompt_has_no_test():
    data = pairs(9, 8)  # seven subsets of one prompt, one of two
    table = compare_reports(*(rmkit.evaluate(rewards(np.ones(9) * x), data) for x in (1, 0)))
    assert table["p"].isna().sum() == 7
    assert table.loc["s00", "adjusted"] == table.loc["s00", "p"]
    assert stats.false_discovery_control([0.5]) == [0.5]
