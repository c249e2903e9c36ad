"""Detectors of strange texts: distances, energies and their ROC curves, by hand and by simulation."""

import numpy as np
import pytest
from scipy import spatial, stats

from rmkit.errors import InputError
from rmkit.evaluation import detection, distance, energy, shift


def test_the_distance_is_mahalanobis_where_no_ridge_is_asked_for():
    rng = np.random.default_rng(0)
    known, new = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)), rng.normal(size=(7, 5))
    inverse = np.linalg.inv(np.cov(known, rowvar=False))
    expected = [spatial.distance.mahalanobis(f, known.mean(0), inverse) for f in new]
    np.testing.assert_allclose(distance(new, known, ridge=0.0), expected)
    assert np.isfinite(distance(new, known[:3])).all()  # more features than texts


def test_a_unit_of_a_feature_changes_no_distance_but_by_the_ridge():
    rng = np.random.default_rng(1)
    known, new, scale = rng.normal(size=(300, 4)), rng.normal(size=(9, 4)), np.array([1.0, 10, 0.1, 1])
    np.testing.assert_allclose(distance(new * scale, known * scale, 0.0), distance(new, known, 0.0))
    shrunk = [distance(new * unit, known * unit, 0.0, shrink=0.1) for unit in (scale, 1)]
    np.testing.assert_allclose(*shrunk)
    own = np.sqrt((((new - known.mean(0)) / known.std(0, ddof=1)) ** 2).sum(1))
    np.testing.assert_allclose(distance(new, known, 0.0, shrink=1), own)


def test_few_texts_and_dead_features_are_no_trouble():
    few = np.pad(np.random.default_rng(2).normal(size=(6, 10)), ((0, 0), (0, 1)))
    for settings in ({}, {"ridge": 1e-9, "shrink": 0.1}):
        near = distance(few, few, **settings)
        assert np.isfinite(near).all()
        assert distance(few + 3, few, **settings).min() > near.max()


def test_energy_by_hand_and_without_overflow():
    np.testing.assert_allclose(energy([[0.0, 0.0], [1.0, -1.0]]), [-np.log(2), -np.log(np.e + 1 / np.e)])
    np.testing.assert_allclose(energy([[800.0, 0.0]]), [-800])


def test_the_area_counts_pairs_and_ties_half():
    familiar, strange = np.array([0.0, 1, 2]), np.array([1.0, 3])
    area = detection(familiar, strange)
    assert area.mean == pytest.approx((1 + 0.5 + 0 + 3) / 6)
    assert area.low <= area.mean <= area.high
    assert detection(strange, familiar).mean == pytest.approx(1 - area.mean)
    assert [detection([0, 1], [2, 3]).mean, detection([1.0], [1.0, 2.0]).mean] == [1, 0.75]


def test_the_interval_covers_and_counts_prompts_and_not_texts():
    truth, inside = stats.norm.cdf(1 / np.sqrt(2)), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        area = detection(rng.normal(size=80), 1 + rng.normal(size=80))
        inside += area.low <= truth <= area.high
    assert 51 <= inside <= 60
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=40), 0.7 + rng.normal(size=40)
    twice = detection(np.repeat(a, 2), np.repeat(b, 2), (np.repeat(np.arange(40), 2),) * 2)
    once = detection(a, b)
    assert twice.mean == pytest.approx(once.mean)
    assert twice.high - twice.low == pytest.approx(once.high - once.low, rel=0.1)


def test_the_curve_has_the_area():
    rng = np.random.default_rng(2)
    familiar, strange = rng.integers(0, 6, 50), 1 + rng.integers(0, 6, 40)
    alarms, found = shift.roc(familiar, strange)
    assert (np.diff(alarms) >= 0).all()
    assert (alarms[-1], found[-1]) == (1, 1)
    assert np.trapezoid(found, alarms) == pytest.approx(detection(familiar, strange).mean, abs=0.02)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: detection([], [1.0]), "finite values"),
        (lambda: detection([np.nan], [1.0]), "finite values"),
        (lambda: detection([1.0], [1.0], ([1, 2], [1])), "one prompt"),
        (lambda: distance(np.ones((2, 3)), np.ones((5, 2))), "must be"),
        (lambda: distance(np.ones((2, 3)), np.ones((1, 3))), "M >= 2"),
        (lambda: distance(np.ones((2, 3)), np.ones((5, 3)), shrink=2), "between 0 and 1"),
    ],
)
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(InputError, match=words):
        call()
