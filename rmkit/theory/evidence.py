"""What was drawn: battles, rankings or voters, each a few outcomes. From it the errors that assume less.

The model's own errors hold if every comparison is an independent draw from the model. The sandwich (Huber
1967, White 1982) and the bootstrap (Efron 1979) look at how the draws in fact vary: they hold too where the
model is wrong, and with voters as the draws, where one person's votes go together.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from rmkit.errors import InputError
from rmkit.theory.choices import RepeatedChoices
from rmkit.theory.connected import check_bounded
from rmkit.theory.duels import Duels
from rmkit.theory.newton import maximize


@dataclass(frozen=True)
class Evidence:
    """draws (D, R): the outcomes that each draw gave, sparse. repeats (D,): how many draws were like it."""

    names: list
    likelihood: Duels | RepeatedChoices
    draws: sparse.csr_array
    repeats: np.ndarray
    unit: str  # what a draw is: "battles", "rankings", "voters" ...

    def counts(self, repeats: np.ndarray | None = None) -> np.ndarray:
        """(R,): how often each outcome came."""
        return self.draws.T @ (self.repeats if repeats is None else repeats)

    def check(self, counts: np.ndarray) -> None:
        """InputError where no finite maximum exists."""
        check_bounded(*self.likelihood.edges(counts), self.names)
        self.likelihood.check_ties_bounded(counts)

    def sandwich(self, theta: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        """(m, m) covariance V (sum of u u^T over draws) V D / (D - 1), u the gradient of a draw at theta."""
        total = self.repeats.sum()
        if total <= 1:
            raise InputError(f"Robust errors need at least 2 {self.unit}; there is {total:g}.")
        each = self.draws @ self.likelihood.residuals(theta)
        scaled = sparse.diags_array(np.sqrt(self.repeats)) @ each
        spread = (scaled.T @ scaled).toarray() * total / (total - 1)
        return covariance @ spread @ covariance

    def bootstrap(self, theta: np.ndarray, times: int, seed: int) -> np.ndarray:
        """(times, n) mean-zero scores, fitted to as many draws taken with replacement."""
        total = round(self.repeats.sum())
        if total < 2:
            raise InputError(f"The bootstrap needs at least 2 {self.unit} to draw from; there is {total}.")
        if not np.array_equal(self.repeats, self.repeats.round()):
            raise InputError(
                f"The bootstrap draws whole {self.unit}, and the counts are not whole numbers: "
                "give fractions as a column of weights, or take errors='robust'."
            )
        rng, found = np.random.default_rng(seed), []
        for number in range(times):
            counts = self.counts(rng.multinomial(total, self.repeats / self.repeats.sum()).astype(float))
            if not self.likelihood.prior:
                try:
                    self.check(counts)
                except InputError as error:
                    raise InputError(
                        f"Resample {number + 1} of {times} has no finite scores. {error}"
                    ) from None
            found.append(maximize(self.likelihood, counts, theta)[0][: self.likelihood.n])
        return np.array(found)
