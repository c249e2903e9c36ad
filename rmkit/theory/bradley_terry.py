"""Strengths of items from comparisons alone: Bradley-Terry, Davidson's ties and Plackett-Luce as one model.

Repeated choice: from a set S, the winners T (one item, or several that tie) are chosen with probability

    P(T of S) = w(T) / (sum of w(T') over every T' of S),   w(T) = delta_t * prod_{i in T} p_i**(1/t)

with t = |T|, p_i = exp(s_i), delta_1 = 1, and one delta_t for each size of tie in the data (Davidson-Luce:
Firth, Kosmidis and Turner 2019). Two items without ties: p_i / (p_i + p_j), Bradley and Terry (1952). Two
items with ties: Davidson (1970), nu = delta_2. A ranking chooses the best of all, then the best of the rest,
and so on: Luce (1959), Plackett (1975).
"""

from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from rmkit.arguments import argument, seen
from rmkit.errors import InputError
from rmkit.theory import comparisons as reading
from rmkit.theory import tables
from rmkit.theory.battle_files import read_file
from rmkit.theory.battle_shapes import shaped
from rmkit.theory.battles import Battles
from rmkit.theory.connected import parts_of
from rmkit.theory.evidence import Evidence
from rmkit.theory.newton import maximize
from rmkit.theory.strengths import Strengths

__all__ = ["Strengths", "fit"]


def fit(
    comparisons: object,
    prior: float = 0.0,
    *,
    items: Sequence[Hashable] | None = None,
    ties: np.ndarray | str | None = None,
    kind: str | None = None,
    counts: Sequence[float] | None = None,
    by: object = None,
    style: object = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> Strengths:
    """Maximum likelihood (or with a prior, maximum a posteriori) by Newton's method in float64.

    comparisons: one of
        a table (DataFrame, or a path to .csv, .tsv, .parquet, .jsonl, .json) of battles, with columns
            model_a, model_b and winner ("model_a", "left", "tie", "both_bad" ..., or the winner's name); or
            winner and loser; or wins_a, wins_b, ties. Columns count (so many battles) and weight are used;
        an array or DataFrame (n, n), how often row beat column (fractions allowed, diagonal ignored);
        an array (N, 2) of winner and loser;
        a list of (winner, loser) pairs and longer rankings, best first. A tuple or list inside a ranking is a
            tie: a draw of A and B is [("A", "B")], and A before B = C is ["A", ("B", "C")].
    prior: precision of a Gaussian prior, mean 0, on every parameter; it keeps them finite.
    items: their names; for battles and rankings, their order (default: 0..n-1, the DataFrame's index, or as
        first seen).
    ties: with a matrix of wins, (n, n) symmetric, how often row and column tied. Or "half": a tie of two is
        half a win each way (another model, that of Chatbot Arena and evalica).
    kind: "wins" or "pairs", for an array of shape (2, 2), which could be either.
    counts: (N,) how often each pair or ranking came.
    by: what was drawn, for robust errors and the bootstrap: a column ("voter"), or a label for each
        comparison. One voter's battles then stay together; by default each battle is a draw of its own.
    style: covariates as columns of differences, a minus b, or of values NAME_a and NAME_b; or a DataFrame of
        differences. Scores are then at equal style (Chatbot Arena's style control, 2024).
    bootstrap: how often to refit to resampled draws (200 is usual), with `seed`.

    Raises InputError where no finite maximum exists (Ford 1957; Hunter 2004): some group never lost to the
    rest, or was never compared with it.
    """
    prior = argument("prior", prior, kind=float, least=0)
    seed = argument("seed", seed, kind=int, least=0)
    if not isinstance(bootstrap, int) or bootstrap < 0 or bootstrap == 1:
        raise InputError(f"bootstrap is {bootstrap!r}; it is the number of resamples, such as 200 (0: none).")
    if isinstance(ties, str) and ties != "half":
        raise InputError(f'ties is {ties!r}; it can be "half" or, with a matrix of wins, an array.')
    half = isinstance(ties, str)
    found = _read(comparisons, items, None if half else ties, kind, counts, by, style)
    if len(found.names) < 2:
        raise InputError(f"There is nothing to compare: {len(found.names)} item(s).")
    evidence = found.evidence(float(prior), half_ties=half)
    total = evidence.counts()
    if not prior:
        if not total.any():
            raise InputError("There is no comparison at all; add data, or use a prior.")
        evidence.check(total)
    theta, covariance = maximize(evidence.likelihood, total)
    return _strengths(evidence, total, theta, covariance, found, bootstrap, seed)


def _read(comparisons, items, ties, kind, counts, by, style) -> "Battles | reading.Rankings":
    """What the caller gave, whatever its form, as battles or rankings."""
    if items is not None and (isinstance(items, str) or not hasattr(items, "__len__")):
        raise InputError(f"items is {seen(items)}; it must be a list of names.")
    if items is not None and len(set(items)) < len(list(items)):
        raise InputError("items names the same item twice.")
    source = None
    if isinstance(comparisons, str | Path):
        source, comparisons = Path(comparisons), read_file(comparisons)

    def where(row: int) -> str:
        if source is not None and source.suffix.lower() in (".csv", ".tsv"):
            return f"{source}, line {row + 2}"
        return f"{source}, row {row}" if source else f"Row {row}"

    frame, comparisons = None, shaped(comparisons, kind)
    if isinstance(comparisons, pd.DataFrame) and not _is_matrix(comparisons, kind, ties):
        if ties is not None or kind is not None:
            raise InputError("A table of battles says its ties and its kind itself: leave out ties and kind.")
        frame = comparisons
        found = tables.from_table(frame, where, items=items, counts=counts)
    elif hasattr(comparisons, "__array__"):
        found = reading.from_array(comparisons, kind, ties, items)
        if counts is not None:
            if len(np.asarray(comparisons)) != len(found.a) or np.shape(comparisons)[1] != 2:
                raise InputError("A matrix of wins is a table of counts already; leave out `counts`.")
            found.count = reading.checked_counts(counts, len(found.a))
    else:
        if ties is not None or kind is not None:
            raise InputError("ties and kind go with an array; in a list, a tie as the ranking [(a, b)].")
        found = reading.from_list(comparisons, counts, items)
    _draws_and_style(found, frame, by, style, where)
    return found


def _is_matrix(frame: pd.DataFrame, kind: str | None, ties) -> bool:
    """Whether a DataFrame is a matrix of wins: square, all numbers, or said to be one."""
    square = frame.shape[0] == frame.shape[1]
    if square and list(frame.index) == list(frame.columns):
        return True
    numbers = square and all(d.kind in "iufb" for d in frame.dtypes)
    return not tables.has_battles(frame) and (kind is not None or ties is not None or numbers)


def _draws_and_style(found, frame: pd.DataFrame | None, by, style, where) -> None:
    rows = getattr(found, "row", None)
    length = len(found) if isinstance(found, reading.Rankings) else len(found.a)
    length = length if frame is None else len(frame)
    if by is not None:
        if isinstance(by, str):
            if frame is None or by not in frame.columns:
                has = "a list or array has none" if frame is None else f"it has {', '.join(map(str, frame))}"
                raise InputError(f"There is no column {by!r} to draw by; {has}.")
            found.unit, by = f"{by}s", frame[by]
        else:
            found.unit = "clusters"
        labels = tables.clusters(by, length, "the label of `by`", where)
        found.cluster = labels if rows is None else labels[rows]
    if style is not None:
        if isinstance(found, reading.Rankings):
            raise InputError("style is for comparisons of two: give pairs, or a table of battles.")
        if isinstance(style, np.ndarray):
            style = pd.DataFrame(style.reshape(len(style), -1)).add_prefix("style ")
        frame = pd.DataFrame(index=range(length)) if frame is None else frame
        values, found.style_names, found.units = tables.differences(frame, style, where)
        found.style = values if rows is None else values[rows]


def _strengths(evidence: Evidence, total, theta, covariance, found, bootstrap: int, seed: int) -> Strengths:
    likelihood, n = evidence.likelihood, evidence.likelihood.n
    sizes, errors = likelihood.sizes, np.sqrt(np.diag(covariance).clip(0))
    after = slice(n, n + len(sizes))
    return Strengths(
        items=evidence.names,
        scores=theta[:n],
        covariance=covariance[:n, :n],
        tie_parameters={t: float(np.exp(d)) for t, d in zip(sizes, theta[after], strict=True)},
        tie_errors={t: float(e) for t, e in zip(sizes, errors[after], strict=True)},
        log_likelihood=likelihood.log_likelihood(theta, total),
        comparisons=float(total.sum()),
        prior=likelihood.prior,
        battles=likelihood.taking_part(total),
        parts=parts_of(*likelihood.edges(total), evidence.names) if likelihood.prior else [evidence.names],
        style=_style(found, theta, errors) if getattr(found, "style_names", ()) else None,
        resampled=evidence.bootstrap(theta, bootstrap, seed) if bootstrap else None,
        evidence=evidence,
        theta=theta,
        full_covariance=covariance,
    )


def _style(found: Battles, theta: np.ndarray, errors: np.ndarray) -> pd.DataFrame:
    """coefficient (log-odds for one unit), standard_error, low, high, unit of each covariate."""
    last = slice(len(theta) - len(found.style_names), None)
    coefficient, error = theta[last], errors[last]
    for name, value in zip(found.style_names, error, strict=True):
        if value > 1e3:
            raise InputError(
                f"The style column {name} decides the battles without exception, so its coefficient is "
                "infinite: use a prior, such as prior=0.1, or leave it out."
            )
    half = stats.norm.ppf(0.975) * error
    columns = {"coefficient": coefficient, "standard_error": error, "low": coefficient - half}
    columns |= {"high": coefficient + half, "unit": found.units}
    return pd.DataFrame(columns, index=pd.Index(found.style_names, name="style"))
