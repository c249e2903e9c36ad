"""Values of exercises: sameness, and the conversion to the type that a lesson goes on with."""

from collections import Counter

import numpy as np
import pytest
import torch

from rmkit.notebook.values import like, same, stacked


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (1.0, 1.0 + 1e-7, True),
        (1.0, 1.1, False),
        (float("nan"), float("nan"), True),
        (float("nan"), 0.0, False),
        (np.zeros((2, 1)), np.zeros(2), False),
        ([1, 2], (1.0, 2.0), True),
        ([1, [2, 3]], [1, [2, 3]], True),
        ([1, [2, 3]], [1, [2, 4]], False),
        (["a", None], ["a", None], True),
        ({"a": 1.0}, {"a": 1.0}, True),
        ({"a": 1.0}, {"b": 1.0}, False),
        ("a", 1.0, False),
        (None, 0.0, False),
        (torch.ones(2), np.ones(2), True),
        (torch.ones(2), None, False),
    ],
)
def test_same(a, b, equal):
    assert same(a, b, 1e-5) is equal
    assert same(b, a, 1e-5) is equal


FLOAT, WHOLE = torch.tensor([1.5, 2.0]), torch.tensor([1, 2])


@pytest.mark.parametrize(
    ("example", "value", "want"),
    [
        (FLOAT, [1.5, 2.0], FLOAT),
        (FLOAT, np.array([1.5, 2.0]), FLOAT),
        (FLOAT, FLOAT.double(), FLOAT),
        (WHOLE, np.array([1.0, 1.9999999]), WHOLE),
        (WHOLE, torch.tensor([1.0, 1.9999999]), WHOLE),
        (np.array([1.5]), torch.tensor([1.5]), np.array([1.5])),
        (np.array([1, 2]), [1.0, 1.9999999], np.array([1, 2])),
        (np.array([True, False]), [1, 0], np.array([True, False])),
        (np.array([True]), torch.tensor([1]), np.array([True])),
        (1.5, torch.tensor(1.5), 1.5),
        (1.5, np.float32(1.5), 1.5),
        (1.5, True, 1.0),
        (2, 1.9999999, 2),
        (2, np.int64(2), 2),
        ([1, 2], np.array([1, 2]), [1, 2]),
        ([1, 2], range(1, 3), [1, 2]),
        ([1.5], torch.tensor([1.5]), [1.5]),
        ([(0, 1)], [[0, 1], [2, 1]], [(0, 1), (2, 1)]),
        ((1.5, 2.0), np.array([1.5, 2.0]), (1.5, 2.0)),
        ({"kept": 2}, Counter(kept=np.int64(2)), {"kept": 2}),
    ],
)
def test_like_converts(example, value, want):
    got = like(example, value)
    assert type(got) is type(want)
    assert getattr(got, "dtype", None) == getattr(want, "dtype", None)
    assert same(got, want, 0.0)
    for inner, right in zip(*([x] if np.ndim(x) == 0 else x for x in (got, want)), strict=True):
        assert type(inner) is type(right)


@pytest.mark.parametrize(
    "value", [FLOAT, WHOLE, np.ones(2), [1, 2], [(0, 1)], (1.0, 2.0), 1.0, 2, True, None, "a"]
)
def test_like_leaves_what_is_right(value):
    assert like(value, value) is value


def test_what_cannot_be_converted_comes_back():
    for example, value in (
        (FLOAT, "a"),
        (1.0, None),
        (1.0, [1.0, 2.0]),
        ([1], 3),
        (np.ones(2), [[1], [1, 2]]),
    ):
        assert like(example, value) is value


def test_conversion_keeps_the_gradient():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    value = like(torch.ones(2, dtype=torch.float64), stacked([2 * each for each in x]))
    assert value.dtype == torch.float64
    value.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_only_tensors_of_one_shape_are_stacked():
    rows = [torch.ones(2), torch.ones(3)]
    assert stacked(rows) is rows
    assert stacked([1.0, 2.0]) == [1.0, 2.0]
    assert stacked(([torch.ones(2)], [torch.ones(2)])).shape == (2, 1, 2)
