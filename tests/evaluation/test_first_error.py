"""ProcessBench's F1: by hand, as evaluate_steps counts it, and with values that are its slopes."""

import numpy as np
import pytest

from rmkit.data.preferences import Preferences, Record
from rmkit.errors import InputError
from rmkit.evaluation.first_error import best_threshold, f1, f1_values, first_below
from rmkit.evaluation.steps import evaluate_steps


def test_first_below_and_f1_by_hand():
    rewards = np.array([[1, -1, -2], [1, 2, np.nan], [-1, np.nan, np.nan], [3, 0, 1]])
    np.testing.assert_array_equal(first_below(rewards, 0), [1, -1, 0, -1])
    assert f1([1, -1, 0, -1], [1, -1, -1, 2]) == pytest.approx(0.5)
    assert f1([1, -1], [1, -1]) == 1
    assert f1([0, 0], [1, -1]) == 0


def test_it_is_what_evaluate_steps_reports():
    rng = np.random.default_rng(0)
    rewards, labels = rng.normal(size=(60, 4)), (rng.random((60, 4)) < 0.8).astype(int)
    first = np.where((labels == 0).any(1), (labels == 0).argmax(1), -1)
    records = [
        Record(f"q{i}", ["a b c d"], steps=[["a", "b", "c", "d"]], step_labels=[row.tolist()])
        for i, row in enumerate(labels)
    ]
    report = evaluate_steps([[row] for row in rewards], Preferences(records), threshold=-0.5)
    assert f1(first_below(rewards, -0.5), first) == pytest.approx(report.scores["rewards"].f1)


def test_values_have_the_mean_and_the_slopes_of_f1():
    rng = np.random.default_rng(1)
    said, first = rng.integers(-1, 3, size=(2, 50))
    values = f1_values(said, first)
    assert values.mean() == pytest.approx(f1(said, first))
    hit, wrong = said == first, first >= 0

    def weighted(weights):
        a, b = (np.average(hit[part], weights=weights[part]) for part in (wrong, ~wrong))
        return 2 * a * b / (a + b)

    for i in range(50):
        step = np.ones(50)
        step[i] += 1e-6
        slope = (weighted(step) - weighted(np.ones(50))) / 1e-6
        assert 50 * slope == pytest.approx(values[i] - f1(said, first), abs=1e-3)


def test_the_best_threshold_is_no_worse_than_any_other():
    rng = np.random.default_rng(2)
    rewards, first = rng.normal(size=(40, 3)), rng.integers(-1, 3, size=40)
    best = f1(first_below(rewards, best_threshold(rewards, first)), first)
    assert all(f1(first_below(rewards, t), first) <= best + 1e-12 for t in np.linspace(-3, 3, 301))


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(InputError, match="some with an error"):
        f1([1, 2], [1, 2])
    with pytest.raises(InputError, match="one place"):
        f1([1], [1, -1])
    with pytest.raises(InputError, match="no threshold"):
        best_threshold(np.full((2, 2), np.nan), [0, -1])
