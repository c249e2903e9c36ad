"""Lesson 09: solutions as arrays, one vector at the end of each step.

A pocket solution is a list of sentences. Those that calculate are its steps: they are labeled right or wrong.
Courtesies and asides are not judged, and no head reads them here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rmkit.data.preferences import Preferences, Record
from rmkit.pocket import grader


@dataclass(frozen=True)
class Chains:
    """N solutions of up to S steps.

    x (N, S, D) features at each step's end, 0 where there is none; labels (N, S) 1 right, 0 wrong, NaN none;
    correct (N,) is the result right; prompt (N,) its number; total (N,) the result told, -1 if none is;
    text (N,) tuples of sentences, the steps alone; gold (N,).
    """

    x: np.ndarray
    labels: np.ndarray
    correct: np.ndarray
    prompt: np.ndarray
    total: np.ndarray
    text: np.ndarray
    gold: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index) -> "Chains":
        return Chains(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @property
    def real(self) -> np.ndarray:
        """(N, S) where there is a step."""
        return ~np.isnan(self.labels)

    @property
    def size(self) -> np.ndarray:
        """(N,) how many steps."""
        return self.real.sum(1)

    @property
    def last(self) -> np.ndarray:
        """(N, D) features at the end of the last step."""
        return self.x[np.arange(len(self)), self.size - 1]

    @property
    def first_wrong(self) -> np.ndarray:
        """(N,) the first wrong step, counted from 0; -1 where no step is wrong."""
        wrong = self.labels == 0
        return np.where(wrong.any(1), wrong.argmax(1), -1)

    @property
    def sound(self) -> np.ndarray:
        """(N,) bool: the result is right and so is every step."""
        return self.correct & (self.first_wrong < 0)


def chains_of(preferences: Preferences, features: Sequence, scale: np.ndarray | None = None) -> Chains:
    """Solutions with one or more steps, in order. features: `step_features` of the same records.

    scale (2, D): mean and deviation to standardize with (default: over these steps).
    """
    rows = [
        (np.asarray(vectors[k], dtype=float)[steps], record, k, number, steps)
        for number, (record, vectors) in enumerate(zip(preferences, features, strict=True))
        for k, steps in enumerate(map(judged, record.step_labels))
        if steps
    ]
    mean, deviation = moments([row[0] for row in rows]) if scale is None else scale
    longest, width = max(len(row[0]) for row in rows), rows[0][0].shape[1]
    x, labels = np.zeros((len(rows), longest, width)), np.full((len(rows), longest), np.nan)
    for n, (vectors, record, k, _, steps) in enumerate(rows):
        x[n, : len(steps)] = (vectors - mean) / deviation
        labels[n, : len(steps)] = [record.step_labels[k][i] for i in steps]
    texts = np.empty(len(rows), dtype=object)
    texts[:] = [tuple(record.steps[k][i] for i in steps) for _, record, k, _, steps in rows]
    return Chains(
        x,
        labels,
        np.array([record.correct[k] for _, record, k, *_ in rows], dtype=bool),
        np.array([number for *_, number, _ in rows]),
        np.array([total(record, k) for _, record, k, *_ in rows]),
        texts,
        np.array([record.ratings["gold"][k] for _, record, k, *_ in rows]),
    )


def judged(labels: Sequence[int | None]) -> list[int]:
    """Places of the sentences that calculate."""
    return [i for i, label in enumerate(labels) if label is not None]


def total(record: Record, k: int) -> int:
    """The result that response k tells, -1 if none."""
    graded = grader.grade(record.prompt, record.responses[k])
    told = [each.claim.of[0] for each in graded.claims if each.claim.kind == "total"]
    return int(told[-1]) if told else -1


def moments(vectors: Sequence[np.ndarray]) -> np.ndarray:
    """(2, D): mean and standard deviation of every feature over all steps."""
    every = np.concatenate(vectors)
    deviation = every.std(0, ddof=1)
    return np.stack([every.mean(0), np.where(deviation > 1e-6, deviation, 1.0)])


def scale_of(preferences: Preferences, features: Sequence) -> np.ndarray:
    """(2, D) `moments` of the judged steps of these records."""
    pairs = zip(preferences, features, strict=True)
    return moments(
        [
            np.asarray(vectors[k], dtype=float)[judged(labels)]
            for record, vectors in pairs
            for k, labels in enumerate(record.step_labels)
        ]
    )


def grouped(chains: Chains, n: int) -> np.ndarray:
    """(P, n) places of the first n solutions of every prompt that has as many."""
    rows = [np.flatnonzero(chains.prompt == prompt)[:n] for prompt in np.unique(chains.prompt)]
    return np.array([row for row in rows if len(row) == n])
