"""Groupings compared, against brute force over all namings and all pairs of people."""

import itertools

import numpy as np
import pytest

from rmkit.errors import InputError
from rmkit.evaluation import camps


@pytest.mark.parametrize("seed", range(5))
def test_accuracy_is_the_best_of_all_namings(seed):
    rng = np.random.default_rng(seed)
    true, found = rng.integers(0, 3, 20), rng.integers(0, 3, 20)
    best = max(np.mean(np.array(names)[found] == true) for names in itertools.permutations(range(3)))
    assert camps.relabeled_accuracy(true, found) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(5))
def test_adjusted_rand_counts_pairs_of_people(seed):
    rng = np.random.default_rng(seed)
    true, found = rng.integers(0, 3, 15), rng.integers(0, 4, 15)
    pairs = list(itertools.combinations(range(15), 2))
    a = np.array([true[i] == true[j] for i, j in pairs])
    b = np.array([found[i] == found[j] for i, j in pairs])
    chance = a.sum() * b.sum() / len(pairs)
    expected = ((a & b).sum() - chance) / ((a.sum() + b.sum()) / 2 - chance)
    assert camps.adjusted_rand(true, found) == pytest.approx(expected)


def test_names_do_not_matter_and_a_group_too_many_costs():
    true = ["a", "a", "b", "b"]
    assert camps.relabeled_accuracy(true, [7, 7, 3, 3]) == camps.adjusted_rand(true, [7, 7, 3, 3]) == 1
    assert camps.relabeled_accuracy(true, [0, 0, 1, 2]) == 0.75
    assert camps.adjusted_rand([0, 0, 0], [1, 1, 1]) == 1
    assert camps.adjusted_rand(true, [0, 0, 0, 0]) == 0
    with pytest.raises(InputError, match="one label"):
        camps.adjusted_rand(true, [0, 1])
