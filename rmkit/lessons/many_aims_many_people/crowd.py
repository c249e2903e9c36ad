"""Lesson 13: simulated people. What they like is known, their votes are drawn by seed, their camp is hidden.

A taste (A,) weighs the nine things that the pocket world grades (`GRADED`): six aspects and three tastes. The
utility of an answer is taste . graded, and P(i beats j) = sigma((u_i - u_j) / T), as in
`rmkit.pocket.annotators`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rmkit.data.preferences import Preferences
from rmkit.lessons.margin_and_strength.heads import sigma
from rmkit.pocket import grader
from rmkit.pocket.annotators import CAMPS, TEMPERATURE
from rmkit.training.people import Votes

GRADED = (*grader.WEIGHTS, *grader.TASTES)


@dataclass(frozen=True)
class Pairs:
    """N pairs of answers. each (N, 2, D): standardized features; graded (N, 2, A): the truth about them;
    words (N, 2); kind (N,): of question.
    """

    each: np.ndarray
    graded: np.ndarray
    words: np.ndarray
    kind: np.ndarray

    def __len__(self) -> int:
        return len(self.each)

    def __getitem__(self, index) -> "Pairs":
        return Pairs(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @property
    def x(self) -> np.ndarray:
        """(N, D) features, first minus second."""
        return self.each[:, 0] - self.each[:, 1]

    def gaps(self, tastes: np.ndarray) -> np.ndarray:
        """(N,) true utility of the first answer minus the second's for a taste (A,); (N, C) for (C, A)."""
        return (self.graded[:, 0] - self.graded[:, 1]) @ np.asarray(tastes).T

    def along(self, directions: np.ndarray) -> "Pairs":
        """The same pairs with features (N, 2, R): along these directions (R, D)."""
        return replace(self, each=self.each @ directions.T)


def pairs_of(features: Sequence, preferences: Preferences, scale: np.ndarray) -> Pairs:
    """Features (one (2, D) tensor a group) and grades of pocket pairs; scale (2, D): mean and deviation."""
    mean, deviation = scale
    graded = [[record.ratings[name] for name in GRADED] for record in preferences]
    return Pairs(
        (np.stack([np.asarray(each, dtype=float) for each in features]) - mean) / deviation,
        np.array(graded, dtype=float).transpose(0, 2, 1),
        np.array([[len(text.split()) for text in record.responses] for record in preferences]),
        np.array([record.subset for record in preferences]),
    )


def taste(camp: str) -> np.ndarray:
    """(A,) how a camp of `rmkit.pocket.annotators` weighs what is graded."""
    return np.array([CAMPS[camp].get(name, 0.0) for name in GRADED])


def disagreement(pairs: Pairs, tastes: np.ndarray) -> np.ndarray:
    """(C, C) share of the pairs that two tastes order differently; equal for one of them: not counted."""
    signs = np.sign(np.round(pairs.gaps(tastes), 9))
    return ((signs[:, :, None] * signs[:, None, :]) < 0).mean(0)


def members(people: int, shares: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """(people,) the camp of each, as near to the shares as whole people allow, in random order."""
    ends = np.round(np.cumsum(shares) / np.sum(shares) * people).astype(int)
    return rng.permutation(np.searchsorted(ends, np.arange(people), side="right"))


def vote(
    pairs: Pairs, tastes: np.ndarray, each: int, rng: np.random.Generator, temperature: float = TEMPERATURE
) -> Votes:
    """`each` votes of every person; tastes (U, A). Everyone sees other pairs, drawn without repeats."""
    people, n = len(tastes), min(each, len(pairs))
    record = np.concatenate([rng.choice(len(pairs), n, replace=False) for _ in range(people)])
    user = np.repeat(np.arange(people), n)
    won = rng.random(len(user)) < sigma((pairs.gaps(tastes)[record, user]) / temperature)
    sides = pairs.each[record]
    first, second = (np.where(won[:, None], sides[:, i], sides[:, 1 - i]) for i in (0, 1))
    return Votes(first, second, user, tuple(f"person {u}" for u in range(people)), record)
