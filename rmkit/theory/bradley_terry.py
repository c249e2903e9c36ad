"""Strengths of items from comparisons alone: Bradley-Terry, Davidson's ties and Plackett-Luce as one model.

Repeated choice: from a set S, the winners T (one item, or several that tie) are chosen with probability

    P(T of S) = w(T) / (sum of w(T') over every T' of S),   w(T) = delta_t * prod_{i in T} p_i**(1/t)

with t = |T|, p_i = exp(s_i), delta_1 = 1, and one delta_t for each size of tie in the data (Davidson-Luce:
Firth, Kosmidis and Turner 2019). Two items without ties: p_i / (p_i + p_j), Bradley and Terry (1952). Two
items with ties: Davidson (1970), nu = delta_2. A ranking chooses the best of all, then the best of the rest,
and so on: Luce (1959), Plackett (1975).
"""

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np
import pandas as pd
from scipy import linalg, optimize, sparse, stats

from rmkit.errors import InputError
from rmkit.theory.comparisons import Choices, check_connected, listing, read

LARGEST = 20_000  # possible outcomes of one choice set that we are willing to list


@dataclass(frozen=True)
class Strengths:
    """A fitted model. scores (n,) have mean 0; probabilities depend on their differences only.

    covariance (n, n): of the mean-zero scores, from the pseudo-inverse of the Fisher information (with a
    prior: of the penalized information). tie_parameters {t: delta_t}, tie_errors {t: s.e. of log delta_t}.
    """

    items: list[Hashable]
    scores: np.ndarray
    covariance: np.ndarray
    tie_parameters: dict[int, float]
    tie_errors: dict[int, float]
    log_likelihood: float
    comparisons: float
    prior: float

    @cached_property
    def _index(self) -> dict[Hashable, int]:
        return {item: i for i, item in enumerate(self.items)}

    def _of(self, item: Hashable) -> int:
        if item not in self._index:
            raise InputError(f"There is no item {item!r}; the items are {listing(self.items)}.")
        return self._index[item]

    @property
    def standard_errors(self) -> np.ndarray:
        """Standard errors (n,) of the mean-zero scores; for a difference of two, ask `difference`."""
        return np.sqrt(np.diag(self.covariance).clip(0))

    @property
    def nu(self) -> float:
        """Davidson's tie parameter: P(tie) / sqrt(P(i) P(j)); 0 where the data had no tie of two."""
        return self.tie_parameters.get(2, 0.0)

    def probability(self, i: Hashable, j: Hashable) -> float:
        """P(i beats j); with ties, P(i beats j) + P(j beats i) + tie_probability(i, j) = 1."""
        gap = self.scores[self._of(i)] - self.scores[self._of(j)]
        return float(1 / (1 + np.exp(-gap) + self.nu * np.exp(-gap / 2)))

    def tie_probability(self, i: Hashable, j: Hashable) -> float:
        """P(i and j tie), Davidson (1970)."""
        half = (self.scores[self._of(i)] - self.scores[self._of(j)]) / 2
        return float(self.nu / (np.exp(half) + np.exp(-half) + self.nu))

    def probabilities(self) -> np.ndarray:
        """(n, n): the probability that row beats column, in the order of `items`; NaN on the diagonal."""
        gap = self.scores[:, None] - self.scores
        matrix = 1 / (1 + np.exp(-gap) + self.nu * np.exp(-gap / 2))
        np.fill_diagonal(matrix, np.nan)
        return matrix

    def difference(self, i: Hashable, j: Hashable) -> tuple[float, float]:
        """(score of i - score of j, its standard error)."""
        a, b = self._of(i), self._of(j)
        variance = self.covariance[a, a] + self.covariance[b, b] - 2 * self.covariance[a, b]
        return float(self.scores[a] - self.scores[b]), float(np.sqrt(max(variance, 0)))

    def table(self, reference: Hashable | None = None, confidence: float = 0.95) -> pd.DataFrame:
        """score, standard_error, low and high of each item, best first; reference: the item to put at 0."""
        scores, errors = self.scores, self.standard_errors
        if reference is not None:
            pairs = [self.difference(item, reference) for item in self.items]
            scores, errors = (np.array(column) for column in zip(*pairs, strict=True))
        half = stats.norm.ppf(0.5 + confidence / 2) * errors
        columns = {"score": scores, "standard_error": errors, "low": scores - half, "high": scores + half}
        frame = pd.DataFrame(columns, index=pd.Index(self.items, name="item", tupleize_cols=False))
        return frame.sort_values("score", ascending=False, kind="stable")

    def _headline(self) -> str:
        ties = "".join(f", ties of {t}: {delta:.3f}" for t, delta in self.tie_parameters.items())
        prior = f", prior {self.prior:g}" if self.prior else ""
        return (
            f"{len(self.items)} items, {self.comparisons:g} comparisons, "
            f"log-likelihood {self.log_likelihood:.3f}{ties}{prior}"
        )

    def __str__(self) -> str:
        return self._headline() + "\n" + self.table().to_string(max_rows=40, float_format="{:.4f}".format)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table = self.table().to_html(max_rows=40, float_format="{:.4f}".format)  # pandas escapes the items
        return f"<p>{self._headline()}</p>{table}"


def fit(
    comparisons: object,
    prior: float = 0.0,
    *,
    items: Sequence[Hashable] | None = None,
    ties: np.ndarray | None = None,
) -> Strengths:
    """Maximum likelihood (or with a prior, maximum a posteriori) by Newton's method in float64.

    comparisons: an array or DataFrame (n, n), how often row beat column (weights allowed, diagonal ignored);
        or a list of (winner, loser) pairs and longer rankings, best first. A tuple inside a ranking is a tie,
        so a draw of A and B is the ranking [("A", "B")], and A before B = C is ["A", ("B", "C")].
    prior: precision of a Gaussian prior, mean 0, on every score and every log delta; it keeps them finite.
    items: their names; for rankings, their order (default: 0..n-1, the DataFrame's index, or as first seen).
    ties: (n, n) symmetric, how often row and column tied; with a matrix of wins only. Counting a tie as half
        a win each way is another model: `fit(wins + ties / 2)`.

    Raises InputError where no finite maximum exists (Ford 1957; Hunter 2004): some group never lost to the
    rest, or was never compared with it.
    """
    if not (np.isscalar(prior) and np.isfinite(prior) and prior >= 0):
        raise InputError(f"prior is {prior!r}; it must be a finite number, 0 or more.")
    names, choices = read(comparisons, ties, items)
    if len(names) < 2:
        raise InputError(f"There is nothing to compare: {len(names)} item(s).")
    if not choices and not prior:
        raise InputError("There is no comparison at all; add data, or use a prior.")
    sizes = sorted({len(chosen) for outcomes in choices.values() for chosen in outcomes} - {1})
    problem = _Problem(choices, len(names), sizes, float(prior))
    if not prior:
        check_connected(choices, names)
        problem.check_ties_bounded()
    return problem.solve(names)


def _outcomes(items: tuple[int, ...], sizes: list[int]) -> list[tuple[int, ...]]:
    """Every T that could win from S = items: each single item, and ties of the sizes that the data show."""
    if sum(comb(len(items), t) for t in sizes) > LARGEST:
        raise InputError(
            f"A tie of {max(sizes)} in a choice among {len(items)} leaves too many outcomes to list; "
            "break ties at random, or rank fewer items at once."
        )
    return [chosen for t in [1, *sizes] for chosen in itertools.combinations(items, t)]


class _Problem:
    """The log-likelihood of theta = (scores, log delta): a multinomial logit, so concave."""

    def __init__(self, choices: Choices, n: int, sizes: list[int], prior: float):
        self.n, self.sizes, self.prior = n, sizes, prior
        rows, columns, values, counts, starts = [], [], [], [], []
        for items, outcomes in choices.items():
            starts.append(len(counts))
            for chosen in _outcomes(items, sizes):  # log weight of T: mean of its scores + log delta_t
                rows += [len(counts)] * (len(chosen) + (len(chosen) > 1))
                columns += chosen
                values += [1 / len(chosen)] * len(chosen)
                if len(chosen) > 1:
                    columns.append(n + sizes.index(len(chosen)))
                    values.append(1.0)
                counts.append(outcomes.get(chosen, 0.0))
        self.design = sparse.csr_array((values, (rows, columns)), shape=(len(counts), n + len(sizes)))
        self.counts, self.starts = np.array(counts), np.array(starts, dtype=int)
        lengths = np.diff([*starts, len(counts)])
        self.group = np.repeat(np.arange(len(starts)), lengths)
        self.totals = np.add.reduceat(self.counts, self.starts) if starts else np.zeros(0)
        shape = (len(starts), len(counts))
        self.sum_groups = sparse.csr_array(
            (np.ones(len(counts)), (self.group, np.arange(len(counts)))), shape
        )
        if np.prod(self.design.shape) <= 20_000:  # here scipy.sparse would cost more than it saves
            self.design, self.sum_groups = self.design.toarray(), self.sum_groups.toarray()

    def log_probabilities(self, theta: np.ndarray) -> np.ndarray:
        if not len(self.counts):
            return np.zeros(0)
        logits = self.design @ theta
        top = np.maximum.reduceat(logits, self.starts)[self.group]
        return logits - top - np.log(np.add.reduceat(np.exp(logits - top), self.starts))[self.group]

    def value(self, theta: np.ndarray) -> float:
        return float(self.counts @ self.log_probabilities(theta) - self.prior / 2 * theta @ theta)

    def slope_and_information(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (m,): observed minus expected; minus the Hessian (m, m), the covariance of a choice."""
        p = np.exp(self.log_probabilities(theta))
        expected = self.totals[self.group] * p
        slope = self.design.T @ (self.counts - expected) - self.prior * theta
        means = self.sum_groups @ (p[:, None] * self.design)
        second = self.design.T @ (expected[:, None] * self.design)
        information = second - means.T @ (self.totals[:, None] * means)
        information = information.toarray() if sparse.issparse(information) else information
        return slope, information + self.prior * np.eye(len(theta))

    def check_ties_bounded(self) -> None:
        """InputError if some direction never makes the data less likely (a linear program finds it)."""
        if not self.sizes:
            return  # connected comparisons without ties are bounded
        seen = np.flatnonzero(self.counts)
        chosen, other = [], []
        for row in seen:
            rivals = np.flatnonzero(self.group == self.group[row])
            chosen += [row] * len(rivals)
            other += rivals.tolist()
        lead = self.design[chosen] - self.design[other]
        best = optimize.linprog(-lead.sum(axis=0), A_ub=-lead, b_ub=np.zeros(len(chosen)), bounds=(-1, 1))
        if -best.fun > 1e-6:
            raise InputError(
                "The ties do not bound the scores: the wins never contradict one another, so wins and ties "
                "can be told apart without limit; use a prior, such as fit(comparisons, prior=0.1)."
            )

    def solve(self, names: list[Hashable]) -> Strengths:
        m = self.n + len(self.sizes)
        level = np.zeros(m)  # all scores up together moves no probability: there the information is 0
        level[: self.n] = 1 / np.sqrt(self.n)
        theta, value = np.zeros(m), self.value(np.zeros(m))
        for _ in range(200):
            slope, information = self.slope_and_information(theta)
            step = linalg.solve(information + np.outer(level, level), slope, assume_a="pos")
            gain = slope @ step
            if gain <= 1e-20 * (1 + abs(value)):
                break
            length = 1.0
            enough = value - 1e-12 * (1 + abs(value))  # at the top, rounding must not look like going down
            while (new := self.value(theta + length * step)) < enough and length > 1e-12:
                length /= 2
            theta, value = theta + length * step, new
            theta[: self.n] -= theta[: self.n].mean()
        else:
            raise InputError("The fit did not settle in 200 steps; use a larger prior.")
        inverse = linalg.inv(information + np.outer(level, level))
        center = np.eye(m) - np.outer(level, level)
        covariance = center @ inverse @ center  # without a prior: the pseudo-inverse of the information
        errors = np.sqrt(np.diag(covariance)[self.n :])
        return Strengths(
            items=names,
            scores=theta[: self.n],
            covariance=covariance[: self.n, : self.n],
            tie_parameters={t: float(np.exp(d)) for t, d in zip(self.sizes, theta[self.n :], strict=True)},
            tie_errors={t: float(e) for t, e in zip(self.sizes, errors, strict=True)},
            log_likelihood=float(self.counts @ self.log_probabilities(theta)),
            comparisons=float(self.counts.sum()),
            prior=self.prior,
        )
