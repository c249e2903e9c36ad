"""Who beat whom, however it was written down: matrices of wins, pairs and rankings as one table of choices.

`choices` is {S: {T: how often}}: out of the set S, the items of T won (more than one: they tied). Items are
numbers here, ascending inside S and T; their names travel beside them.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from rmkit.errors import InputError

Choices = dict[tuple[int, ...], dict[tuple[int, ...], float]]


def read(
    comparisons: object, ties: np.ndarray | None, items: Sequence[Hashable] | None
) -> tuple[list[Hashable], Choices]:
    """(names, choices) of what `rmkit.bradley_terry.fit` accepts."""
    if items is not None and len(set(items)) < len(list(items)):
        raise InputError("items names the same item twice.")
    if hasattr(comparisons, "__array__"):
        return _from_matrix(comparisons, ties, items)
    if ties is not None:
        raise InputError("ties goes with a matrix of wins; in a list, write a tie as the ranking [(a, b)].")
    return _from_rankings(comparisons, items)


def _from_matrix(wins, ties, items) -> tuple[list[Hashable], Choices]:
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
    choices: Choices = {}
    for i, j in np.argwhere(np.triu(wins + wins.T + ties)).tolist():
        outcomes = {(i,): wins[i, j], (j,): wins[j, i], (i, j): ties[i, j]}
        choices[i, j] = {chosen: float(count) for chosen, count in outcomes.items() if count}
    return names, choices


def _counts(matrix, name: str) -> np.ndarray:
    """A square float64 matrix with a zero diagonal, or an InputError that names the bad cell."""
    matrix = np.array(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            f"{name} has shape {matrix.shape}; an array must be square, row beats column. "
            "Give pairs and rankings as a list."
        )
    np.fill_diagonal(matrix, 0)
    bad = np.argwhere(~(np.isfinite(matrix) & (matrix >= 0)))
    if len(bad):
        row, column = bad[0].tolist()
        raise InputError(f"{name}[{row}, {column}] is {matrix[row, column]}; it must be a finite count >= 0.")
    return matrix


def _from_rankings(rankings, items) -> tuple[list[Hashable], Choices]:
    if not isinstance(rankings, Iterable) or isinstance(rankings, str | bytes | dict):
        raise InputError("comparisons must be a matrix of wins or a list of pairs and rankings.")
    numbers: dict[Hashable, int] = {name: i for i, name in enumerate(items or ())}
    choices: Choices = defaultdict(lambda: defaultdict(float))
    for position, ranking in enumerate(rankings):
        levels = [
            [_number(item, numbers, items is None, position) for item in level]
            for level in _levels(ranking, position)
        ]
        rest = [i for level in levels for i in level]
        if len(set(rest)) < len(rest):
            raise InputError(f"Ranking {position} names the same item twice: {ranking!r}.")
        if len(rest) < 2:
            raise InputError(f"Ranking {position} compares nothing: {ranking!r}.")
        for level in levels:  # the best of all, then the best of the rest, until one is left
            if len(rest) > 1:
                choices[tuple(sorted(rest))][tuple(sorted(level))] += 1.0
            rest = rest[len(level) :]
    return list(numbers), {chosen: dict(outcomes) for chosen, outcomes in choices.items()}


def _levels(ranking, position: int) -> list[tuple]:
    if isinstance(ranking, str | bytes) or not isinstance(ranking, Sequence | np.ndarray):
        raise InputError(
            f"Ranking {position} is {ranking!r}; it must be a list or tuple of items, best first, "
            "with a tuple inside for a tie."
        )
    return [item if isinstance(item, tuple) else (item,) for item in ranking]


def _number(item: Hashable, numbers: dict[Hashable, int], may_add: bool, position: int) -> int:
    try:
        known = item in numbers
    except TypeError as error:
        raise InputError(f"Ranking {position} holds {item!r}, which cannot be an item: {error}.") from error
    if item != item:
        raise InputError(f"Ranking {position} holds {item!r}, which cannot be an item.")
    if not known and not may_add:
        raise InputError(f"Ranking {position} holds {item!r}, which is not among items.")
    return numbers.setdefault(item, len(numbers))


def check_connected(choices: Choices, names: list[Hashable]) -> None:
    """InputError unless every item can be reached from every other by "beat or tied with" (Ford 1957)."""
    edges = {
        (i, j)
        for items, outcomes in choices.items()
        for chosen in outcomes
        for i in chosen
        for j in items
        if i != j
    }
    n = len(names)
    heads, tails = zip(*edges, strict=True) if edges else ((), ())
    graph = sparse.csr_array((np.ones(len(edges)), (heads, tails)), shape=(n, n))
    parts, label = connected_components(graph, connection="weak")
    if parts > 1:
        groups = sorted(([names[i] for i in np.flatnonzero(label == part)] for part in range(parts)), key=len)
        raise InputError(
            f"Nothing compares {listing(groups[0])} with {listing(groups[-1])}, so no score can: "
            "use a prior, such as fit(comparisons, prior=0.1)."
        )
    parts, label = connected_components(graph, connection="strong")
    if parts == 1:
        return
    across = {(label[i], label[j]) for i, j in edges if label[i] != label[j]}
    never_lost = {int(part) for part in label} - {int(loser) for _, loser in across}
    never_won = {int(part) for part in label} - {int(winner) for winner, _ in across}
    ends = [(part, "never lost to", "high") for part in never_lost]
    ends += [(part, "never beat", "low") for part in never_won]
    part, verb, side = min(ends, key=lambda end: (np.sum(label == end[0]), end[2], end[0]))
    group = [names[i] for i in np.flatnonzero(label == part)]
    rest = [names[i] for i in np.flatnonzero(label != part)]
    raise InputError(
        f"{listing(group)} {verb} {listing(rest)}, so maximum likelihood puts the score infinitely {side}: "
        "use a prior, such as fit(comparisons, prior=0.1)."
    )


def listing(names: Sequence[Hashable], most: int = 5) -> str:
    """A few names, and how many more there are."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
