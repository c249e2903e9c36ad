"""Newton's method for the concave log-likelihoods of comparisons: a few steps to rounding."""

from typing import Protocol

import numpy as np
from scipy import linalg

from rmkit.errors import InputError


class Likelihood(Protocol):
    """log P(data | theta) with theta = (n scores, then other parameters), m in all; counts (R,) of outcomes.

    A prior is part of it: precision `prior` on every parameter, mean 0. Of the information (m, m) only the
    upper triangle is read.
    """

    n: int
    m: int

    def start(self, counts: np.ndarray) -> np.ndarray: ...
    def value(self, theta: np.ndarray, counts: np.ndarray) -> float: ...
    def slope_and_information(
        self, theta: np.ndarray, counts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]: ...


def maximize(
    likelihood: Likelihood, counts: np.ndarray, start: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(theta (m,) at the maximum with scores of mean 0, its covariance (m, m)).

    All scores up together moves no probability, so the information is singular there: one is added in that
    direction, and taken out of the inverse. Without a prior the covariance is then the pseudo-inverse.
    """
    n = likelihood.n
    theta = likelihood.start(counts) if start is None else start
    value = likelihood.value(theta, counts)
    for _ in range(200):
        slope, information = likelihood.slope_and_information(theta, counts)
        information[:n, :n] += 1 / n
        factor = _factor(information, theta)
        step = linalg.cho_solve(factor, slope)
        gain = slope @ step
        if gain <= 1e-20 * (1 + abs(value)):
            return theta, _centered(_inverse(factor[0]), n)
        length, enough = (
            1.0,
            value - 1e-12 * (1 + abs(value)),
        )  # at the top, rounding may look like going down
        while True:
            new = theta + length * step
            new[:n] -= new[:n].mean()
            new_value = likelihood.value(new, counts)
            if new_value >= enough or length < 1e-12:
                break
            length /= 2
        theta, value = new, new_value
    raise InputError("The fit did not settle in 200 steps; use a larger prior.")


def _factor(information: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, bool]:
    try:
        # transposed, since LAPACK counts by columns: then nothing is copied
        return linalg.cho_factor(information.T, lower=True, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        if np.abs(theta).max() > 15:  # odds of three million to one, and growing
            raise InputError(
                "Some style column decides the battles without exception, so its coefficient is infinite: "
                "use a prior, such as prior=0.1, or leave it out."
            ) from None
        raise InputError(
            "The comparisons do not fix every parameter (two style columns may say the same, or one may tell "
            "the items apart): leave one out, or use a prior, such as prior=0.1."
        ) from None


def _inverse(factor: np.ndarray) -> np.ndarray:
    """(m, m) from a lower Cholesky factor; LAPACK fills one triangle."""
    inverse, failed = linalg.lapack.dpotri(factor, lower=True)
    if failed:
        raise InputError("The comparisons do not fix every parameter; use a prior, such as prior=0.1.")
    lower = np.tril(inverse)
    return lower + np.tril(lower, -1).T


def _centered(inverse: np.ndarray, n: int) -> np.ndarray:
    """The covariance once the mean of the n scores is taken from each."""
    inverse[:n] -= inverse[:n].mean(0)
    inverse[:, :n] -= inverse[:, :n].mean(1, keepdims=True)
    return inverse
