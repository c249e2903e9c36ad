"""How the true reward rises and falls with the distance that optimization has gone: two curves, fitted.

d = sqrt(KL(policy || start)) with the KL in nats; R(d) is the true (gold) reward above that of the start, so
R(0) = 0. Gao, Schulman and Hilton (2022), "Scaling Laws for Reward Model Overoptimization", found

    best-of-n               R(d) = d (alpha - beta d)          highest at d = alpha / (2 beta)
    reinforcement learning  R(d) = d (alpha - beta log d)      highest at d = exp(alpha / beta - 1)

alpha says how steeply it begins, beta how soon the proxy misleads. Both curves are linear in alpha and beta,
so least squares has one answer, without a start and without steps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rmkit.errors import InputError

FORMS = ("best-of-n", "rl")


@dataclass(frozen=True)
class Curve:
    """One of Gao's two curves, fitted.

    form        "best-of-n" or "rl".   alpha, beta: reward for each unit of d (sqrt nat)
    residuals   (N,) measured minus fitted, in units of reward
    """

    form: str
    alpha: float
    beta: float
    residuals: np.ndarray

    def __call__(self, d: ArrayLike) -> np.ndarray:
        """R(d), the shape of d."""
        return _columns(d, self.form) @ np.array([self.alpha, self.beta])

    @property
    def peak(self) -> float:
        """The d at which R is highest; infinity where the curve never turns down, 0 where it only falls."""
        if self.beta <= 0:
            return np.inf
        peak = (
            self.alpha / (2 * self.beta) if self.form == "best-of-n" else np.exp(self.alpha / self.beta - 1)
        )
        return float(max(peak, 0.0))

    @property
    def error(self) -> float:
        """Root mean square of the residuals, in units of reward."""
        return float(np.sqrt((self.residuals**2).mean()))


def fit_curve(d: ArrayLike, gain: ArrayLike, form: str = "best-of-n") -> Curve:
    """Fit one of Gao's curves by least squares.

    d (N,): sqrt(KL in nats), 0 or more.   gain (N,): gold reward less that of the start.
    form: "best-of-n" or "rl".   Raises InputError, also where fewer than two d differ from 0 and one another.
    """
    d, gain = np.asarray(d, dtype=np.float64), np.asarray(gain, dtype=np.float64)
    if d.ndim != 1 or d.shape != gain.shape:
        raise InputError(f"d {d.shape} and gain {gain.shape} must be two lists of one length.")
    if not (np.isfinite(d).all() and np.isfinite(gain).all()) or (d < 0).any():
        raise InputError("d must be finite and not negative, gain finite: take d = sqrt(KL) of each policy.")
    if len(np.unique(d[d > 0])) < 2:
        raise InputError("Two numbers are fitted, so give at least two different distances d above 0.")
    columns = _columns(d, form)
    (alpha, beta), *_ = np.linalg.lstsq(columns, gain)
    return Curve(form, float(alpha), float(beta), gain - columns @ np.array([alpha, beta]))


def _columns(d: ArrayLike, form: str) -> np.ndarray:
    """(..., 2): what alpha and beta are multiplied by. d log d is 0 at d = 0, its limit."""
    d = np.asarray(d, dtype=np.float64)
    if form not in FORMS:
        raise InputError(f"form={form!r}: there is {' and '.join(map(repr, FORMS))}.")
    bend = d if form == "best-of-n" else np.log(np.where(d > 0, d, 1.0))
    return np.stack([d, -d * bend], axis=-1)
