"""Rewards of answers that are right or wrong: AUC, accuracy at 0, Brier score, and the best of each
prompt."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from rmkit.evaluation.baselines import accuracy
from rmkit.evaluation.comparisons import REFERENCE
from rmkit.theory.intervals import by_cluster, clustered, effective_interval, wilson


@dataclass
class Outcomes:
    """What rewards say about answers known to be right or wrong.

    answers, prompts   how many.   several: prompts with more than one answer
    measures           {name: {"value", "interval"}}, intervals at 95 % over prompts:
        AUC              share of (right, wrong) answers, of any prompts, that the rewards order so; ties half
        accuracy at 0    share of answers whose reward is positive if right, negative if wrong
        Brier            mean (sigma(r) - c)**2, c = 1 for right
        right answers    share of right answers
        best of each prompt, any of each prompt, possible   where prompts have several answers: how often the
                         answer with the highest reward is right, how often one drawn at random is, and how
                         often any is
    """

    answers: int
    prompts: int
    several: int
    measures: dict[str, dict]

    def to_dict(self) -> dict:
        """Plain numbers for report.json."""
        return {"answers": self.answers, "prompts": self.prompts, "several": self.several, **self.measures}

    def table(self) -> pd.DataFrame:
        """One row for each measure, with its interval."""
        rows = {name: [each["value"], *each["interval"]] for name, each in self.measures.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def outcomes(frame: pd.DataFrame) -> Outcomes | None:
    """Outcomes of answers compared with 0 (`compare_with_zero`); None where none is known."""
    if frame.empty:
        return None
    right = (frame["worse"] == REFERENCE).to_numpy()
    gap, prompts = frame["gap"].to_numpy(np.float64), frame["prompt"].to_numpy()
    rewards = np.where(right, gap, -gap)
    at_zero, share = accuracy(gap, prompts), accuracy(np.where(right, 1, -1), prompts)
    measures = {
        "AUC": auc(rewards, right, prompts),
        "accuracy at 0": _named(at_zero["accuracy"], at_zero["interval"]),
        "Brier": _mean(special.expit(-gap) ** 2, prompts),
        "right answers": _named(share["accuracy"], share["interval"]),
    }
    if measures["AUC"] is None:  # all right, or all wrong
        del measures["AUC"]
    groups = pd.DataFrame({"prompt": prompts, "reward": rewards, "right": right}).groupby("prompt")
    parts = [part for _, part in groups if len(part) > 1]
    if parts:
        best = [part["right"][part["reward"] == part["reward"].max()].mean() for part in parts]
        measures["best of each prompt"] = _mean(np.array(best), np.arange(len(parts)))
        measures["any of each prompt"] = _mean(
            np.array([part["right"].mean() for part in parts]), np.arange(len(parts))
        )
        measures["possible"] = _mean(
            np.array([part["right"].max() for part in parts], dtype=float), np.arange(len(parts))
        )
    return Outcomes(len(frame), len(groups), len(parts), measures)


def _named(value: float, interval) -> dict:
    return {"value": float(value), "interval": [float(end) for end in interval]}


def _mean(values: np.ndarray, prompts: np.ndarray) -> dict:
    """The mean of values between 0 and 1, and its interval over prompts."""
    _, sizes, totals = by_cluster(values, prompts)
    return _named(values.mean(), _interval(values.mean(), totals, sizes, values.mean(), len(sizes)))


def _interval(p: float, totals: np.ndarray, sizes: np.ndarray, mean: float, least: float) -> tuple:
    if len(sizes) < 2:
        return wilson(p, 1.0, special.ndtri(0.975))
    return effective_interval(p, *clustered(totals, sizes, mean), least)


def auc(rewards: np.ndarray, right: np.ndarray, prompts: np.ndarray) -> dict | None:
    """The area under the ROC curve, and its interval over prompts: Obuchowski (1997), for clustered data.

    The placement of a right answer is the share of wrong ones below it, that of a wrong answer the share of
    right ones above it; the area is the mean of either, and a prompt moves it by its placements.
    """
    n, m = int(right.sum()), int((~right).sum())
    if not n or not m:
        return None
    ranks, placement = stats.rankdata(rewards), np.zeros(len(rewards))
    placement[right] = (ranks[right] - stats.rankdata(rewards[right])) / m
    placement[~right] = 1 - (ranks[~right] - stats.rankdata(rewards[~right])) / n
    area = placement[right].mean()
    pull = (placement - area) / np.where(right, n, m) * len(rewards)
    _, sizes, totals = by_cluster(pull, prompts)
    return _named(area, _interval(area, totals, sizes, 0.0, min(n, m)))
