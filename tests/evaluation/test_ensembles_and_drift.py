"""Ensembles by hand; distances of drift against their definition and SciPy."""

import numpy as np
import pytest
import torch
from scipy import spatial

from rmkit.errors import InputError
from rmkit.evaluation.drift import Drift, detection
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
        (lambda: Drift.fit(np.ones((1, 3))), "at least 2"),
        (lambda: Drift.fit(np.eye(3)).distance(np.ones((2, 4))), "4 numbers"),
        (lambda: detection([], [1.0]), "0 scores inside"),
    ],
)
def test_what_cannot_be_combined_or_measured_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_distances_are_mahalanobis_and_do_not_care_for_units():
    rng = np.random.default_rng(1)
    known, new = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 5)), rng.normal(size=(20, 5))
    inverse = np.linalg.inv(np.cov(known.T))
    expected = [spatial.distance.mahalanobis(x, known.mean(0), inverse) ** 2 for x in new]
    np.testing.assert_allclose(Drift.fit(known, shrink=0).distance(new), expected, rtol=1e-6)
    units = np.array([1, 100, 0.01, 3, 7])
    scaled = Drift.fit(known * units).distance(new * units)
    np.testing.assert_allclose(scaled, Drift.fit(known).distance(new), rtol=1e-6)


def test_few_answers_and_dead_features_are_no_trouble():
    rng = np.random.default_rng(2)
    few = np.pad(rng.normal(size=(6, 10)), ((0, 0), (0, 1)))
    d = Drift.fit(few)
    assert np.isfinite(d.distance(few)).all()
    assert d.distance(few + 3).min() > d.distance(few).max()
    groups = [torch.tensor(few[:2]), torch.tensor(few[2:])]
    np.testing.assert_allclose(Drift.fit(groups).distance(groups), d.distance(few))


def test_detection_is_the_chance_of_a_higher_score():
    assert detection([0, 1], [2, 3]) == 1
    assert detection([2, 3], [0, 1]) == 0
    assert detection([1.0], [1.0, 2.0]) == 0.75
