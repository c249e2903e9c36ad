"""Lesson 13: several aims. Raters give stars, heads learn them, a gate mixes, quantiles show a quarrel."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
from scipy import stats

from rmkit.lessons.many_aims_many_people.crowd import GRADED, Pairs
from rmkit.lessons.many_aims_many_people.instruments import calibrated, log_loss
from rmkit.pocket import grader
from rmkit.pocket.annotators import TEMPERATURE
from rmkit.theory import gates, quantiles
from rmkit.theory.aspect_heads import ridge

PRIOR = 30.0  # of an aspect head, in answers
# Kinds of question that ask for much, where our visitors like detail; elsewhere they are in a hurry.
ASKS_MUCH = ("three-facts", "many-facts", "child", "report", "count", "compare", "which")


# --- aspects ------------------------------------------------------------------------------------------------


def stars(graded: np.ndarray, rng: np.random.Generator, noise: float = 0.2) -> np.ndarray:
    """Ratings from 1 to 5 of what lies in [0, 1], with a rater's noise; any shape."""
    felt = graded + noise * rng.normal(size=graded.shape)
    return np.clip(np.floor(1 + 5 * felt), 1, 5)


def aspect_heads(pairs: Pairs, rng: np.random.Generator, prior: float = PRIOR) -> np.ndarray:
    """(A, D) heads fitted to stars for the answers of these pairs."""
    f, y = pairs.each.reshape(-1, pairs.each.shape[-1]), stars(pairs.graded, rng).reshape(-1, len(GRADED))
    return ridge(f, y - y.mean(0), prior=prior)


def cross_talk(heads: np.ndarray, pairs: Pairs) -> np.ndarray:
    """(H, A) correlation of each head's gaps (rows) with the true gaps in each aspect (columns).

    0 where all gaps of an aspect are equal: there is nothing to hear.
    """
    said, true = pairs.x @ heads.T, pairs.graded[:, 0] - pairs.graded[:, 1]
    said, true = (each - each.mean(0) for each in (said, true))
    lengths = np.outer(np.linalg.norm(said, axis=0), np.linalg.norm(true, axis=0))
    return said.T @ true / np.where(lengths > 1e-9, lengths, np.inf)


# --- a gate -------------------------------------------------------------------------------------------------


def prompts(pairs: Pairs) -> np.ndarray:
    """(N, D) what the two answers of a pair share: the mean of their features."""
    return pairs.each.mean(1)


def gated(train: Pairs, test: Pairs, tastes: np.ndarray, *, by_kind: bool, votes: int, seed: int) -> dict:
    """{"gate", "no prompt"}: log-loss, in thousandths of a nat, on test pairs.

    tastes (2, A): where little is asked and where much is, if `by_kind`; else every vote flips a coin between
    the two, so the same tastes are there and no prompt tells which.
    """
    rng = np.random.default_rng([seed, 7])
    heads = aspect_heads(train, rng)
    chosen = rng.choice(len(train), votes)
    much = [np.isin(each.kind, ASKS_MUCH).astype(int) for each in (train[chosen], test)]
    if not by_kind:
        much = [rng.integers(0, 2, len(each)) for each in much]
    gold = [
        (each.gaps(tastes))[np.arange(len(m)), m] for each, m in zip((train[chosen], test), much, strict=True)
    ]
    won = rng.random(votes) < 1 / (1 + np.exp(-gold[0] / TEMPERATURE))
    gaps = [each.x @ heads.T for each in (train[chosen], test)]
    unit = gaps[0].std(0)
    learned = np.where(won[:, None], 1, -1) * gaps[0] / unit
    asked = [prompts(each) / prompts(train).std(0) for each in (train[chosen], test)]
    found = {}
    for name, blind in (("gate", False), ("no prompt", True)):
        gate = gates.fit(asked[0], learned, prior=300.0, blind=blind, steps=60)
        d = gate.gaps(asked[1], gaps[1] / unit)
        found[name] = 1000 * log_loss(calibrated(d, gold[1]), gold[1]).mean()
    return found


# --- quantiles ----------------------------------------------------------------------------------------------


def opinions(
    train: Pairs, tastes: np.ndarray, at: Sequence[float], *, seed: int, prior: float = 1.0
) -> np.ndarray:
    """(Q, D + 1) quantile heads of ratings; somebody from one of the camps (C, A) rates each answer once."""
    rng = np.random.default_rng([seed, 8])
    graded = train.graded.reshape(-1, len(GRADED))
    camp = rng.integers(0, len(tastes), len(graded))
    y = (graded * tastes[camp]).sum(1) + 0.5 * TEMPERATURE * rng.normal(size=len(graded))
    return quantiles.quantile_heads(with_level(train.each.reshape(len(y), -1)), y, np.array(at), prior=prior)


def with_level(f: np.ndarray) -> np.ndarray:
    """(..., D + 1) features and a 1, for a level."""
    return np.concatenate([f, np.ones((*f.shape[:-1], 1))], axis=-1)


def quarrel(test: Pairs, tastes: np.ndarray) -> np.ndarray:
    """(2 N,) how far apart two camps (2, A) truly rate each answer."""
    return abs(test.graded.reshape(-1, len(GRADED)) @ (tastes[0] - tastes[1]))


def sees_quarrel(train: Pairs, test: Pairs, raters: np.ndarray, tastes: np.ndarray, *, seed: int) -> float:
    """Rank correlation of the predicted spread (90 % less 10 %) with the true quarrel of `tastes`.

    raters (C, A): who rated. With one camp there is no quarrel to see.
    """
    heads = opinions(train, raters, (0.1, 0.9), seed=seed)
    low, high = quantiles.predict(heads, with_level(test.each.reshape(2 * len(test), -1))).T
    return float(stats.spearmanr(high - low, quarrel(test, tastes)).statistic)


# --- many answers to one prompt -----------------------------------------------------------------------------


def graded_pool(pool, prompts_: int, n: int) -> tuple[list[str], list[list[str]], np.ndarray]:
    """(prompts, n texts each, grades (P, n, A)) of the first prompts of `rmkit.pocket.pool()`."""
    chosen = list(islice(zip(pool.prompts, pool.responses, strict=True), prompts_))
    texts = [own[:n] for _, own in chosen]
    grades = [[grader.grade(prompt, text) for text in own[:n]] for prompt, own in chosen]
    table = [[[(g.aspects | g.tastes)[name] for name in GRADED] for g in row] for row in grades]
    return [prompt for prompt, _ in chosen], texts, np.array(table)


def pleased(rewards: np.ndarray, graded: np.ndarray, tastes: np.ndarray) -> np.ndarray:
    """(P, C) what each camp gains, over a random answer, from the answer with the highest reward.

    rewards (P, n), graded (P, n, A), tastes (C, A).
    """
    utility = graded @ tastes.T
    best = rewards.argmax(1)
    return utility[np.arange(len(best)), best] - utility.mean(1)
