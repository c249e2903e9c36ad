"""The likelihood of repeated choice: Plackett-Luce with ties of any size, by listing what could have won.

See `rmkit.theory.bradley_terry` for the model (Davidson-Luce: Firth, Kosmidis and Turner 2019).
"""

import itertools
from collections.abc import Sequence
from math import comb

import numpy as np
from scipy import optimize, sparse

from rmkit.errors import InputError

Choice = tuple[tuple[int, ...], tuple[int, ...]]  # (S, T): of the items S, those of T won; both ascending
LARGEST = 20_000  # possible outcomes of one choice set that we are willing to list


def _outcomes(items: tuple[int, ...], sizes: list[int]) -> list[tuple[int, ...]]:
    """Every T that could win from S = items: each single item, and ties of the sizes that the data show."""
    if sum(comb(len(items), t) for t in sizes) > LARGEST:
        raise InputError(
            f"A tie of {max(sizes)} in a choice among {len(items)} leaves too many outcomes to list; "
            "break ties at random, or rank fewer items at once."
        )
    return [chosen for t in [1, *sizes] for chosen in itertools.combinations(items, t)]


class RepeatedChoices:
    """The log-likelihood of theta = (scores, log delta): a multinomial logit, so concave.

    choices: every (S, T) that the data hold, in any number. Its outcomes, one row each, are what could have
    won from each S.
    """

    def __init__(self, choices: Sequence[Choice], n: int, prior: float):
        self.n, self.prior = n, prior
        self.sizes = sizes = sorted({len(chosen) for _, chosen in choices} - {1})
        self.m = n + len(sizes)
        self.row: dict[Choice, int] = {}
        rows, columns, values, starts = [], [], [], []
        for items in dict.fromkeys(items for items, _ in choices):
            starts.append(len(self.row))
            for chosen in _outcomes(items, sizes):  # log weight of T: mean of its scores + log delta_t
                rows += [len(self.row)] * (len(chosen) + (len(chosen) > 1))
                columns += chosen
                values += [1 / len(chosen)] * len(chosen)
                if len(chosen) > 1:
                    columns.append(n + sizes.index(len(chosen)))
                    values.append(1.0)
                self.row[items, chosen] = len(self.row)
        total = len(self.row)
        self.size = np.array([len(chosen) for _, chosen in self.row], dtype=int)
        self.starts = np.array(starts, dtype=int)
        self.design = sparse.csr_array((values, (rows, columns)), shape=(total, self.m))
        self.group = np.repeat(np.arange(len(starts)), np.diff([*starts, total]))
        ones = np.ones(total), (self.group, np.arange(total))
        self.sum_groups = sparse.csr_array(ones, shape=(len(starts), total))
        if np.prod(self.design.shape) <= 20_000:  # here scipy.sparse would cost more than it saves
            self.design, self.sum_groups = self.design.toarray(), self.sum_groups.toarray()

    def count(self, choices: Sequence[Choice]) -> np.ndarray:
        """(R,): how often each outcome came."""
        return np.bincount([self.row[choice] for choice in choices], minlength=len(self.row)).astype(float)

    def _log_probabilities(self, theta: np.ndarray) -> np.ndarray:
        if not len(self.row):
            return np.zeros(0)
        logits = self.design @ theta
        top = np.maximum.reduceat(logits, self.starts)[self.group]
        return logits - top - np.log(np.add.reduceat(np.exp(logits - top), self.starts))[self.group]

    def start(self, counts: np.ndarray) -> np.ndarray:
        """(m,) zeros: all items alike."""
        return np.zeros(self.m)

    def log_likelihood(self, theta: np.ndarray, counts: np.ndarray) -> float:
        """counts (R,): how often each outcome came."""
        return float(counts @ self._log_probabilities(theta))

    def value(self, theta: np.ndarray, counts: np.ndarray) -> float:
        """The log-likelihood and the log-prior."""
        return self.log_likelihood(theta, counts) - self.prior / 2 * float(theta @ theta)

    def slope_and_information(self, theta: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (m,): observed minus expected; minus the Hessian (m, m), the covariance of a choice."""
        p = np.exp(self._log_probabilities(theta))
        totals = self.sum_groups @ counts
        expected = totals[self.group] * p
        slope = self.design.T @ (counts - expected) - self.prior * theta
        means = self.sum_groups @ (p[:, None] * self.design)
        second = self.design.T @ (expected[:, None] * self.design)
        information = second - means.T @ (totals[:, None] * means)
        information = information.toarray() if sparse.issparse(information) else information
        return slope, information + self.prior * np.eye(self.m)

    def residuals(self, theta: np.ndarray) -> sparse.csr_array:
        """(R, m): the gradient of log P of each outcome."""
        p = np.exp(self._log_probabilities(theta))
        means = self.sum_groups @ (p[:, None] * self.design)
        return sparse.csr_array(self.design - means[self.group])

    def edges(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(who, whom): who was chosen where whom could have been, at least once."""
        edges = {
            (i, j)
            for (items, chosen), row in self.row.items()
            if counts[row]
            for i in chosen
            for j in items
            if i != j
        }
        pairs = np.array(sorted(edges), dtype=int).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def taking_part(self, counts: np.ndarray) -> np.ndarray:
        """(n,): from how many sets each item could have been chosen."""
        found = np.zeros(self.n)
        for (items, _), row in self.row.items():
            found[list(items)] += counts[row]
        return found

    def check_ties_bounded(self, counts: np.ndarray) -> None:
        """InputError if some direction never makes the data less likely (a linear program finds it).

        Ties of a size that never came (in a resample) have probability 0 at the maximum: they are no rivals.
        """
        seen = np.unique(self.size[counts > 0])
        if not (seen > 1).any():
            return  # connected comparisons without ties are bounded
        possible = np.isin(self.size, [1, *seen])
        chosen, other = [], []
        for row in np.flatnonzero(counts):
            rivals = np.flatnonzero((self.group == self.group[row]) & possible)
            chosen += [row] * len(rivals)
            other += rivals.tolist()
        lead = self.design[chosen] - self.design[other]
        best = optimize.linprog(-lead.sum(axis=0), A_ub=-lead, b_ub=np.zeros(len(chosen)), bounds=(-1, 1))
        if -best.fun > 1e-6:
            raise InputError(
                "The ties do not bound the scores: the wins never contradict one another, so wins and ties "
                "can be told apart without limit; use a prior, such as fit(comparisons, prior=0.1)."
            )
