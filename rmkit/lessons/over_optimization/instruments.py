"""Lesson 11: what pushing on a reward is worth, for many reward models (S) and prompts (P) at once."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy import special

from rmkit.data.preferences import Preferences
from rmkit.data.records import Record
from rmkit.errors import InputError
from rmkit.evaluation import pool_policy
from rmkit.evaluation.best_of import best_of_n
from rmkit.models.features import features
from rmkit.models.reward_model import RewardModel
from rmkit.pocket.annotators import TEMPERATURE
from rmkit.pocket.samples import Pool
from rmkit.theory.intervals import Interval
from rmkit.training.heads import Setting, fit_heads


def part(pool: Pool, prompts: range, draws: int) -> Pool:
    """Some prompts of a pool and the first of their draws."""
    chosen = slice(prompts.start, prompts.stop)
    texts = [own[:draws] for own in pool.responses[chosen]]
    return Pool(pool.prompts[chosen], texts, pool.gold[chosen, :draws], pool.temperature)


def read(pool: Pool, model: str) -> np.ndarray:
    """(P, N, D) features of a pool's draws; each different text is read once."""
    different = [list(dict.fromkeys(texts)) for texts in pool.responses]
    records = [Record(prompt, texts) for prompt, texts in zip(pool.prompts, different, strict=True)]
    vectors = features(Preferences(records), model, progress=False)
    places = [{text: i for i, text in enumerate(texts)} for texts in different]
    rows = zip(vectors, places, pool.responses, strict=True)
    return np.stack([each.double().numpy()[[place[text] for text in texts]] for each, place, texts in rows])


def curves(rewards: np.ndarray, gold: np.ndarray, ns: Sequence[int]) -> np.ndarray:
    """(S, P, len(ns)) expected gold reward of best-of-n by rewards (S, P, N); gold (P, N)."""
    heads, prompts, draws = rewards.shape
    each = best_of_n(rewards.reshape(-1, draws), np.tile(gold, (heads, 1)))
    return each[:, np.array(ns) - 1].reshape(heads, prompts, -1)


def distances(rewards: np.ndarray, ns: Sequence[int]) -> np.ndarray:
    """(S, P, len(ns)) exact KL of best-of-n on the pool, in nats: that of `best_of_n_policy`, for many n."""
    found = []
    for row in rewards.reshape(-1, rewards.shape[-1]):
        p = np.unique(row, return_counts=True)[1][:, None] / len(row)  # of each level of reward
        upto = np.cumsum(p, 0)
        q = upto ** np.array(ns) - (upto - p).clip(0) ** np.array(ns)
        found.append(special.rel_entr(q, p).sum(0))
    return np.array(found).reshape(*rewards.shape[:-1], -1)


def tilted(rewards: np.ndarray, gold: np.ndarray, kls: Sequence[float]) -> np.ndarray:
    """(S, P, len(kls)) gold reward where RL with a KL penalty ends, at these mean KLs over the prompts.

    One beta for all prompts of a reward model, as in training. gold may be any (P, N), or (S, P, N), values.
    """
    return np.stack([pool_policy.at_kl(rewards, kl)[0].expected(gold) for kl in kls], -1)


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


# --- training -----------------------------------------------------------------------------------------------


class Walk(NamedTuple):
    """What a policy has become at T moments: exact kl and expected gold reward, (S, P, T) each."""

    kl: np.ndarray
    gold: np.ndarray


def expected_rloo(
    rewards: np.ndarray, gold: np.ndarray, *, beta: float, steps: int, moments: int = 26, most: float = 0.2
) -> Walk:
    """RLOO on the pool by its expected step: the logit of y moves along q(y) (R(y) - E_q R).

    R = r - beta log(q / p), as in `rmkit.training.rloo`; rewards (S, P, N). Every prompt has its own logits,
    none of which moves by more than `most` in a step. Kept are `moments` steps, evenly spaced.
    """
    logits = np.zeros(rewards.shape)
    kept = set(np.linspace(0, steps, moments).round().astype(int))
    found = []
    for step in range(steps + 1):
        policy = pool_policy.PoolPolicy(special.log_softmax(logits, axis=-1))
        if step in kept:
            found.append((policy.kl, policy.expected(gold)))
        move = pool_policy.gradient(policy.log_probabilities, rewards, beta)
        logits += most * move / np.abs(move).max(-1, keepdims=True).clip(1e-12)
    return Walk(*(np.stack(part, -1) for part in zip(*found, strict=True)))


def ends(rewards: np.ndarray, gold: np.ndarray, betas: Sequence[float]) -> Walk:
    """The start, and where RL with a KL penalty ends for each beta: q in proportion to exp(r / beta).

    rewards (S, P, N); betas from the shortest leash, the largest beta, to the longest.
    """
    start = pool_policy.PoolPolicy(np.full(rewards.shape, -np.log(rewards.shape[-1])))
    policies = [start, *(pool_policy.tilted(rewards, beta) for beta in betas)]
    moved = [p.expected(gold) for p in policies]
    return Walk(np.stack([p.kl for p in policies], -1), np.stack(moved, -1))


def as_judge(weights: np.ndarray, model: str) -> RewardModel:
    """A reward model that reads with `model` and rewards as the head (D,) does, but for a constant."""
    judge = RewardModel.load(model)
    if not judge.causal:
        raise InputError(f"{model} is an encoder; a head becomes a reward model on a causal language model.")
    with torch.no_grad():
        judge.classifier.score.weight.copy_(torch.as_tensor(weights)[None])
    return judge


def score(judge: RewardModel, prompts: Sequence, responses: Sequence[Sequence[str]]) -> np.ndarray:
    """(P, K) rewards of K responses to each prompt."""
    return torch.stack([judge.score(p, own) for p, own in zip(prompts, responses, strict=True)]).numpy()


def fall(curve: np.ndarray) -> np.ndarray:
    """(S, P) how far gold (S, P, K) falls from its peak to its end.

    Where the peak lies is looked up, for each half of the prompts, on the other half: else a fall would be
    found in mere noise.
    """
    halves = np.arange(curve.shape[1]) % 2
    peak = [curve[:, halves != half].mean((0, 1)).argmax() for half in (0, 1)]
    return np.stack([curve[:, p, peak[half]] - curve[:, p, -1] for p, half in enumerate(halves)], 1)


def shared_errors(a: np.ndarray, b: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """(S, P) correlation, within each prompt, of the errors of two rewards (S, P, N).

    An error is what is left of a reward after subtracting gold (P, N), each in deviations within the prompt.
    """
    errors = [_deviations(r) - _deviations(gold) for r in (a, b)]
    first, second = (_deviations(e) for e in errors)
    return (first * second).mean(-1)


def _deviations(values: np.ndarray) -> np.ndarray:
    centred = values - values.mean(-1, keepdims=True)
    return centred / np.maximum(values.std(-1, keepdims=True), 1e-12)


def votes_on_pool(pool: Pool, x: np.ndarray, prompts: Sequence[int], n: int, seed: int) -> tuple:
    """(features, Preferences) of n pairs of the policy's own answers to some prompts, judged by annotators.

    x (P, N, D): features of the pool's draws. The first of two is preferred with probability
    sigma(gold gap / temperature), as pocket annotators do.
    """
    rng, vectors, records = np.random.default_rng([seed, 11]), [], []
    while len(records) < n:
        p = int(rng.choice(prompts))
        i, j = rng.choice(x.shape[1], 2, replace=False)
        texts = [pool.responses[p][i], pool.responses[p][j]]
        if texts[0] == texts[1]:
            continue
        won = rng.random() < special.expit((pool.gold[p, i] - pool.gold[p, j]) / TEMPERATURE)
        records.append(Record(pool.prompts[p], texts, ranks=[1, 2] if won else [2, 1]))
        vectors.append(torch.as_tensor(x[p, [i, j]], dtype=torch.float32))
    return vectors, Preferences(records)


def heads_on_pool(pool: Pool, x: np.ndarray, n: int, seeds: int, noise: float, l2: float) -> np.ndarray:
    """(S, P, N) rewards of heads trained on n votes on the policy's answers to the OTHER half of prompts."""
    found = np.empty((seeds, *x.shape[:2]))
    halves = np.arange(len(x)) % 2
    for seed in range(seeds):
        for half in (0, 1):
            some, groups = votes_on_pool(pool, x, np.flatnonzero(halves != half), n + 2, seed)
            setting = Setting(l2=l2, seed=seed, noise=noise)
            w = fit_heads(some, groups, [setting], test=range(n, n + 2)).weights[0].numpy()
            found[seed, halves == half] = x[halves == half] @ w
    return found.round(6)
