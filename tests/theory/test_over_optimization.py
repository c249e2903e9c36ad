"""Gao's curves against data made from them, and bounded rewards against hand-worked cases."""

import numpy as np
import pytest
from scipy import optimize

from rmkit.errors import InputError
from rmkit.theory.bounded import bounded
from rmkit.theory.over_optimization import fit_curve

D = np.linspace(0, 2.3, 12)


@pytest.mark.parametrize("form", ["best-of-n", "rl"])
def test_a_curve_is_recovered_from_its_own_points(form):
    bend = D if form == "best-of-n" else np.log(np.where(D > 0, D, 1))
    found = fit_curve(D, D * (0.4 - 0.15 * bend), form)
    assert (found.alpha, found.beta) == pytest.approx((0.4, 0.15))
    assert found.error < 1e-12
    highest = optimize.minimize_scalar(lambda d: -found(d), bounds=(0.01, 30), method="bounded").x
    assert found.peak == pytest.approx(highest, rel=1e-3)


@pytest.mark.parametrize("form", ["best-of-n", "rl"])
def test_residuals_are_what_is_left_and_no_other_curve_leaves_less(form):
    rng = np.random.default_rng(0)
    gain = D * (0.5 - 0.2 * D) + 0.05 * rng.normal(size=D.size)
    found = fit_curve(D, gain, form)
    np.testing.assert_allclose(found.residuals, gain - found(D))
    for a, b in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)):
        other = type(found)(form, found.alpha + a, found.beta + b, found.residuals)
        assert ((gain - other(D)) ** 2).sum() > (found.residuals**2).sum()


def test_a_curve_that_never_turns_down_has_no_peak_and_one_that_only_falls_has_it_at_the_start():
    assert fit_curve(D, D * (0.2 + 0.1 * D)).peak == np.inf
    assert fit_curve(D, -D * (0.2 + 0.1 * D)).peak == 0


@pytest.mark.parametrize(
    ("d", "gain", "says"),
    [
        ([0, 1], [0, 1], "two different distances"),
        ([1, 1], [0, 1], "two different distances"),
        ([1, -2], [0, 1], "not negative"),
        ([1, 2], [0, np.nan], "finite"),
        ([1, 2, 3], [0, 1], "one length"),
    ],
)
def test_what_cannot_be_fitted_is_said(d, gain, says):
    with pytest.raises(InputError, match=says):
        fit_curve(d, gain)


def test_an_unknown_form_is_named():
    with pytest.raises(InputError, match="'ppo'"):
        fit_curve([1, 2], [1, 2], "ppo")


def test_a_bounded_reward_by_hand():
    each = bounded([[0.0, np.log(3)]], [[0.0, np.log(3)]])
    np.testing.assert_allclose(each, [[(0.5 + 0.25) / 2, (0.75 + 0.5) / 2]])
    assert bounded([[900.0, -900.0]], [[0.0]]).tolist() == [[1.0, 0.0]]


def test_a_bounded_reward_keeps_the_order_within_a_prompt():
    rng = np.random.default_rng(1)
    r, references = 3 * rng.normal(size=(5, 20)), rng.normal(size=(5, 7))
    np.testing.assert_array_equal(bounded(r, references).argsort(1), r.argsort(1))
    with pytest.raises(InputError, match="same prompts"):
        bounded(r, references[:4])
