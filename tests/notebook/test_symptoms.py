"""A fault that is the same on every input is named, whatever the exercise; another one is not."""

import numpy as np
import pytest

from rmkit.notebook import symptoms

RIGHT = [np.array([0.2, -0.5, 1.5]), np.array([1.0, 0.25, -2.0])]
SQUARE = [np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 5.0], [1.0, 2.0]])]
NAMED = {
    "mean": ([x.mean() for x in RIGHT], RIGHT, "returns the mean"),
    "sum": ([x.sum() for x in RIGHT], RIGHT, "returns the sum"),
    "one each": (RIGHT, [x.mean() for x in RIGHT], "their mean"),
    "minus": ([-x for x in RIGHT], RIGHT, "sign is turned"),
    "half": ([x / 2 for x in RIGHT], RIGHT, "0.5 times"),
    "percent": ([100 * x for x in RIGHT], RIGHT, "percent"),
    "size": ([abs(x) for x in RIGHT], RIGHT, "sign is lost"),
    "rest": ([1 - x for x in RIGHT], RIGHT, "1 minus"),
    "off by one": ([x + 1 for x in RIGHT], RIGHT, "1 too large on every input. Where does the counting"),
    "column": ([x[:, None] for x in RIGHT], RIGHT, "shape (3, 1)"),
    "transposed": ([x.T for x in SQUARE], SQUARE, "transposed"),
    "transposed, oblong": ([x[:, :1].T for x in SQUARE], [x[:, :1] for x in SQUARE], "transposed"),
    "float32": ([x + 1e-7 for x in RIGHT], RIGHT, "digits only"),
    "order": ([[2, 1], [3, 3, 1]], [[1, 2], [1, 3, 3]], "another order"),
    "order of pairs": ([[(1, 0), (0, 2)]], [[(0, 2), (1, 0)]], "another order"),
    "swapped": ([np.array([5.0])], [np.array([7.0])], "changed places"),
    "turned": ([np.array([6.0])], [np.array([7.0])], "opposite"),
}
AGAIN = {"swapped": [np.array([5.0])], "turned": [np.array([6.0])]}


@pytest.mark.parametrize("fault", NAMED)
def test_a_fault_of_every_input_is_named(fault):
    got, want, says = NAMED[fault]
    assert says in symptoms.name(got, want, AGAIN.get, 1e-9)


UNNAMED = {
    "half, once": [RIGHT[0] / 2, RIGHT[1]],
    "mean, once": [RIGHT[0].mean(), RIGHT[1]],
    "zero": [0 * x for x in RIGHT],
    "NaN": [np.nan * x for x in RIGHT],
    "infinite": [np.inf * x for x in RIGHT],
    "noise": [np.array([0.1, 0.2, 0.3]), np.array([3.0, 1.0, 2.0])],
    "text": ["a", "b"],
    "a permutation of an array": [x[::-1] for x in RIGHT],
    "ragged": [[[1], [1, 2]], [[1], [1, 2]]],
}


@pytest.mark.parametrize("fault", UNNAMED)
def test_another_fault_is_not(fault):
    assert symptoms.name(UNNAMED[fault], RIGHT, lambda change: None, 1e-9) is None
