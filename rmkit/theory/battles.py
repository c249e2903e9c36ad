"""Battles, two items and who won, as whole arrays; and from them the likelihood's rows."""

import warnings
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from rmkit.errors import InputError
from rmkit.theory.duels import LOST, TIED, WON, Duels
from rmkit.theory.evidence import Evidence


@dataclass
class Battles:
    """N rows. a, b: numbers of items in `names`; result: WON (by a), LOST or TIED.

    count (N,): how many battles a row stands for; weight (N,): how much each of them weighs.
    cluster (N,) or None: number of the voter (or whatever battles are drawn by); style (N, F) or None:
    covariates, a minus b, in units of their root mean square `units` (F,).
    """

    names: list[Hashable]
    a: np.ndarray
    b: np.ndarray
    result: np.ndarray
    count: np.ndarray | None = None
    weight: np.ndarray | None = None
    cluster: np.ndarray | None = None
    style: np.ndarray | None = None
    style_names: tuple[str, ...] = ()
    units: np.ndarray | None = None
    unit: str = "battles"
    row: np.ndarray | None = None  # of a table with several battles a row: which row each came from

    def __post_init__(self) -> None:
        ones = np.ones(len(self.a))
        self.count = ones if self.count is None else self.count
        self.weight = ones if self.weight is None else self.weight

    def __getitem__(self, rows: np.ndarray) -> "Battles":
        def taken(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        keys = ("a", "b", "result", "count", "weight", "cluster", "style")
        arrays = {key: taken(getattr(self, key)) for key in keys}
        return Battles(self.names, **arrays, style_names=self.style_names, units=self.units, unit=self.unit)

    def evidence(self, prior: float, half_ties: bool = False) -> Evidence:
        """The rows as a likelihood and what was drawn. half_ties: a tie is half a win each way."""
        itself = self.a == self.b
        if itself.any():
            warnings.warn(
                f"{self.count[itself].sum():,.0f} battle(s) of an item with itself say nothing and are left "
                f"out (first: {self.names[self.a[itself][0]]}).",
                stacklevel=2,
            )
            return self[~itself].evidence(prior, half_ties)
        n, ties = len(self.names), not half_ties and bool((self.result == TIED).any())
        row, first, second, outcome = self._rows()
        likelihood = Duels(first, second, n, ties=ties, prior=prior, style=self.style)
        cell = 3 * row + outcome
        if self.cluster is None and (self.weight == 1).all() and self.style is None:
            repeats = np.bincount(cell, self.count, 3 * len(first))  # equal battles are one draw, repeated
            cell = np.flatnonzero(repeats)
            draw, repeats, value = np.arange(len(cell)), repeats[cell], np.ones(len(cell))
        elif self.cluster is None:
            draw, repeats, value = np.arange(len(cell)), self.count, self.weight
        else:
            draw, value = self.cluster, self.count * self.weight
            repeats = np.ones(int(draw.max(initial=-1)) + 1)
        shape = (len(repeats), 3 * len(first))
        draws = sparse.csr_array((value, (draw, cell)), shape=shape)
        return Evidence(
            self.names, likelihood, draws @ _halved(shape[1]) if half_ties else draws, repeats, self.unit
        )

    def _rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(row of each battle, first and second item of each row, outcome of each battle in its row).

        Without covariates all battles of two items share a row; with them every battle is one.
        """
        if self.style is not None:
            return np.arange(len(self.a)), self.a, self.b, self.result
        n, turned = len(self.names), self.a > self.b
        low, high = np.minimum(self.a, self.b), np.maximum(self.a, self.b)
        row, pairs = _numbered(low * n + high, n * n)
        outcome = np.where(turned & (self.result != TIED), LOST - self.result, self.result)
        return row, pairs // n, pairs % n, outcome


def _numbered(keys: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """(place of each key among the different ones, these in order); keys are whole and below limit."""
    if limit > 4 * len(keys) + 1_000_000:
        different, place = np.unique(keys, return_inverse=True)
        return place, different
    there = np.zeros(limit, dtype=bool)  # much faster than sorting
    there[keys] = True
    return (there.cumsum() - 1)[keys], np.flatnonzero(there)


def _halved(cells: int) -> sparse.csr_array:
    """(R, R): won and lost stay, a tie becomes half a win each way."""
    cell = np.arange(cells)
    tied = cell % 3 == TIED
    rows = np.concatenate([cell[~tied], cell[tied], cell[tied]])
    columns = np.concatenate([cell[~tied], cell[tied] - TIED + WON, cell[tied] - TIED + LOST])
    values = np.concatenate([np.ones((~tied).sum()), np.full(2 * tied.sum(), 0.5)])
    return sparse.csr_array((values, (rows, columns)), shape=(cells, cells))


def numbers(frame: pd.DataFrame, column: str, where, *, least: float | None = None) -> np.ndarray:
    """A column as finite float64 numbers, or an InputError that names the first row that is none."""
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isfinite(values) if least is None else ~(np.isfinite(values) & (values >= least))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        wanted = "a finite number" if least is None else f"a finite number of {least:g} or more"
        raise InputError(f"{where(row)}, column {column}: {frame[column].iloc[row]!r} is not {wanted}.")
    return values


def factorized(columns: list[pd.Series], names: list[str], items, where) -> tuple[list, list[np.ndarray]]:
    """(names of the items, numbers (N,) for each column). items: their order, if it is given."""
    codes, found = pd.factorize(pd.concat(columns, ignore_index=True))
    parts = np.split(codes, len(columns))
    for part, name in zip(parts, names, strict=True):
        if (part < 0).any():
            row = int(np.flatnonzero(part < 0)[0])
            raise InputError(
                f"{where(row)}, column {name}: the item is missing; fill it in, or drop the row."
            )
    found = found.tolist()
    if items is None:
        return found, parts
    place = {item: i for i, item in enumerate(items)}
    unknown = [item for item in found if item not in place]
    if unknown:
        raise InputError(f"The battles hold {unknown[0]!r}, which is not among items.")
    new = np.array([place[item] for item in found], dtype=int)
    return list(items), [new[part] for part in parts]
