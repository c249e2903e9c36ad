"""Lesson 10: numbers that people report about a reward model, and what becomes of who trusts it.

Each measure is turned so that more is better. S heads, P prompts with N answers each.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rmkit.errors import InputError
from rmkit.evaluation import true_gaps
from rmkit.evaluation.best_of import best_of_n
from rmkit.evaluation.one_of_many import against_many, against_one
from rmkit.evaluation.pool_policy import at_kl, policy_gradient, whitened
from rmkit.lessons.evaluating.population import Head
from rmkit.lessons.margin_and_strength import instruments
from rmkit.pocket.annotators import TEMPERATURE
from rmkit.theory.calibration import calibration, log_loss, temperature
from rmkit.theory.intervals import Interval, credit

K = 8  # answers of a group in which one is right
STEPS, LR = 8, 0.1  # of RL with a budget: all heads get the same
KL = 1.0  # nats, of RL that is stopped where it has gone so far
N_BEST = 16
DRAWS = 2000


def groups_of(gold: np.ndarray, k: int = K) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(prompt (G,), places (G, k), right (G,)): the samples of each prompt in groups of k with one best.

    gold (P, N).   right: the place, within the group, of the answer with the most gold reward. Groups in
    which two answers share it are left out.
    """
    prompts, samples = gold.shape
    places = np.tile(np.arange(samples // k * k).reshape(-1, k), (prompts, 1))
    prompt = np.repeat(np.arange(prompts), samples // k)
    own = gold[prompt[:, None], places]
    clear = (own == own.max(1, keepdims=True)).sum(1) == 1
    return prompt[clear], places[clear], own[clear].argmax(1)


def missed(rewards: np.ndarray, gold: np.ndarray) -> float:
    """The share of gold differences within prompts that rewards (P, N) miss in their best unit, 0 to 1."""
    r, g = ((each - each.mean(1, keepdims=True)).ravel() for each in (rewards, gold))
    return float(true_gaps.missed(r, g).mean())


def within(rewards: np.ndarray) -> np.ndarray:
    """(...): the share of the variance of rewards (..., P, N) that lies within prompts."""
    return rewards.var(-1).mean(-1) / rewards.var(axis=(-2, -1))


def measures(heads: Sequence[Head], gaps: np.ndarray, rewards: np.ndarray, gold: np.ndarray) -> pd.DataFrame:
    """One row a head, one column a measure.

    gaps (S, T): on test votes, chosen minus rejected.   rewards (S, P, N), gold (P, N): of the policy's
    answers to other prompts than those that decide a head's fate.
    """
    prompt, places, right = groups_of(gold)
    grouped = rewards[:, prompt[:, None], places]
    tempered = [each / temperature(each)[0] for each in gaps]
    columns = {
        "accuracy, training votes": [credit(head.gaps).mean() for head in heads],
        "accuracy, test votes": credit(gaps).mean(1),
        "log-loss, test votes": [-log_loss(each).mean() for each in tempered],
        "calibration": [-calibration(each).ece for each in gaps],
        "one against one": against_one(grouped, right).mean(1),
        "one against many": against_many(grouped, right).mean(1),
        "missed share": [-missed(each, gold) for each in rewards],
        "best-of-16": [best_of_n(each, gold)[:, N_BEST - 1].mean() for each in rewards],
        "variance within": within(rewards),
    }
    return pd.DataFrame(columns)


def fates(rewards: np.ndarray, gold: np.ndarray) -> dict[str, np.ndarray]:
    """{what is done with the reward: (S, P) gold reward of what comes out}. rewards (S, P, N), gold (P, N).

    RL is exact gradient ascent on whitened rewards (see `rmkit.evaluation.pool_policy`), for a budget of
    steps; "equal KL" is where its policies stand when each has gone equally far from the start.
    """
    (trained,) = policy_gradient(whitened(rewards), [STEPS], lr=LR)
    return {
        "best-of-16": np.stack([best_of_n(each, gold)[:, N_BEST - 1] for each in rewards]),
        "RL, fixed steps": trained.expected(gold),
        "RL, equal KL": at_kl(rewards, KL)[0].expected(gold),
    }


def beyond_noise(gaps: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """(..., T): expected log-loss of gaps, in nats, above that of a judge who knows the true gaps (T,).

    0 for who says the annotators' own probabilities. Sets whose pairs are more or less clear can be compared.
    """
    return instruments.log_loss(gaps, gold) - instruments.log_loss(gold / TEMPERATURE, gold)


def gap_at_equal(x: np.ndarray, y: np.ndarray, other: np.ndarray) -> tuple[Interval, int]:
    """(how much more y models with `other` have than those without, at equal x; how many models say so).

    x, y (M,); other (M,) bool. Only models in the range of x that both kinds reach are compared, by least
    squares: b in y = a + b other + c x. The interval draws models of each kind anew, with replacement.
    """
    ends = [(x[kind].min(), x[kind].max()) for kind in (other, ~other)]
    low, high = max(end[0] for end in ends), min(end[1] for end in ends)
    kinds = [np.flatnonzero(kind & (x >= low) & (x <= high)) for kind in (other, ~other)]
    if min(map(len, kinds)) < 2:
        raise InputError(
            "The two kinds of models share no range of x: at equal x there is nothing to compare."
        )
    rng, columns = np.random.default_rng(0), np.column_stack([np.ones(len(x)), other, x])
    drawn = [kind[rng.integers(len(kind), size=(DRAWS, len(kind)))] for kind in kinds]
    places = np.concatenate([np.concatenate(kinds)[None], np.concatenate(drawn, 1)])
    a, b = columns[places], y[places]
    normal = a.transpose(0, 2, 1) @ a + 1e-9 * np.eye(3)
    found = np.linalg.solve(normal, a.transpose(0, 2, 1) @ b[..., None])[:, 1, 0]
    low, high = np.quantile(found[1:], [0.025, 0.975])
    return Interval(float(found[0]), float(low), float(high)), places.shape[1]
