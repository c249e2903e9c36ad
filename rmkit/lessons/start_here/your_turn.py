"""Lesson 00, your turn: what is known of you after a few votes, and how much that is."""

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from rmkit.data.preferences import Preferences
from rmkit.models.features import features
from rmkit.pocket import grader
from rmkit.pocket.annotators import CAMPS, TEMPERATURE, preference
from rmkit.training.labeling.booth import Booth
from rmkit.training.labeling.rehearsal import rehearse
from rmkit.training.labeling.taste import differences

ASPECTS = (*grader.WEIGHTS, *grader.TASTES)


def voter(panel, votes: int = 12, camp: str = "direct") -> Booth:
    """Your booth, once you have cast that many votes; before that a stand-in's, of a camp of CAMPS.

    The stand-in votes on the same pairs in a file of its own, which is gone when the kernel ends.
    """
    if len(panel.booth.shares) >= votes:
        print(f"These are your {len(panel.booth.shares)} votes.")
        return panel.booth
    print(
        f"You have cast {len(panel.booth.shares)} votes; a stand-in cast {votes}. Vote, and run this again."
    )
    folder = tempfile.TemporaryDirectory(prefix="rmkit-stand-in-")
    booth = Booth(panel.booth.pairs, Path(folder.name) / "votes.jsonl", "a stand-in")
    booth.folder = folder  # the file lives as long as the booth
    stand_in(booth, votes, camp)
    return booth


def stand_in(booth: Booth, votes: int, camp: str, seed: int = 0) -> None:
    """Somebody of this camp votes in the booth, as `rmkit.pocket.annotators` do."""
    rng = random.Random(seed)
    for _ in range(votes):
        ratings = booth.shown.ratings
        left, right = (
            sum(weight * ratings[name][place] for name, weight in CAMPS[camp].items()) for place in (0, 1)
        )
        booth.vote("left" if rng.random() < preference(left - right) else "right")


def paid_for(booth: Booth) -> pd.DataFrame:
    """For each aspect: how many votes, between answers that differ in it, took the one with more; how often
    the head would take it on all pairs of the booth, and how often the gold reward would.
    """
    pairs = booth.pairs
    head = booth.taste.expects()
    gold = np.array([np.subtract(*record.ratings["gold"]) for record in pairs])
    rows = {}
    for name in ASPECTS:
        more = np.sign([round(np.subtract(*record.ratings[name]), 6) for record in pairs])
        taken = [share if more[i] > 0 else 1 - share for i, share in booth.shares if more[i]]
        rows[name] = {
            "took the one with more": f"{sum(taken):g} of {len(taken)}",
            "the head would": _share(head > 0.5, more),
            "gold would": _share(gold > 0, more),
        }
    return pd.DataFrame.from_dict(rows, orient="index").sort_values("the head would", ascending=False)


def _share(first: np.ndarray, more: np.ndarray) -> float:
    """How often the choice has more, over the pairs that differ."""
    return float((first == (more > 0))[more != 0].mean()) if more.any() else float("nan")


def after(
    asked: Preferences, new: Preferences, counts: Sequence[int], seeds: int, model: str = "pocket"
) -> tuple[np.ndarray, np.ndarray]:
    """Simulated voters, who follow the gold reward as the pocket world's annotators do, vote on `asked`.

    (seeds, len(counts), M) the chance that a head agrees with one more vote, for each of M new pairs; and
    (M,) the same for a judge who knows the gold reward.
    """
    x, others = (differences(features(part, model, progress=False)) for part in (asked, new))
    gaps, truth = (
        np.array([np.subtract(*record.ratings["gold"]) for record in part]) / TEMPERATURE
        for part in (asked, new)
    )
    said = np.stack([rehearse(x, gaps, others, counts, seed=seed) for seed in range(seeds)])
    for_first = special.expit(truth)
    agrees = np.where(said > 0, for_first, np.where(said < 0, 1 - for_first, 0.5))
    return agrees, np.maximum(for_first, 1 - for_first)
