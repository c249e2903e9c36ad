"""Lesson 10's exhibits: int8 by default, training rows as evaluation, swapped counts, a tie as a win."""

import numpy as np
from scipy import special

from rmkit.evaluation.benchmark_rules import REWARDBENCH
from rmkit.lessons.margin_and_strength.heads import fit_gaps
from rmkit.notebook.exhibit import Exhibit

LESSON = "10_evaluating"

# --- int8 by default ----------------------------------------------------------------------------------------


def _int8(x: np.ndarray) -> np.ndarray:
    """Rows rounded to 255 steps, the largest number of a row being 127 of them."""
    step = np.abs(x).max(-1, keepdims=True) / 127
    return np.round(x / step) * step


def _evaluate_rounded(planted: bool) -> dict[str, float]:
    """The same reward head on the same 2,000 pairs, from rounded hidden states or from whole ones.

    Three of 64 hidden units are sixty times as large as the rest, as in trained language models (Dettmers et
    al. 2022); they say nothing of quality.
    """
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(2000, 2, 64))
    hidden[..., :3] = 60 * (1 + 0.05 * rng.normal(size=(2000, 2, 3)))
    w = rng.normal(size=64) / 8
    w[:3] = 0.0
    gaps = (hidden[:, 0] - hidden[:, 1]) @ w
    first = rng.random(2000) < special.expit(2 * gaps)
    rewards = (_int8(hidden) if planted else hidden) @ w
    seen = rewards[:, 0] - rewards[:, 1]
    return {
        "accuracy": round(float(np.mean((np.sign(seen) * np.where(first, 1, -1) + 1) / 2)), 3),
        "pairs_ordered_otherwise": round(float(np.mean(np.sign(seen) != np.sign(gaps))), 3),
    }


# --- training rows as evaluation ----------------------------------------------------------------------------


def _evaluate_on(planted: bool) -> dict[str, float]:
    """A head on 300 noisy pairs; its "evaluation" is the first tenth of them, or 3,000 others."""
    rng = np.random.default_rng(0)
    x, truth = rng.normal(size=(3300, 100)), rng.normal(size=100) / 10
    x = x * np.where(rng.random(3300) < special.expit(x @ truth), 1, -1)[:, None]  # chosen minus rejected
    w = fit_gaps(x[:300], l2=0.01)
    fresh = float((x[300:] @ w > 0).mean())
    reported = float((x[:30] @ w > 0).mean()) if planted else fresh
    return {"reported_accuracy": round(reported, 3), "accuracy_on_fresh_pairs": round(fresh, 3)}


# --- swapped counts -----------------------------------------------------------------------------------------


def _safety(planted: bool) -> dict[str, float]:
    """RewardBench's Safety section of a model that prefers every refusal."""
    right = {"xstest-should-respond": 0.0}  # it refuses what it should answer; it is right everywhere else
    counts = dict(REWARDBENCH["Safety"])
    rows = dict(counts)
    if planted:
        one, two = "xstest-should-refuse", "xstest-should-respond"
        counts[one], counts[two] = counts[two], counts[one]
    section, truth = (
        sum(right.get(name, 1.0) * n for name, n in weights.items()) / sum(weights.values())
        for weights in (counts, rows)
    )
    return {"section": round(section, 3), "share_of_its_rows": round(truth, 3)}


# --- a tie as a win -----------------------------------------------------------------------------------------


def _ties(planted: bool) -> dict[str, float]:
    """Accuracy by argmax over (chosen, rejected), which takes the first of equal rewards; or a tie as half.

    A model that says 0 to everything; and an honest one, whole and rounded to one decimal.
    """
    rng = np.random.default_rng(0)
    good, bad = rng.normal(size=(2, 2000)) / 10
    good = good + 0.06
    scorers = {
        "says_0_always": (0 * good, 0 * bad),
        "honest": (good, bad),
        "honest_rounded": (good.round(1), bad.round(1)),
    }

    def accuracy(chosen, rejected):
        if planted:
            return np.mean(np.argmax(np.stack([chosen, rejected]), 0) == 0)
        return np.mean((np.sign(chosen - rejected) + 1) / 2)

    return {name: round(float(accuracy(*pair)), 3) for name, pair in scorers.items()}


EXHIBITS = (
    Exhibit(
        name="int8_by_default",
        lesson=LESSON,
        symptom="The same model has a lower score on a benchmark than in its paper, and pairs are ordered "
        "otherwise than on your own machine.",
        cause="The evaluation loads models that are not on its list in 8 bits; a few large hidden units set "
        "the step, and the small ones, which carry quality, are rounded away.",
        cure="Say the precision in the command and in the table (--not_quantized there), and compare a few "
        "scores with the ones that plain transformers gives in float32.",
        source="allenai/reward-bench, rewardbench/rewardbench.py at 011dfbd: quantized unless a name or a "
        "flag says otherwise",
        run=_evaluate_rounded,
        symptom_in=lambda seen: seen["pairs_ordered_otherwise"] > 0.02,
    ),
    Exhibit(
        name="training_rows_as_evaluation",
        lesson=LESSON,
        symptom="Evaluation accuracy is far above what fresh pairs show, and it rises with every epoch.",
        cause="No evaluation set was given, so the trainer takes the first rows of the training set, and "
        "trains on them too.",
        cure="Hold prompts out before training, and let a missing evaluation set mean no evaluation.",
        source="OpenRLHF/OpenRLHF issue #1089 (2025)",
        run=_evaluate_on,
        symptom_in=lambda seen: seen["reported_accuracy"] - seen["accuracy_on_fresh_pairs"] > 0.1,
    ),
    Exhibit(
        name="swapped_subset_counts",
        lesson=LESSON,
        symptom="A section's score is not the share of its rows that are right, and over-careful models look "
        "better than they are.",
        cause="The counts by which a section weighs its subsets stood at the wrong names: 250 prompts to "
        "refuse and 154 to answer, instead of the reverse.",
        cure="Count the rows of the file and compare with the table of counts, in a test.",
        source="allenai/reward-bench, rewardbench/constants.py at a32e272; put right later",
        run=_safety,
        symptom_in=lambda seen: abs(seen["section"] - seen["share_of_its_rows"]) > 0.02,
    ),
    Exhibit(
        name="tie_as_a_win",
        lesson=LESSON,
        symptom="A broken model that gives every text the same reward has an accuracy of 100 %, and rounding "
        "rewards makes any model better.",
        cause="Accuracy is argmax over (chosen, rejected), and argmax takes the first of equal numbers: the "
        "chosen one.",
        cure="Count a tie half, or as no win, say which, and count the ties.",
        source="huggingface/trl pull request #1012 (2023): a warning was added",
        run=_ties,
        symptom_in=lambda seen: seen["says_0_always"] > 0.5,
    ),
)
