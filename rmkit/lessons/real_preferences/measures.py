"""Candidates on the same test pairs: agreement, log-loss, and intervals over seeds and prompts."""

from collections.abc import Sequence

import numpy as np

from rmkit.evaluation.report import Report
from rmkit.lessons.training_well.figures import tempered
from rmkit.theory.calibration import log_loss
from rmkit.theory.intervals import Interval, by_cluster, credit, crossed_interval, mean_interval


def agreement(reports: Sequence[Report]) -> np.ndarray:
    """(S, P) 1, 0 or a half for each pair, a row a run."""
    return np.stack([credit(each.gaps) for each in reports])


def loss(reports: Sequence[Report]) -> np.ndarray:
    """(S, P) -log sigma(gap / T) of each pair. T is fitted on the other half of the pairs."""
    return np.stack([log_loss(tempered(each.gaps)) for each in reports])


def crossed(values: np.ndarray, report: Report) -> Interval:
    """The mean of values (S, P) over the pairs of a report, and its interval over runs and prompts.

    With one run, or where all runs are alike, the interval is over prompts.
    """
    cells = [by_cluster(row, report.comparisons["prompt"]) for row in values]
    sizes, by_prompt = cells[0][1], np.stack([totals / own for _, own, totals in cells])
    if len(values) > 1 and np.ptp(by_prompt, axis=0).any():
        return crossed_interval(by_prompt, np.tile(sizes, (len(values), 1)))
    weighted = by_prompt.mean(0)
    mean = float((weighted * sizes).sum() / sizes.sum())
    return mean_interval(mean + (weighted - mean) * sizes / sizes.mean())
