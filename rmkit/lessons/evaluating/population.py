"""Lesson 10: many reward models of known recipes, so that numbers about them can be held against their fate.

A model is a linear head on frozen features. A recipe says whose features it reads (its lineage), who voted on
its training pairs, how many pairs there were, how hard it was held (l2), and a seed.
"""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd

from rmkit.data.preferences import Preferences, as_preferences
from rmkit.data.records import Record
from rmkit.lessons.margin_and_strength.heads import fit_gaps, moments
from rmkit.models.features import features
from rmkit.pocket.annotators import Annotator

ANNOTATORS = {
    "plain": Annotator(),
    "wordy": Annotator(length_bias=0.15),  # ten more words are worth 0.15 of gold reward to them
    "cautious": Annotator(weights={"gold": 1.0, "caution": 0.35}),  # they like an answer that hedges
    "careless": Annotator(noise=0.6),  # six judgments of ten are made blindly
}


@dataclass(frozen=True)
class Recipe:
    """How a head was made."""

    lineage: str
    annotator: str
    votes: int
    l2: float
    seed: int


def recipes(lineages: Sequence[str], votes: Sequence[int], l2: Sequence[float], seeds: int) -> list[Recipe]:
    """Every combination; recipes that differ in their lineage only stand next to each other."""
    rest = itertools.product(ANNOTATORS, votes, l2, range(seeds))
    return [Recipe(lineage, *each) for each in rest for lineage in lineages]


# --- what a lineage reads -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """Features of one lineage, in units of the training answers' deviations.

    train (G, D): first answer minus second.   answers (2 G, D): the training answers themselves.   others:
    {name: (P, N, D)} of groups of N answers each.
    """

    train: np.ndarray
    answers: np.ndarray
    others: dict[str, np.ndarray]


def read(model: str, layer: int, train: Preferences, others: Mapping[str, Preferences]) -> Reading:
    """Read all answers with one layer of one model. Groups of a set must be of one size."""
    found = features(train, model, layer=layer, progress=False)
    mean, deviation = moments(found)
    pairs = (np.stack([np.asarray(each, dtype=float) for each in found]) - mean) / deviation
    rest = {
        name: np.stack([np.asarray(f) for f in features(groups, model, layer=layer, progress=False)])
        for name, groups in others.items()
    }
    scaled = {name: (each - mean) / deviation for name, each in rest.items()}
    return Reading(pairs[:, 0] - pairs[:, 1], pairs.reshape(-1, pairs.shape[-1]), scaled)


def samples(prompts: Sequence[str], responses: Sequence[Sequence[str]]) -> Preferences:
    """Unlabeled groups, one for each prompt, in order; a text may come twice."""
    pairs = zip(prompts, responses, strict=True)
    return as_preferences([Record(prompt=prompt, responses=list(own)) for prompt, own in pairs])


def preferred(preferences: Preferences) -> np.ndarray:
    """(G,) +1 where the first of two answers was preferred, -1 where the second."""
    return np.array([1 if record.ranks[0] == 1 else -1 for record in preferences])


def golds(preferences: Preferences) -> np.ndarray:
    """(G, K) gold rewards of the answers."""
    return np.array([record.ratings["gold"] for record in preferences], dtype=float)


# --- votes and heads ----------------------------------------------------------------------------------------


def voted(preferences: Preferences, annotator: Annotator, seed: str) -> np.ndarray:
    """(G,) +1 where the annotator prefers the first of two answers, -1 where the second."""
    rng = random.Random(f"votes {seed}")
    return np.array([3 - 2 * annotator.judge(_seen(record), rng)["ranks"][0] for record in preferences])


def _seen(record) -> list[SimpleNamespace]:
    """What an annotator sees of each answer, from its ratings."""
    marks = [
        dict(zip(record.ratings, each, strict=True)) for each in zip(*record.ratings.values(), strict=True)
    ]
    return [
        SimpleNamespace(gold=mark["gold"], aspects=mark, words=len(text.split()), courtesies=0)
        for mark, text in zip(marks, record.responses, strict=True)
    ]


@dataclass(frozen=True)
class Head:
    """A fitted head. w (D,): its weights.   gaps (votes,): on its own training votes; above 0 = learned."""

    recipe: Recipe
    w: np.ndarray
    gaps: np.ndarray


def fit(readings: Mapping[str, Reading], train: Preferences, made: Sequence[Recipe]) -> list[Head]:
    """One head for each recipe; those of one annotator and seed learn from the same votes on the same pairs.

    Of a permutation of the pairs that the seed draws, a recipe takes the first `votes`.
    """
    votes, heads = {}, []
    for recipe in made:
        key = recipe.annotator, recipe.seed
        if key not in votes:
            order = np.random.default_rng([recipe.seed, 10]).permutation(len(train))
            signs = voted(train, ANNOTATORS[recipe.annotator], f"{recipe.annotator} {recipe.seed}")
            votes[key] = order, signs
        order, signs = votes[key]
        few = order[: recipe.votes]
        x = readings[recipe.lineage].train[few] * signs[few, None]
        w = fit_gaps(x, l2=recipe.l2)
        heads.append(Head(recipe, w, x @ w))
    return heads


def rewards(heads: Sequence[Head], readings: Mapping[str, Reading], name: str) -> np.ndarray:
    """(heads, P, N) rewards of one set of answers."""
    return np.stack([readings[head.recipe.lineage].others[name] @ head.w for head in heads])


def table(heads: Sequence[Head]) -> pd.DataFrame:
    """The recipes, one row a head; `pair` numbers recipes that differ in their lineage only."""
    frame = pd.DataFrame([vars(head.recipe) for head in heads])
    return frame.assign(pair=frame.groupby(["annotator", "votes", "l2", "seed"], sort=False).ngroup())
