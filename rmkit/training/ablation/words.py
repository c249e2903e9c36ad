"""What changed between two settings, and whether the interval allows saying so.

Both take rows of the table of `rmkit.ablate`. Where two settings share seeds, they share their prompts and
their votes too, and the interval is that of the differences, seed by seed.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from rmkit.errors import InputError
from rmkit.theory.intervals import mean_interval
from rmkit.training.ablation.bench import MEASURES
from rmkit.training.ablation.cells import DIALS


class Unit(NamedTuple):
    """How a measure is said: its name, what it is multiplied by, its unit, and whether more is better."""

    name: str
    times: float
    unit: str
    up: bool


UNITS = {
    "agreement": Unit("agreement", 100, " points", True),
    "log_loss": Unit("log-loss", 1000, " thousandths of a nat", False),
    "missed": Unit("missed share", 100, " points", False),
    "best_of_n": Unit("gold of best-of-n", 100, " hundredths", True),
}
SAID = {
    "loss": "loss", "margin": "margin", "weighting": "weights", "k": "answers ranked", "labels": "labels",
    "noise": "noise", "length_bias": "length bias", "penalty": "penalty",
}  # fmt: skip


class Change(NamedTuple):
    """after - before of one measure: mean and 95 % interval (NaN where one seed cannot give any).

    seeds    how many are shared; 0: different seeds, so the interval is Welch's, unpaired
    same     whether the measure is equal in every shared seed
    """

    mean: float
    low: float
    high: float
    seeds: int
    same: bool


def change(before: pd.DataFrame, after: pd.DataFrame, measure: str = "agreement") -> Change:
    """How much a measure differs between two settings, each given as its rows, one for each seed."""
    a, b = _seeds(before, measure), _seeds(after, measure)
    shared = a.index.intersection(b.index)
    if len(shared):
        each = (b[shared] - a[shared]).to_numpy()
        mean, low, high = mean_interval(each) if len(shared) > 1 else (each[0], np.nan, np.nan)
        return Change(float(mean), float(low), float(high), len(shared), bool((each == 0).all()))
    mean = float(b.mean() - a.mean())
    if min(len(a), len(b)) < 2:
        return Change(mean, np.nan, np.nan, 0, False)
    low, high = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    return Change(mean, float(low), float(high), 0, False)


def explain(before: pd.DataFrame, after: pd.DataFrame, measure: str = "agreement") -> str:
    """One sentence: which dials moved, what became of the measure, and whether that may be said."""
    moved = [
        f"{SAID[dial]} from {_word(before, dial)} to {_word(after, dial)}"
        for dial in _dials(before, after)
        if _word(before, dial) != _word(after, dial)
    ]
    found, unit = change(before, after, measure), UNITS[measure]
    if not moved:
        return "Nothing was changed: both settings are the same."
    if found.same:
        return f"With {_list(moved)}, the {unit.name} is the same in every seed: here that does nothing."
    seeds = f"{found.seeds} shared seeds" if found.seeds else "seeds that are not shared"
    low, high = (unit.times * end for end in (found.low, found.high))
    mean = unit.times * found.mean
    if np.isnan(low):
        by = f"{mean:+.1f}{unit.unit}"
        return f"With {_list(moved)}, the {unit.name} moves by {by}, but one seed says nothing about chance."
    if low <= 0 <= high:
        ends = f"[{low:+.1f}, {high:+.1f}]"
        return (
            f"With {_list(moved)}, the {unit.name} moves by {mean:+.1f}{unit.unit} {ends}: "
            f"0 lies inside, so {seeds} do not allow saying that it changed."
        )
    better = "better" if (mean > 0) == unit.up else "worse"
    near, far = sorted((abs(low), abs(high)))
    by = f"{'rises' if mean > 0 else 'falls'} by {abs(mean):.1f}{unit.unit} [{near:.1f}, {far:.1f}]"
    return (
        f"With {_list(moved)}, the {unit.name} {by}, which is {better}: "
        f"0 lies outside, so {seeds} allow saying so."
    )


def summary(table: pd.DataFrame, against: dict | None = None) -> pd.DataFrame:
    """One row a setting: `seeds`, and of every measure its mean, `_low` and `_high` at 95 % over seeds.

    against: a dial and its value, such as {"loss": "bradley-terry"}: every setting less the one that differs
        in this dial alone, paired where they share seeds; that one itself is left out.
    """
    dials = [dial for dial in DIALS if dial in table and table[dial].nunique() > 1] or ["loss"]
    measures = [m for m in MEASURES if m in table]
    if against is None:
        rows = [
            dict(zip(dials, values, strict=True)) | {"seeds": len(part)} | _of(part, measures)
            for values, part in table.groupby(dials, sort=False)
        ]
        return pd.DataFrame(rows)
    ((dial, usual),) = against.items()
    base, others = table[table[dial] == usual], [name for name in dials if name != dial]
    if not len(base):
        raise InputError(f"No row has {dial} = {usual!r}; there are {list(table[dial].unique())}.")
    rows = []
    for values, part in table[table[dial] != usual].groupby(dials, sort=False):
        here = dict(zip(dials, values, strict=True))
        own = base[
            np.logical_and.reduce([base[name] == here[name] for name in others] or [base[dial] == usual])
        ]
        found = {m: change(own, part, m) for m in measures}
        ends = {f"{m}{end}": getattr(each, field) for m, each in found.items() for end, field in _ENDS}
        rows.append(here | {"seeds": len(part)} | ends)
    return pd.DataFrame(rows)


_ENDS = (("", "mean"), ("_low", "low"), ("_high", "high"))


def _of(part: pd.DataFrame, measures: list[str]) -> dict[str, float]:
    found = {}
    for m in measures:
        ends = mean_interval(part[m]) if len(part) > 1 else (part[m].iloc[0], np.nan, np.nan)
        found |= {f"{m}{end}": float(value) for (end, _), value in zip(_ENDS, ends, strict=True)}
    return found


def _seeds(rows: pd.DataFrame, measure: str) -> pd.Series:
    if measure not in UNITS or measure not in rows:
        raise InputError(
            f"There is no measure {measure!r} here; there are {[m for m in UNITS if m in rows]}."
        )
    if not len(rows) or rows["seed"].duplicated().any():
        varied = [dial for dial in DIALS if dial in rows and rows[dial].nunique() > 1]
        raise InputError(
            f"These {len(rows)} rows are not one setting, a row for each seed"
            f"{': ' + ', '.join(varied) + ' differ' if varied else ''}."
        )
    return rows.set_index("seed")[measure]


def _dials(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    return [dial for dial in DIALS if dial in before and dial in after]


def _word(rows: pd.DataFrame, dial: str) -> str:
    value = rows[dial].iloc[0]
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _list(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
