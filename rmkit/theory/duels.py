"""The likelihood of comparisons of two: Bradley-Terry, Davidson's ties and covariates, in whole arrays.

Row r compares items i and j. With eta = s_i - s_j + x . c (x: covariates, their values for i minus those
for j) and nu = exp(d), Davidson (1970) has

    P(i wins) : P(j wins) : P(tie) = exp(eta/2) : exp(-eta/2) : nu,

and without ties nu = 0, which is Bradley and Terry (1952). theta = (s, d where there are ties, c).
"""

import numpy as np
from scipy import sparse

from rmkit.theory.choices import RepeatedChoices

WON, LOST, TIED = 0, 1, 2  # outcomes of row r have the numbers 3 r + 0, 1, 2


class Duels:
    """See the module. first, second (R,): the items of each row; style (R, F) or None."""

    def __init__(
        self,
        first: np.ndarray,
        second: np.ndarray,
        n: int,
        *,
        ties: bool,
        prior: float,
        style: np.ndarray | None = None,
    ):
        self.first, self.second, self.n, self.prior = first, second, n, prior
        self.sizes = [2] if ties else []
        self.style = np.zeros((len(first), 0)) if style is None else style
        self.m = n + len(self.sizes) + self.style.shape[1]
        self._cell = np.minimum(first, second) * n + np.maximum(first, second)
        self._last: tuple[np.ndarray, tuple[np.ndarray, ...]] | None = None

    def _parts(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(R,) eta / 2; the weights of the weaker item and of a tie over the stronger one's; their sum + 1.

        The value and the slope are asked for at the same theta, so the last answer is kept.
        """
        if self._last is None or self._last[0] is not theta:
            half = (theta[self.first] - theta[self.second]) / 2
            if self.style.shape[1]:
                half += self.style @ theta[self.m - self.style.shape[1] :] / 2
            above = np.abs(half)
            weaker = np.exp(-2 * above)
            tie = np.exp(theta[self.n] - above) if self.sizes else np.zeros(1)
            self._last = theta, (half, weaker, tie, 1 + weaker + tie)
        return self._last[1]

    def _probabilities(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(R,) (P(won) - P(lost)) / 2, the mean of Y = 1/2, -1/2, 0 by which eta enters; and P(tie)."""
        half, weaker, tie, total = self._parts(theta)
        return np.copysign((1 - weaker) / (2 * total), half), tie / total

    def start(self, counts: np.ndarray) -> np.ndarray:
        """(m,): log-odds of each item's own wins, a place near the maximum."""
        won, lost, tied = counts.reshape(-1, 3).T
        theta = np.zeros(self.m)
        up = np.bincount(self.first, won + tied / 2, self.n) + np.bincount(
            self.second, lost + tied / 2, self.n
        )
        down = np.bincount(self.first, lost + tied / 2, self.n) + np.bincount(
            self.second, won + tied / 2, self.n
        )
        theta[: self.n] = np.log((up + 1) / (down + 1))
        theta[: self.n] -= theta[: self.n].mean()
        return theta

    def log_likelihood(self, theta: np.ndarray, counts: np.ndarray) -> float:
        """counts (3 R,): how often each outcome came."""
        won, lost, tied = counts.reshape(-1, 3).T
        half, _, _, total = self._parts(theta)
        log_sum = np.abs(half) + np.log(total)
        ties = theta[self.n] * tied.sum() if self.sizes else 0.0
        return float((won - lost) @ half + ties - (won + lost + tied) @ log_sum)

    def value(self, theta: np.ndarray, counts: np.ndarray) -> float:
        """The log-likelihood and the log-prior."""
        return self.log_likelihood(theta, counts) - self.prior / 2 * float(theta @ theta)

    def slope_and_information(self, theta: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (m,), and minus the Hessian (m, m), of which the upper triangle is filled."""
        won, lost, tied = counts.reshape(-1, 3).T
        total = won + lost + tied
        lead, p_tie = self._probabilities(theta)
        by_eta = (won - lost) / 2 - total * lead
        curvature = total * ((1 - p_tie) / 4 - lead * lead)

        n, features = self.n, slice(self.m - self.style.shape[1], self.m)
        slope, information = np.zeros(self.m), np.zeros((self.m, self.m))
        slope[:n] = self._to_items(by_eta)
        information[:n, :n] = np.bincount(self._cell, -curvature, n * n).reshape(n, n)
        if self.sizes:
            mixed = -total * lead * p_tie
            slope[n] = tied.sum() - total @ p_tie
            information[n, n] = total @ (p_tie * (1 - p_tie))
            information[:n, n] = self._to_items(mixed)
            information[n, features] = mixed @ self.style
        slope[features] = by_eta @ self.style
        information[features, features] = self.style.T @ (curvature[:, None] * self.style)
        for number, column in enumerate(self.style.T, start=features.start):
            information[:n, number] = self._to_items(curvature * column)
        diagonal = np.einsum("ii->i", information)  # a view
        diagonal[:n] += np.bincount(self.first, curvature, n) + np.bincount(self.second, curvature, n)
        diagonal += self.prior
        return slope - self.prior * theta, information

    def _to_items(self, rows: np.ndarray) -> np.ndarray:
        return np.bincount(self.first, rows, self.n) - np.bincount(self.second, rows, self.n)

    def residuals(self, theta: np.ndarray) -> sparse.csr_array:
        """(3 R, m): the gradient of log P of each outcome."""
        (lead, p_tie), r = self._probabilities(theta), len(self.first)
        by_eta = (np.array([0.5, -0.5, 0.0]) - lead[:, None]).ravel()
        row = np.arange(3 * r)
        first, second = np.repeat(self.first, 3), np.repeat(self.second, 3)
        parts = [(row, first, by_eta), (row, second, -by_eta)]
        if self.sizes:
            by_tie = (np.array([0.0, 0.0, 1.0]) - p_tie[:, None]).ravel()
            parts.append((row, np.full(3 * r, self.n), by_tie))
        for number, column in enumerate(self.style.T, start=self.m - self.style.shape[1]):
            parts.append((row, np.full(3 * r, number), by_eta * np.repeat(column, 3)))
        rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        return sparse.csr_array((values, (rows, columns)), shape=(3 * r, self.m))

    def edges(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(who, whom): who beat whom, or tied with whom, at least once."""
        seen = counts.reshape(-1, 3) > 0
        up, down = seen[:, 0] | seen[:, 2], seen[:, 1] | seen[:, 2]
        who = np.concatenate([self.first[up], self.second[down]])
        return who, np.concatenate([self.second[up], self.first[down]])

    def taking_part(self, counts: np.ndarray) -> np.ndarray:
        """(n,): in how many comparisons each item was."""
        total = counts.reshape(-1, 3).sum(1)
        return np.bincount(self.first, total, self.n) + np.bincount(self.second, total, self.n)

    def check_ties_bounded(self, counts: np.ndarray) -> None:
        """InputError where wins and ties can be told apart without limit; see `RepeatedChoices`.

        Wins that contradict each other (a circle of them) bound everything; only without one must the linear
        program decide.
        """
        seen = counts.reshape(-1, 3) > 0
        if not self.sizes or _has_circle(self.first, self.second, seen, self.n):
            return
        wins = np.concatenate([self.first[seen[:, 0]], self.second[seen[:, 1]]])
        losers = np.concatenate([self.second[seen[:, 0]], self.first[seen[:, 1]]])
        tied = zip(self.first[seen[:, 2]].tolist(), self.second[seen[:, 2]].tolist(), strict=True)
        outcomes = {
            (tuple(sorted(pair)), (pair[0],)) for pair in zip(wins.tolist(), losers.tolist(), strict=True)
        }
        outcomes |= {(tuple(sorted(pair)), tuple(sorted(pair))) for pair in tied}
        general = RepeatedChoices(sorted(outcomes), self.n, self.prior)
        general.check_ties_bounded(general.count(sorted(outcomes)))


def _has_circle(first: np.ndarray, second: np.ndarray, seen: np.ndarray, n: int) -> bool:
    wins = np.concatenate([first[seen[:, 0]], second[seen[:, 1]]])
    losers = np.concatenate([second[seen[:, 0]], first[seen[:, 1]]])
    graph = sparse.csr_array((np.ones(len(wins)), (wins, losers)), shape=(n, n))
    parts, _ = sparse.csgraph.connected_components(graph, connection="strong")
    return parts < n
