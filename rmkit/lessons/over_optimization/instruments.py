"""Lesson 11: what pushing on a reward is worth, for many reward models (S) and prompts (P) at once."""

from collections.abc import Callable, Sequence

import numpy as np

from rmkit.data.preferences import Preferences
from rmkit.data.records import Record
from rmkit.evaluation.best_of import best_of_n
from rmkit.evaluation.finite_policy import best_of_n_policy, beta_for_kl, exact_kl, tilted_policy
from rmkit.models.features import features
from rmkit.pocket.samples import Pool
from rmkit.theory.intervals import Interval


def read(pool: Pool, prompts: int, draws: int, model: str) -> np.ndarray:
    """(P, N, D) features of the first N draws for the first P prompts; each different text is read once."""
    drawn = [texts[:draws] for texts in pool.responses[:prompts]]
    different = [list(dict.fromkeys(texts)) for texts in drawn]
    records = [Record(prompt, texts) for prompt, texts in zip(pool.prompts[:prompts], different, strict=True)]
    vectors = features(Preferences(records), model, progress=False)
    places = [{text: i for i, text in enumerate(texts)} for texts in different]
    rows = zip(vectors, places, drawn, strict=True)
    return np.stack([each.numpy()[[place[text] for text in texts]] for each, place, texts in rows])


def curves(rewards: np.ndarray, gold: np.ndarray, ns: Sequence[int]) -> np.ndarray:
    """(S, P, len(ns)) expected gold reward of best-of-n by rewards (S, P, N); gold (P, N)."""
    heads, prompts, draws = rewards.shape
    each = best_of_n(rewards.reshape(-1, draws), np.tile(gold, (heads, 1)))
    return each[:, np.array(ns) - 1].reshape(heads, prompts, -1)


def distances(rewards: np.ndarray, ns: Sequence[int]) -> np.ndarray:
    """(S, P, len(ns)) exact KL of best-of-n on the pool, in nats."""
    flat = rewards.reshape(-1, rewards.shape[-1])
    each = np.stack([exact_kl(best_of_n_policy(flat, n)) for n in ns], 1)
    return each.reshape(*rewards.shape[:-1], -1)


def tilted(rewards: np.ndarray, gold: np.ndarray, kls: Sequence[float]) -> np.ndarray:
    """(S, P, len(kls)) gold reward where RL with a KL penalty ends, at these mean KLs over the prompts.

    One beta for all prompts of a reward model, as in training. gold may be any (P, N), or (S, P, N), values.
    """
    values = np.broadcast_to(gold, rewards.shape)
    found = np.empty((*rewards.shape[:2], len(kls)))
    for s, r in enumerate(rewards):
        for k, kl in enumerate(kls):
            found[s, :, k] = (tilted_policy(r, beta_for_kl(r, kl)) * values[s]).sum(-1)
    return found


def pigeonhole(
    statistic: Callable[..., float], *values: np.ndarray, draws: int = 500, seed: int = 0
) -> Interval:
    """A statistic of means over seeds and prompts, with its 95 % interval: both are drawn anew, crossed.

    values: (S, P, ...) arrays of the same seeds and prompts; statistic takes their means over both. Owen
    (2007), "The pigeonhole bootstrap": rows and columns are drawn with replacement, apart.
    """
    rng = np.random.default_rng(seed)
    seeds, prompts = values[0].shape[:2]

    def at(rows: np.ndarray, columns: np.ndarray) -> float:
        return statistic(*(np.einsum("s,p,sp...->...", rows, columns, each) for each in values))

    even = at(np.full(seeds, 1 / seeds), np.full(prompts, 1 / prompts))
    drawn = [
        at(rng.multinomial(seeds, np.full(seeds, 1 / seeds)) / seeds,
           rng.multinomial(prompts, np.full(prompts, 1 / prompts)) / prompts)
        for _ in range(draws)
    ]  # fmt: skip
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(even), float(low), float(high))


def said(each: Sequence[float], digits: int = 3) -> str:
    """An estimate in words: "+0.031 [+0.012, +0.050]"."""
    mean, low, high = (f"{value:+.{digits}f}" for value in each)
    return f"{mean} [{low}, {high}]"
