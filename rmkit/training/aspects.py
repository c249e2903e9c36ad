"""Many aims: one head for each rated aspect of an answer, on frozen features.

    heads = rmkit.aspects.fit(features, preferences, ["fluency", "relevance"])
    heads.scores(features)                                     # one (K, A) array a group

Then `verbosity_penalty` (theory/aspect_heads.py), `gate` (theory/gates.py), `quantile_heads`
(theory/quantiles.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rmkit.data.preferences import Preferences, as_preferences, prompt_key
from rmkit.errors import InputError
from rmkit.theory.aspect_heads import PENALTIES, ridge, verbosity_penalty
from rmkit.theory.gates import fit as gate
from rmkit.theory.quantiles import levels, predict, quantile_heads
from rmkit.training.people import moments

__all__ = [
    "PENALTIES",
    "AspectHeads",
    "fit",
    "gate",
    "levels",
    "predict",
    "quantile_heads",
    "ridge",
    "verbosity_penalty",
]

PRIORS = tuple(10.0**k for k in range(-1, 6))
FOLDS = 5


@dataclass(frozen=True)
class AspectHeads:
    """names (A,); weights (A, D) on standardized features; level (A,): each aspect's mean rating; scale
    (2, D): the features' mean and deviation; prior (A,): the penalty of each head.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    level: np.ndarray
    scale: np.ndarray
    prior: np.ndarray

    def scores(self, features: Sequence) -> list[np.ndarray]:
        """(K, A) ratings expected of each group's responses, in the unit of the ratings."""
        mean, deviation = self.scale
        return [
            ((np.asarray(f, dtype=float) - mean) / deviation) @ self.weights.T + self.level for f in features
        ]


def fit(
    features: Sequence, preferences, aspects: Sequence[str] | None = None, *, prior: float | None = None
) -> AspectHeads:
    """Ridge heads (ArmoRM, stage 1) for the ratings of `aspects` (default: all that any record has).

    features: one (K, D) tensor a group (`rmkit.features`); features are standardized, ratings centered.
    prior: the penalty, in answers; None: for each aspect the one with the least squared error on held-out
    prompts.   Raises InputError where an aspect is not rated, or there is nothing to hold out.
    """
    groups = as_preferences(preferences)
    if len(features) != len(groups):
        raise InputError(f"There are features of {len(features):,} groups for {len(groups):,} groups.")
    names, y = _ratings(groups, aspects)
    mean, deviation = scale = moments(features)
    f = (np.concatenate([np.asarray(each, dtype=float) for each in features]) - mean) / deviation
    level = np.nanmean(y, axis=0)
    y = y - level
    if prior is None:
        keys = [prompt_key(record) for record in groups for _ in record.responses]
        priors = _choose(f, y, keys)
    else:
        priors = np.full(len(names), float(prior))
    weights = [ridge(f, y[:, [a]], prior=priors[a])[0] for a in range(len(names))]
    return AspectHeads(names, np.stack(weights), level, scale, priors)


def _ratings(groups: Preferences, aspects: Sequence[str] | None) -> tuple[tuple[str, ...], np.ndarray]:
    """(names (A,), ratings (N, A) of all responses, NaN where there is none)."""
    known = dict.fromkeys(name for record in groups for name in record.ratings or {})
    names = tuple(known if aspects is None else aspects)
    missing = [name for name in names if name not in known]
    if missing or not names:
        what = f"no answer is rated in {missing[0]!r}" if missing else "no answer is rated"
        raise InputError(f"{groups.name}: {what}; rated are {', '.join(known) or 'none'}.")
    rows = []
    for record in groups:
        empty = [None] * len(record.responses)
        rows += zip(*((record.ratings or {}).get(name, empty) for name in names), strict=True)
    return names, np.array(rows, dtype=float)


def _choose(f: np.ndarray, y: np.ndarray, keys: Sequence[str]) -> np.ndarray:
    """(A,) for each aspect the penalty with the least squared error over folds of whole prompts."""
    _, prompt = np.unique(keys, return_inverse=True)
    if prompt.max() < 1:
        raise InputError("A penalty cannot be chosen with one prompt: give one, such as prior=10.0.")
    fold = np.random.default_rng(0).permutation(prompt.max() + 1)[prompt] % FOLDS
    errors = np.zeros((len(PRIORS), y.shape[1]))
    for k in np.unique(fold):
        seen = fold != k
        for i, prior in enumerate(PRIORS):
            heads = ridge(f[seen], y[seen], prior=prior)
            errors[i] += np.nansum((y[~seen] - f[~seen] @ heads.T) ** 2, axis=0)
    return np.array(PRIORS)[errors.argmin(0)]
