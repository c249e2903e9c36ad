"""Kappa: by hand, what chance gives, and what is refused."""

import math

import numpy as np
import pytest

from rmkit.errors import InputError
from rmkit.theory.agreement import cohen, fleiss


def test_fleiss_by_hand():
    # Three raters: P_i = 1, 1/3, 1, 1/3, so p_o = 2/3; both categories are used half of the time.
    assert fleiss([[3, 0], [2, 1], [0, 3], [1, 2]]) == pytest.approx((1 / 3, 2 / 3, 1 / 2))


def test_fleiss_of_two_raters_with_the_same_habits_is_nearly_cohens():
    rng = np.random.default_rng(1)
    a = rng.integers(0, 3, 5000)
    b = np.where(rng.random(5000) < 0.6, a, rng.integers(0, 3, 5000))
    counts = (np.stack([a, b])[..., None] == np.arange(3)).sum(0)
    assert fleiss(counts).kappa == pytest.approx(cohen(a, b).kappa, abs=1e-3)


def test_cohen_by_hand():
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: p_o = 0.7, p_e = 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
    a = np.repeat(["yes", "yes", "no", "no"], [20, 5, 10, 15])
    b = np.repeat(["yes", "no", "yes", "no"], [20, 5, 10, 15])
    assert cohen(a, b) == pytest.approx((0.4, 0.7, 0.5))
    assert cohen(a, b).at(0.75) == pytest.approx(0.5)


def test_copies_and_coins():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 3, (2, 20_000))
    assert cohen(a, a).kappa == pytest.approx(1)
    assert abs(cohen(a, b).kappa) < 0.03  # three standard errors: 3 sqrt(1 / (2 * 20000))
    counts = (np.stack([a, b])[..., None] == np.arange(3)).sum(0)
    assert abs(fleiss(counts).kappa) < 0.03


def test_unequal_numbers_of_raters_take_every_rating():
    # p_o: (1 + 1/3) / 2; shares 4/5 and 1/5.
    assert fleiss([[2, 0], [2, 1]]) == pytest.approx(((2 / 3 - 0.68) / 0.32, 2 / 3, 0.68))


def test_one_category_has_no_kappa():
    assert math.isnan(cohen([1, 1], [1, 1]).kappa)
    assert math.isnan(fleiss([[2], [3]]).kappa)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cohen([1, 2], [1]),
        lambda: cohen([], []),
        lambda: fleiss([[1, 0]]),
        lambda: fleiss([[2, -1]]),
        lambda: fleiss([[2, float("nan")]]),
        lambda: fleiss([1, 2]),
    ],
)
def test_what_cannot_be_is_refused(call):
    with pytest.raises(InputError):
        call()
