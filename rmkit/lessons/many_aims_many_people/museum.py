"""Lesson 13's exhibits: a debiased score that nobody used, and axes that were centered."""

import numpy as np
from scipy import stats

from rmkit.notebook.exhibit import Exhibit
from rmkit.theory.aspect_heads import verbosity_penalty
from rmkit.theory.axes import principal_axes
from rmkit.theory.linear import fit


def _score(planted: bool, times: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(N,) final scores of 800 answers, and their verbosity.

    Three aspects that all like length; each is to lose `times` its penalty times the verbosity, and one
    weight an aspect is then learned from 400 comparisons. planted: they are learned from, and multiply, the
    heads' raw output.
    """
    rng = np.random.default_rng(0)
    verbosity = rng.normal(size=800)
    raw = rng.normal(size=(800, 3)) + verbosity[:, None] * [0.3, 0.5, 0.4]
    penalties = np.array([verbosity_penalty(column, verbosity) for column in raw.T])
    debiased = raw - times * penalties * verbosity[:, None]
    used = raw if planted else debiased
    first, second = used[::2], used[1::2]
    truth = (raw - verbosity[:, None] * [0.3, 0.5, 0.4]) @ [1.0, 0.5, 0.5]
    better = np.where(truth[::2] > truth[1::2], 1.0, -1.0)
    weights = np.clip(fit((first - second) * better[:, None], prior=1.0), 0, None)  # a gate is not negative
    return used @ (weights / weights.sum()), verbosity


def _debiased(planted: bool) -> dict[str, float]:
    """Rank correlation of the final score with verbosity, and how far a doubled penalty moves the score."""
    score, verbosity = _score(planted)
    twice, _ = _score(planted, times=2.0)
    return {
        "rank_correlation_with_length": round(float(stats.spearmanr(score, verbosity).statistic), 3),
        "moved_by_doubled_penalty": round(float(abs(twice - score).mean()), 4),
    }


def _axes(planted: bool) -> dict[str, float]:
    """Two axes of 400 votes in six dimensions, and what heads along them say about courtesy.

    Everyone prefers the courteous answer, always by as much (dimension 0); two camps differ on detail
    (dimension 1); the rest is noise. planted: the votes are centered first.
    """
    rng = np.random.default_rng(0)
    votes = 0.3 * rng.normal(size=(400, 6))
    votes[:, 0], votes[:, 1] = 1.0, votes[:, 1] + np.where(np.arange(400) % 2, 0.8, -0.8)
    directions = principal_axes(votes, centered=planted).directions[:2]
    courteous = np.eye(6)[0]  # two answers that differ in courtesy alone
    rewards = directions @ courteous
    return {
        "courtesy_inside_the_axes": round(float((rewards**2).sum()), 3),
        "largest_gap_of_a_courteous_pair": round(float(abs(rewards).max()), 3),
        "axes": len(directions),
    }


EXHIBITS = (
    Exhibit(
        name="debiased_unused",
        lesson="13_many_aims_many_people",
        symptom="A penalty for length is computed and printed, yet the final score likes length as before, "
        "and doubling the penalty changes nothing.",
        cause="The debiased rewards get a name of their own (R), are split into training and validation, and "
        "are never read again: the gate multiplies the heads' raw output.",
        cure="Let the old name hold the new value, so that no raw score is left to be used, and test that a "
        "doubled penalty moves the score.",
        source="RLHFlow/RLHF-Reward-Modeling, armo-rm/stage-2_train.py, lines 411 and 448 (fc39179, 2025)",
        run=_debiased,
        symptom_in=lambda seen: seen["moved_by_doubled_penalty"] == 0,
    ),
    Exhibit(
        name="centered_axes",
        lesson="13_many_aims_many_people",
        symptom="Heads along the principal axes tell people apart, and cannot order two answers of which "
        "everyone prefers the same one.",
        cause="An ordinary PCA subtracts the mean of chosen minus rejected. That mean is what all people "
        "agree on; what they agree on without exception has no variance left.",
        cure="Take the eigenvectors of the second moment, without centering, or keep the mean as one more "
        "head.",
        source="amandaluof/DRMs, generate_head.py (ee01942, 2025): sklearn.decomposition.PCA of differences",
        run=_axes,
        symptom_in=lambda seen: seen["courtesy_inside_the_axes"] < 0.2,
    ),
)
