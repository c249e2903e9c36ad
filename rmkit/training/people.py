"""Whose reward? Votes with the names of those who gave them, and what can be learned from these.

    v = rmkit.people.votes(features, preferences)              # records know their annotator
    camps = rmkit.people.mixture(v.x, v.user, k=3)             # a reward for each camp, and who is in it
    points = rmkit.people.ideal_points(v.first, v.second, v.user, k=3)
    axes = rmkit.people.principal_axes(v.x)
    weights = rmkit.people.few_shot(gaps)                      # one new person, from a few votes
    rmkit.people.agreement(preferences)                        # do they agree, and who differs on what?

The formulas stand in `theory`: mixture.py, ideal_points.py, axes.py, few_shot.py, linear.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rmkit.data.preferences import as_preferences
from rmkit.errors import InputError
from rmkit.evaluation.agreement import agreement
from rmkit.theory.axes import principal_axes
from rmkit.theory.few_shot import few_shot
from rmkit.theory.ideal_points import fit as ideal_points
from rmkit.theory.linear import fit as one_reward
from rmkit.theory.mixture import fit as mixture

__all__ = [
    "Votes", "agreement", "few_shot", "ideal_points", "mixture", "moments", "one_reward", "principal_axes",
    "votes",
]  # fmt: skip


@dataclass(frozen=True)
class Votes:
    """V votes of U people. first, second (V, D): standardized features of the preferred answer and of the
    other; user (V,): who, as a place in `names` (U,); record (V,): which group of the preferences.
    """

    first: np.ndarray
    second: np.ndarray
    user: np.ndarray
    names: tuple[str, ...]
    record: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    @property
    def x(self) -> np.ndarray:
        """(V, D) features of the preferred answer minus those of the other."""
        return self.first - self.second

    def of(self, people: Sequence[str]) -> "Votes":
        """The votes of these people only, who get the numbers 0, 1, ... in the order named."""
        place = {name: i for i, name in enumerate(people)}
        number = np.array([place.get(name, -1) for name in self.names])[self.user]
        keep = number >= 0
        if not keep.any():
            raise InputError(
                f"None of {len(place)} people has a vote here; the first is {next(iter(place), None)!r}."
            )
        kept = {name: getattr(self, name)[keep] for name in ("first", "second", "record")}
        return replace(self, **kept, user=number[keep], names=tuple(people))


def votes(features: Sequence, preferences, *, scale: np.ndarray | None = None) -> Votes:
    """Every ordered pair of every group as a vote of the group's annotator; ties are no votes.

    features: one (K, D) tensor a group (`rmkit.features`).   scale (2, D): mean and deviation to standardize
    with (default: `moments(features)`).   Raises InputError where a group has no annotator.
    """
    groups = as_preferences(preferences)
    if len(features) != len(groups):
        raise InputError(f"There are features of {len(features):,} groups for {len(groups):,} groups.")
    nameless = sum(record.annotator is None for record in groups)
    if nameless:
        raise InputError(
            f"{nameless:,} of {len(groups):,} groups do not say whose votes they are (`annotator`)."
        )
    mean, deviation = moments(features) if scale is None else scale
    rows = [(g, i, j) for g, record in enumerate(groups) for i, j in record.pairs()]
    if not rows:
        raise InputError("No two answers of any group have different ranks: there are no votes.")
    sides = [
        np.stack([np.asarray(features[g][row[side]], dtype=float) for g, *row in rows]) for side in (0, 1)
    ]
    names = tuple(dict.fromkeys(record.annotator for record in groups))
    place = {name: i for i, name in enumerate(names)}
    user = np.array([place[groups[g].annotator] for g, _, _ in rows])
    first, second = ((side - mean) / deviation for side in sides)
    return Votes(first, second, user, names, np.array([g for g, _, _ in rows]))


def moments(features: Sequence) -> np.ndarray:
    """(2, D): mean and standard deviation of every feature over all responses; 1 where it is constant."""
    every = np.concatenate([np.asarray(each, dtype=float) for each in features])
    deviation = every.std(0)
    return np.stack([every.mean(0), np.where(deviation > 1e-6, deviation, 1.0)])
