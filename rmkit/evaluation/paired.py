"""Is one reward model better than another? The same pairs, a paired test, and many subsets at once."""

import pandas as pd
from scipy import stats

from rmkit.errors import InputError
from rmkit.evaluation.report import Report
from rmkit.theory import statistics
from rmkit.theory.intervals import credit


def compare_reports(first: Report, second: Report, rate: float = 0.05) -> pd.DataFrame:
    """Accuracy of `first` minus that of `second`, over all pairs and in each subset.

    first, second: `rmkit.evaluate` of two models on the same preferences.   rate: of false discoveries.
    One row for "all" and one for each subset: both accuracies, their difference with a paired interval over
    prompts (`statistics.paired_difference`: what both find hard takes no part in it), and
        p         how often a difference as large comes from two equal models
        adjusted  p of a subset after Benjamini and Hochberg (1995), as scipy.stats.false_discovery_control
                  has it; "all" was chosen before looking and keeps its p
        differs   adjusted <= rate: of the subsets so marked, a share of at most `rate` is expected to be
                  wrong, however many there are
    A subset with one prompt has no test and stands with NaN. Raises InputError where the pairs differ.
    """
    one, two = first.comparisons, second.comparisons
    same = ["group", "better", "worse", "prompt", "subset"]
    if len(one) != len(two) or not (one[same].to_numpy() == two[same].to_numpy()).all():
        raise InputError(
            f"The reports are of different pairs ({len(one):,} and {len(two):,}); evaluate both models on "
            "the same preferences."
        )
    right = pd.DataFrame({"first": credit(one["gap"]), "second": credit(two["gap"]), "prompt": one["prompt"]})
    names = sorted(set(one["subset"]) - {""})
    parts = {"all": right} | {name: right[(one["subset"] == name).to_numpy()] for name in names}
    table = pd.DataFrame({name: _row(part) for name, part in parts.items()}).T
    tested = [name for name in names if pd.notna(table.loc[name, "p"])]
    table["adjusted"] = table["p"]
    if tested:
        table.loc[tested, "adjusted"] = stats.false_discovery_control(table.loc[tested, "p"])
    return table.assign(pairs=table["pairs"].astype(int), differs=table["adjusted"] <= rate)


def _row(part: pd.DataFrame) -> pd.Series:
    row = {"first": part["first"].mean(), "second": part["second"].mean()}
    row["difference"] = row["first"] - row["second"]
    found = (float("nan"),) * 3
    if part["prompt"].nunique() > 1:
        test = statistics.paired_difference(part["first"], part["second"], part["prompt"])
        found = (*test.interval, test.p_value)
    return pd.Series(row | dict(zip(("low", "high", "p"), found, strict=True)) | {"pairs": len(part)})
