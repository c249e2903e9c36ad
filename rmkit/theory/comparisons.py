"""Who beat whom as matrices of wins, arrays of pairs, and rankings: from each the evidence for a fit."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
import pandas as pd
from scipy import sparse

from rmkit.arguments import seen
from rmkit.errors import InputError
from rmkit.theory.battles import Battles
from rmkit.theory.choices import Choice, RepeatedChoices
from rmkit.theory.duels import LOST, TIED, WON
from rmkit.theory.evidence import Evidence

KINDS = ("wins", "pairs")


def from_array(array, kind: str | None, ties, items) -> Battles:
    """An (n, n) matrix of wins, or (N, 2) winners and losers; `kind` says which where both could be."""
    if kind not in (None, *KINDS):
        raise InputError(f'kind is {kind!r}; it can be "wins" (a matrix) or "pairs" (winner, loser).')
    array = array if isinstance(array, pd.DataFrame) else np.asarray(array)
    if kind is None:
        kind = _kind(array, ties, items)
    if kind == "wins":
        return _from_matrix(array, ties, items)
    if ties is not None:
        raise InputError("ties goes with a matrix of wins; in a list, write a tie as the ranking [(a, b)].")
    array = np.asarray(array)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(f"Pairs have the shape (N, 2), winner and loser; this array has {array.shape}.")
    if array.dtype.kind == "O":
        flat = array.ravel().tolist()
        return _from_pairs(flat, _distinct(flat), items)
    codes, different = pd.factorize(array.ravel())  # much faster than item by item
    if array.dtype.kind == "f" and (codes < 0).any():
        raise InputError(f"Ranking {np.flatnonzero(codes < 0)[0] // 2} holds nan, which cannot be an item.")
    return _from_codes(codes, different.tolist(), items)


def _kind(array, ties, items) -> str:
    if isinstance(array, pd.DataFrame) or ties is not None or array.ndim != 2 or array.shape[1] != 2:
        return "wins"
    whole = array.dtype.kind in "iuOUST" or (array.dtype.kind == "f" and (array % 1 == 0).all())
    if array.shape != (2, 2):
        return "pairs" if whole else "wins"
    numeric = array.dtype.kind in "iufb"
    apart = whole and (array[:, 0] != array[:, 1]).all()
    known = items is None or set(array.ravel().tolist()) <= set(items)
    if not numeric:
        return "pairs"
    if array.dtype.kind in "iu" and apart and known and (array >= 0).all():
        raise InputError(
            "This 2 x 2 array can be a matrix of wins or two pairs (winner, loser): "
            'say which, kind="wins" or kind="pairs".'
        )
    return "wins"


def _from_matrix(wins, ties, items) -> Battles:
    if isinstance(wins, pd.DataFrame):
        if list(wins.index) != list(wins.columns):
            raise InputError("The DataFrame's index and columns must be the same items in the same order.")
        items = list(wins.index) if items is None else items
    wins = _counts(wins, "wins")
    n = len(wins)
    names = list(range(n)) if items is None else list(items)
    if len(names) != n:
        raise InputError(f"items has {len(names)} names for a matrix of {n} rows.")
    ties = np.zeros_like(wins) if ties is None else _counts(ties, "ties")
    if ties.shape != wins.shape or not np.array_equal(ties, ties.T):
        raise InputError(f"ties must be symmetric and of shape {wins.shape}, like wins.")
    who, whom = np.nonzero(wins)
    one, other = np.nonzero(np.triu(ties))
    result = np.repeat([WON, TIED], [len(who), len(one)])
    count = np.concatenate([wins[who, whom], ties[one, other]])
    return Battles(names, np.concatenate([who, one]), np.concatenate([whom, other]), result, count)


def _counts(matrix, name: str) -> np.ndarray:
    """A square float64 matrix with a zero diagonal, or an InputError that names the bad cell."""
    try:
        matrix = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be a matrix of counts: {error}.") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            f"{name} has shape {matrix.shape}; an array must be square, row beats column, or (N, 2) pairs of "
            "items. Give longer rankings as a list."
        )
    np.fill_diagonal(matrix, 0)
    bad = np.argwhere(~(np.isfinite(matrix) & (matrix >= 0)))
    if len(bad):
        row, column = bad[0].tolist()
        raise InputError(f"{name}[{row}, {column}] is {matrix[row, column]}; it must be a finite count >= 0.")
    return matrix


def _distinct(flat: list[Hashable]) -> list[Hashable]:
    """Each item once, in the order of first sight."""
    try:
        return list(dict.fromkeys(flat))
    except TypeError as error:
        raise InputError(f"The pairs hold something that cannot be an item: {error}.") from error


def _from_pairs(flat: list[Hashable], different: list[Hashable], items: Sequence[Hashable] | None) -> Battles:
    """From winner, loser, winner, loser ..."""
    place = {item: i for i, item in enumerate(different)}
    codes = np.fromiter(map(place.__getitem__, flat), dtype=np.int64, count=len(flat))
    return _from_codes(codes, different, items)


def _from_codes(codes: np.ndarray, different: list[Hashable], items: Sequence[Hashable] | None) -> Battles:
    """Battles from winner, loser, winner ... as places in `different`, in the order of first sight."""
    numbers = _Numbers(items)
    place = np.empty(len(different), dtype=np.int64)
    for i, item in enumerate(different):
        if item != item or not (numbers.may_add or item in numbers.known):
            numbers.of(item, int(np.flatnonzero(codes == i)[0]) // 2)  # says what is wrong
        place[i] = numbers.known.setdefault(item, len(numbers.known))
    a, b = place[codes].reshape(-1, 2).T
    if (a == b).any():
        row = int(np.flatnonzero(a == b)[0])
        names = tuple(different[i] for i in codes[2 * row : 2 * row + 2])
        raise InputError(f"Ranking {row} names the same item twice: {names!r}.")
    return Battles(list(numbers.known), a, b, np.full(len(a), WON))


class _Numbers:
    """Items get numbers as they are first seen, or have those of `items`."""

    def __init__(self, items: Sequence[Hashable] | None):
        self.known: dict[Hashable, int] = {name: i for i, name in enumerate(items or ())}
        self.may_add = items is None

    def of(self, item: Hashable, position: int) -> int:
        try:
            known = item in self.known
        except TypeError as error:
            raise InputError(
                f"Ranking {position} holds {item!r}, which cannot be an item: {error}."
            ) from error
        if item != item:
            raise InputError(f"Ranking {position} holds {item!r}, which cannot be an item.")
        if not known and not self.may_add:
            raise InputError(f"Ranking {position} holds {item!r}, which is not among items.")
        return self.known.setdefault(item, len(self.known))


def from_list(rankings, counts, items) -> "Battles | Rankings":
    """Rankings, best first; a tuple or list inside is a tie. Rankings of two are battles."""
    if not isinstance(rankings, Iterable) or isinstance(rankings, str | bytes | Mapping):
        raise InputError(
            "comparisons must be a table of battles, a matrix of wins, or a list of pairs and rankings."
        )
    rankings = list(rankings)
    counts, rankings = _split_counts(rankings, counts)
    if (pairs := _pairs(rankings)) is not None:
        found = _from_pairs(*pairs, items)
        found.count = found.count if counts is None else counts
        return found
    numbers, stages = _Numbers(items), []
    for position, ranking in enumerate(rankings):
        stages += [(position, choice) for choice in _choices(ranking, numbers, position)]
    names = list(numbers.known)
    if all(len(items) == 2 for _, (items, _) in stages):
        a, b = np.array([items for _, (items, _) in stages], dtype=int).reshape(-1, 2).T
        result = [
            TIED if len(chosen) > 1 else WON if chosen[0] == i else LOST for _, ((i, _), chosen) in stages
        ]
        return Battles(names, a, b, np.array(result, dtype=int), counts)
    return Rankings(names, stages, np.ones(len(rankings)) if counts is None else counts)


def _pairs(rankings: list) -> tuple[list[Hashable], list[Hashable]] | None:
    """(winner, loser, winner, loser ...; each item once) where all rankings are pairs: read at once."""
    if not all(issubclass(kind, tuple | list) for kind in set(map(type, rankings))):
        return None
    if set(map(len, rankings)) - {2}:
        return None
    flat = list(chain.from_iterable(rankings))
    try:
        different = list(dict.fromkeys(flat))
    except TypeError:  # a list, which is a tie, or something that cannot be an item: read one by one
        return None
    return None if any(isinstance(item, tuple) for item in different) else (flat, different)


def _split_counts(rankings: list, counts) -> tuple[np.ndarray | None, list]:
    """Counts (N,) that stand beside the rankings, or inside: {"ranking": [...], "count": 3}."""
    if any(issubclass(kind, Mapping) for kind in set(map(type, rankings))):
        for position, ranking in enumerate(rankings):
            if not isinstance(ranking, Mapping) or "ranking" not in ranking or counts is not None:
                raise InputError(
                    f"Ranking {position} is {ranking!r}; with counts inside, every ranking must be like "
                    '{"ranking": ["a", "b"], "count": 3}, and no other counts are given.'
                )
        counts = [ranking.get("count", 1) for ranking in rankings]
        rankings = [ranking["ranking"] for ranking in rankings]
    return (None if counts is None else checked_counts(counts, len(rankings))), rankings


def checked_counts(counts, number: int) -> np.ndarray:
    """(N,) float64, finite and 0 or more."""
    try:
        found = np.asarray(counts, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"counts must be numbers, one a comparison: {error}.") from error
    if found.shape != (number,):
        raise InputError(f"counts has shape {found.shape} for {number:,} comparisons; it needs one for each.")
    bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if len(bad):
        raise InputError(f"counts[{bad[0]}] is {found[bad[0]]}; it must be a finite number, 0 or more.")
    return found


def _choices(ranking, numbers: _Numbers, position: int) -> list[Choice]:
    """The best of all, then the best of the rest, until one is left."""
    levels = [[numbers.of(item, position) for item in level] for level in _levels(ranking, position)]
    rest = [i for level in levels for i in level]
    if len(set(rest)) < len(rest):
        raise InputError(f"Ranking {position} names the same item twice: {ranking!r}.")
    if len(rest) < 2:
        raise InputError(f"Ranking {position} compares nothing: {ranking!r}.")
    found = []
    for level in levels:
        if len(rest) > 1:
            found.append((tuple(sorted(rest)), tuple(sorted(level))))
        rest = rest[len(level) :]
    return found


def _levels(ranking, position: int) -> list[Sequence]:
    if isinstance(ranking, str | bytes) or not isinstance(ranking, Sequence | np.ndarray):
        raise InputError(
            f"Ranking {position} is {seen(ranking)}; it must be a list or tuple of items, best first, "
            "with a tuple inside for a tie."
        )
    levels = [item if isinstance(item, tuple | list) else (item,) for item in ranking]
    if not all(levels):
        raise InputError(f"Ranking {position} has an empty level: {ranking!r}.")
    return levels


class Rankings:
    """Rankings of more than two: (position of the ranking, choice) for every stage of each."""

    def __init__(self, names: list[Hashable], stages: list[tuple[int, Choice]], count: np.ndarray):
        self.names, self.stages, self.count = names, stages, count
        self.cluster: np.ndarray | None = None
        self.unit = "rankings"

    def __len__(self) -> int:
        return len(self.count)

    def evidence(self, prior: float, half_ties: bool = False) -> Evidence:
        """The stages as a likelihood, and the rankings (or the clusters of `by`) as what was drawn."""
        if half_ties:
            raise InputError(
                'ties="half" is for comparisons of two; a tie in a ranking of more has no halves.'
            )
        choices = [choice for _, choice in self.stages]
        likelihood = RepeatedChoices(choices, len(self.names), prior)
        ranking = np.array([position for position, _ in self.stages], dtype=int)
        row = np.array([likelihood.row[choice] for choice in choices], dtype=int)
        if self.cluster is None:
            draw, value, repeats = ranking, np.ones(len(row)), self.count
        else:
            draw, value = self.cluster[ranking], self.count[ranking]
            repeats = np.ones(int(self.cluster.max()) + 1)
        draws = sparse.csr_array((value, (draw, row)), shape=(len(repeats), len(likelihood.row)))
        return Evidence(self.names, likelihood, draws, repeats, self.unit)
