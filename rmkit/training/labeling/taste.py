"""What a head on frozen features believes of one person, from the votes so far.

The head is a linear reward with a normal prior: a pair whose features differ by x has the gap x . w, and
P(the first is preferred) = sigma(x . w) (Bradley and Terry). After each vote the likeliest w is found anew,
and how well it is known: its covariance S, by Laplace's approximation.
"""

from collections.abc import Sequence

import numpy as np
from scipy import special

from rmkit.theory import linear

PRIOR = 0.3  # precision of w where |x|^2 is 1 on average; chosen on other pairs and voters than the lessons'


def differences(features: Sequence) -> np.ndarray:
    """(N, D): features of the first response less those of the second, from one (2, D) tensor a pair."""
    return np.stack([np.asarray(first - second, dtype=np.float64) for first, second in features])


class Taste:
    """A person's reward over N pairs with features x (N, D), first answer minus second.

    No pair is standardized and nothing is trained on all of them: only their mean length is set to 1. It
    knows nothing (every expectation is one half) until `learn` was called.
    """

    def __init__(self, x: np.ndarray, prior: float = PRIOR):
        x = np.asarray(x, dtype=np.float64)
        left, strengths, self._axes = np.linalg.svd(
            x, full_matrices=False
        )  # a rotation: same gaps, less work
        length = np.sqrt((x**2).sum(1).mean()) or 1.0
        self._scale, self.prior = 1 / length, prior
        self.x = left * strengths / length
        self._forget()

    def _forget(self) -> None:
        width = self.x.shape[1]
        self.mean, self.covariance = np.zeros(width), np.eye(width) / self.prior

    @property
    def weights(self) -> np.ndarray:
        """(D,) the reward's weights on the features that x was made of."""
        return self._scale * self.mean @ self._axes

    def learn(self, pairs: Sequence[int], shares: Sequence[float]) -> None:
        """Know exactly these votes. pairs: places in x; shares: 1 = the first was preferred, 0 = the second,
        1/2 = a tie, which is half a vote for each.
        """
        if not len(pairs):
            self._forget()
            return
        x, first = self.x[np.asarray(pairs)], np.asarray(shares, dtype=np.float64)
        both, counts = np.concatenate([x, -x]), np.concatenate([first, 1 - first])
        self.mean = linear.fit(both, counts=counts, prior=self.prior)  # from 0: no trace of earlier fits
        p = special.expit(x @ self.mean)
        bend = (x * (p * (1 - p))[:, None]).T @ x + self.prior * np.eye(x.shape[1])
        self.covariance = np.linalg.inv(bend)

    def expects(self) -> np.ndarray:
        """(N,) P(the first is preferred), for every pair."""
        return special.expit(self.x @ self.mean)

    def worth_asking(self) -> np.ndarray:
        """(N,) how much a vote on each pair would teach: p (1 - p) v, where v = x' S x is the variance of its
        gap and p (1 - p) the information of a vote (MacKay 1992, "Information-based objective functions").

        An expectation near one half is not enough: where two answers are alike v is small, so a vote is a
        coin, and stays one.
        """
        p, variance = self.expects(), ((self.x @ self.covariance) * self.x).sum(1)
        return p * (1 - p) * variance
