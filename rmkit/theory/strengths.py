"""The answer of a fit: scores of items, how sure they are, and tables of them."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

from rmkit.errors import InputError, shown
from rmkit.theory.connected import listing
from rmkit.theory.evidence import Evidence

ELO = 400 / np.log(10)  # Elo points in one unit of log-odds
ERRORS = ("model", "robust", "bootstrap")


@dataclass(frozen=True)
class Strengths:
    """A fitted model. scores (n,) have mean 0; probabilities depend on their differences only.

    covariance (n, n): of the mean-zero scores, from the pseudo-inverse of the Fisher information (with a
    prior: of the penalized information). tie_parameters {t: delta_t}, tie_errors {t: s.e. of log delta_t}.
    style: coefficient, standard_error, low, high and unit of each covariate, None without.
    resampled (B, n): scores of the bootstrap, None without. battles (n,): comparisons that an item is in.
    parts: the items in groups that comparisons connect; only with a prior there can be more than one.
    """

    items: list[Hashable]
    scores: np.ndarray
    covariance: np.ndarray
    tie_parameters: dict[int, float]
    tie_errors: dict[int, float]
    log_likelihood: float
    comparisons: float
    prior: float
    battles: np.ndarray
    parts: list[list[Hashable]]
    style: pd.DataFrame | None = None
    resampled: np.ndarray | None = None
    evidence: Evidence | None = field(default=None, repr=False)
    theta: np.ndarray | None = field(default=None, repr=False)
    full_covariance: np.ndarray | None = field(default=None, repr=False)

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

    @cached_property
    def robust_covariance(self) -> np.ndarray:
        """(n, n): the sandwich over what was drawn: battles, rankings, or the clusters of `by`."""
        n = len(self.items)
        return self.evidence.sandwich(self.theta, self.full_covariance)[:n, :n]

    def _covariance(self, errors: str) -> np.ndarray:
        if errors not in ERRORS:
            raise InputError(f"errors is {errors!r}; it can be {', '.join(map(repr, ERRORS))}.")
        if errors == "bootstrap":
            if self.resampled is None:
                raise InputError("There is no bootstrap here: fit with bootstrap=200.")
            return np.cov(self.resampled, rowvar=False)
        return self.robust_covariance if errors == "robust" else self.covariance

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

    def difference(self, i: Hashable, j: Hashable, errors: str = "model") -> tuple[float, float]:
        """(score of i - score of j, its standard error). errors: "model", "robust" or "bootstrap"."""
        a, b, covariance = self._of(i), self._of(j), self._covariance(errors)
        variance = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
        return float(self.scores[a] - self.scores[b]), float(np.sqrt(max(variance, 0)))

    def table(
        self,
        reference: Hashable | None = None,
        confidence: float = 0.95,
        *,
        anchor: Mapping[Hashable, float] | float | None = None,
        scale: float | str = 1.0,
        errors: str = "model",
    ) -> pd.DataFrame:
        """score, standard_error, low and high of each item, best first.

        reference: the item to put at 0; its own error is then 0, and the others' are of the difference.
        anchor: the same with a value, {item: 1000}; or a number, which the mean of all scores shall have.
        scale: what to multiply log-odds by; "elo" is 400 / ln 10, so that 400 points are odds of 10 to 1.
        errors: "model" trusts the model and that all battles are independent. "robust" (the sandwich) is for
            many draws, where they may not be; "bootstrap" (percentiles; fit with bootstrap=200) for few.
            Both speak of the draws of `fit(by=...)`: without it battles, with it voters, say.
        """
        scale = ELO if scale == "elo" else scale
        if not isinstance(scale, int | float) or not 0 < scale < np.inf:
            raise InputError(f'scale is {scale!r}; it must be a positive number, or "elo".')
        at, level = self._anchored(reference, anchor)
        covariance = self._covariance(errors)
        scores, variance = self.scores, np.diag(covariance)
        if at is not None:
            scores = scores - scores[at]
            variance = variance + covariance[at, at] - 2 * covariance[at]
        standard = np.sqrt(variance.clip(0))
        low, high = self._ends(scores, standard, at, confidence, errors)
        columns = {"score": level + scale * scores, "standard_error": scale * standard}
        columns |= {"low": level + scale * low, "high": level + scale * high}
        frame = pd.DataFrame(columns, index=pd.Index(self.items, name="item", tupleize_cols=False))
        return frame.sort_values("score", ascending=False, kind="stable")

    def leaderboard(
        self,
        *,
        anchor: Mapping[Hashable, float] | float | None = 1000,
        scale: float | str = "elo",
        errors: str = "model",
    ) -> pd.DataFrame:
        """rank, item, score, low, high and battles, best first; the options are those of `table`."""
        table = self.table(anchor=anchor, scale=scale, errors=errors)
        battles = pd.Series(self.battles, index=pd.Index(self.items, tupleize_cols=False))
        whole = (self.battles % 1 == 0).all()
        table = table.drop(columns="standard_error").assign(battles=battles.astype(int) if whole else battles)
        table = table.reset_index()
        table.insert(0, "rank", np.arange(1, len(table) + 1))
        return table

    def _anchored(self, reference, anchor) -> tuple[int | None, float]:
        """(the item that is held, or None for the mean; the value that it has)."""
        if reference is not None:
            if anchor is not None:
                raise InputError("Give a reference (at 0) or an anchor (at its value), not both.")
            return self._of(reference), 0.0
        if not isinstance(anchor, Mapping):
            anchor = {None: 0.0 if anchor is None else anchor}
            item, (value,) = None, anchor.values()
        elif len(anchor) != 1:
            raise InputError(f"An anchor holds one item, such as {{'gpt-4': 1000}}; this has {len(anchor)}.")
        else:
            ((name, value),) = anchor.items()
            item = self._of(name)
        if not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise InputError(f"The anchor's value is {value!r}; it must be a finite number.")
        return item, float(value)

    def _ends(self, scores, standard, at, confidence, errors) -> tuple[np.ndarray, np.ndarray]:
        if errors == "bootstrap":
            draws = self.resampled if at is None else self.resampled - self.resampled[:, [at]]
            tail = (1 - confidence) / 2
            return tuple(np.quantile(draws, [tail, 1 - tail], axis=0))
        half = stats.norm.ppf(0.5 + confidence / 2) * standard
        return scores - half, scores + half

    def figure(self, *, anchor: Mapping[Hashable, float] | float | None = None, scale: float | str = 1.0):
        """A plotly figure of the scores, best on top: the model's intervals against the robust ones."""
        from rmkit.theory.forest import draw  # plotly, only when a figure is asked for

        kinds = ERRORS if self.resampled is not None else ERRORS[:2]
        tables = {errors: self.table(anchor=anchor, scale=scale, errors=errors) for errors in kinds}
        unit = {"elo": "Elo points", 1.0: "log-odds"}.get(scale, f"log-odds times {scale}")
        return draw(tables, self.parts, unit)

    def headline(self) -> str:
        """One line: how many items and comparisons, the log-likelihood, ties, prior, unconnected parts."""
        ties = "".join(f", ties of {t}: {delta:.3f}" for t, delta in self.tie_parameters.items())
        prior = f", prior {self.prior:g}" if self.prior else ""
        apart = f"; {len(self.parts)} unconnected parts, compare scores within one" if self.parts[1:] else ""
        return (
            f"{len(self.items)} items, {self.comparisons:,.10g} comparisons, "
            f"log-likelihood {self.log_likelihood:.3f}{ties}{prior}{apart}"
        )

    def __str__(self) -> str:
        style = "" if self.style is None else f"\n{self.style.to_string(float_format='{:.4f}'.format)}"
        table = self.table().rename(index=shown)
        table = table.to_string(max_rows=40, float_format="{:.4f}".format)
        return f"{self.headline()}\n{table}{style}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        frames = [self.table()] + ([] if self.style is None else [self.style])
        tables = [frame.to_html(max_rows=40, float_format="{:.4f}".format) for frame in frames]
        return f"<p>{self.headline()}</p>{''.join(tables)}"  # pandas escapes the items
