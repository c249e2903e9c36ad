"""A rehearsal with a voter whose taste is known: what does a head know after so many votes?"""

from collections.abc import Sequence

import numpy as np
from scipy import special

from rmkit.errors import InputError, did_you_mean
from rmkit.training.labeling.taste import PRIOR, Taste

# How the next pair is chosen, from what the head expects and what a vote would teach it, (N,) each: the
# largest number is asked next.
CHOICES = {
    "random": None,
    "nearest one half": lambda taste: -np.abs(taste.expects() - 0.5),
    "least sure": Taste.worth_asking,
}


def rehearse(
    x: np.ndarray,
    gaps: np.ndarray,
    new: np.ndarray,
    counts: Sequence[int],
    *,
    order: str = "random",
    seed: int = 0,
    prior: float = PRIOR,
) -> np.ndarray:
    """(len(counts), M) the head's gaps on new pairs, after each number of votes.

    x (N, D): pairs that may be asked, first less second.   gaps (N,): the voter's log-odds for the first; a
    vote is a draw from them.   new (M, D): pairs that are never asked.   order: "random", "least sure" as in
    `rmkit.label`, or "nearest one half": the pair whose expected vote is most like a coin.
    """
    if order not in CHOICES:
        raise InputError(f"order={order!r} is unknown{did_you_mean(str(order), CHOICES)}")
    if not len(counts) or not 0 <= min(counts) <= max(counts) <= len(x):
        raise InputError(f"counts={list(counts)}: give numbers of votes, from 0 to {len(x)} pairs.")
    rng = np.random.default_rng(seed)
    queue = rng.permutation(len(x))
    first = rng.random(len(x)) < special.expit(gaps)
    taste, asked, known = Taste(x, prior), [], {0: np.zeros(len(new))}
    for n in range(1, max(counts) + 1):
        rest = queue[~np.isin(queue, asked)]
        choose = CHOICES[order] if asked else None  # the first pair is the same in every order
        asked.append(rest[0] if choose is None else rest[choose(taste)[rest].argmax()])
        if choose or n in counts or (CHOICES[order] and n == 1):
            taste.learn(asked, first[asked])
        if n in counts:
            known[n] = new @ taste.weights
    return np.stack([known[n] for n in counts])
