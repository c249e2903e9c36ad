"""Ensembles by hand."""

import numpy as np
import pytest
import torch

from rmkit.errors import InputError
from rmkit.evaluation.ensembles import combine, on_one_scale

R = np.array([[1.0, 4.0], [3.0, 0.0]])


def test_three_ways_by_hand():
    np.testing.assert_allclose(combine(R), [2, 2])
    np.testing.assert_allclose(combine(R, "worst-case"), [1, 0])
    np.testing.assert_allclose(
        combine(R, "uncertainty", 0.5), [1.5, 0]
    )  # variances 1 and 4, divided by M = 2
    np.testing.assert_allclose(combine(torch.tensor(R), "uncertainty", 0), combine(R))
    np.testing.assert_allclose(combine(R[:1], "uncertainty", 9), R[0])


def test_one_scale_takes_a_members_origin_and_unit_away():
    rng = np.random.default_rng(0)
    r = rng.normal(size=(3, 4, 5))
    other = r * np.array([1, 7, 0.2])[:, None, None] + np.array([0, 3, -9])[:, None, None]
    np.testing.assert_allclose(on_one_scale(other), on_one_scale(r))
    np.testing.assert_allclose(on_one_scale(r).std((1, 2)), 1)
    fixed = on_one_scale(r, r[:, :2])
    np.testing.assert_allclose(fixed[:, :2].mean((1, 2)), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: combine(R, "median"), "'median'"),
        (lambda: combine(R, "uncertainty", -1), "0 or more"),
        (lambda: combine([[np.nan]]), "finite"),
        (lambda: on_one_scale([[1.0, 1.0], [0.0, 1.0]]), "member 0"),
        (lambda: on_one_scale(R, R[:1]), "one row for each member"),
    ],
)
def test_what_cannot_be_combined_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call()
