"""What a training step is made of: groups with their labels as tensors, shuffled, cut into steps and
batches."""

import hashlib
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rmkit.data.ledger import Example, Ledger, dropped, place_of
from rmkit.data.outlines import all_ranks, any_knows, outline
from rmkit.data.preferences import Preferences
from rmkit.data.records import Record
from rmkit.data.stored_records import chosen, labels_alone
from rmkit.errors import InputError
from rmkit.models.packing import batches
from rmkit.models.steps import UNREAD
from rmkit.models.token_groups import TokenGroups
from rmkit.theory import losses
from rmkit.training.objective import COLUMNS, Objective
from rmkit.training.settings import Settings

UNKNOWN = math.nan


@dataclass
class Examples:
    """N groups that a loss can learn from.

    groups   N TokenGroup, made when they are read
    labels   {"ranks": (N, K) int64, 0 = none; "ratings", "correct": (N, K) float32; "step_labels": (N, K, S)
             float32; "margin", "share": (N,) float32; NaN = unknown}, where any group knows one
    weights  (N,) float32, how much each group weighs in a step
    sizes    N numbers of tokens in the model's layout
    ledger   what became of the rows, dropped groups included
    """

    groups: TokenGroups
    labels: dict[str, Tensor]
    weights: Tensor
    sizes: list[int]
    ledger: Ledger

    def __len__(self) -> int:
        return len(self.groups)

    def at(
        self, indices: Sequence[int], mask: Tensor, factor: float = 1.0
    ) -> tuple[dict[str, Tensor], Tensor]:
        """(labels, factor * weights) of these groups, on the device and as wide as a batch's mask, (G, K) or
        (G, K, S).

        ranks are there always: 0 where there are none.
        """
        chosen = torch.tensor(indices)
        rows = {name: column[chosen].to(mask.device) for name, column in self.labels.items()}
        labels = {
            name: row[tuple(slice(width) for width in mask.shape[: row.dim()])] for name, row in rows.items()
        }
        labels.setdefault("ranks", torch.zeros(mask.shape[:2], dtype=torch.int64, device=mask.device))
        return labels, factor * self.weights[chosen].to(mask.device)

    def fingerprint(self) -> str:
        """A digest of every token and label: two runs on the same data have the same."""
        digest = hashlib.sha256()
        digest.update(self.groups.digest().encode())
        for name, column in sorted(self.labels.items()):
            digest.update(name.encode() + column.numpy().tobytes())
        return digest.hexdigest()


def prepare(model, preferences: Preferences, objective: Objective, settings: Settings) -> Examples:
    """Encode the groups, collect what the loss needs, and drop, with a count, the groups it cannot learn
    from."""
    if not len(preferences):
        raise InputError(f"{preferences.name} has no groups; there is nothing to train on.")
    groups, encoding = model.encode(preferences, steps=objective.by_step)
    places = groups.places.tolist()
    records = labels_alone(chosen(preferences.records, places))  # read once for each label, never kept
    labels = labels_of(records, objective, settings.aspect)
    if objective.by_step and "step_labels" in labels:
        forget_unread(labels["step_labels"], groups)
    for name in objective.needs:
        if name not in labels and groups:
            raise missing(name, objective, preferences)
    if settings.aspect and "ratings" not in (*objective.needs, *objective.may):
        raise InputError(f"aspect chooses among ratings, which the loss {objective.name!r} does not take.")
    if settings.centering and groups and "ranks" not in labels:
        raise InputError(
            f"centering needs pairs, and no group of {preferences.name} has `ranks`: leave centering out."
        )
    weights = weights_of(records, labels, objective, settings.weighting) if groups else torch.zeros(0)
    keep = (weights > 0).nonzero().flatten().tolist()
    ledger = _ledger(preferences, groups, encoding, set(keep))
    if not keep:
        raise InputError(
            f"No group of {preferences.name} is left to train on with {objective.name!r}: {ledger.line()}."
        )
    kept = groups.take(keep)
    known = {name: column[keep] for name, column in labels.items()}
    return Examples(kept, known, weights[keep], model.costs(kept), ledger)


def forget_unread(step_labels: Tensor, groups: TokenGroups) -> None:
    """Set to unknown, in place, the labels (N, K, S) of steps that were cut away."""
    for row, group in zip(step_labels, groups, strict=True):
        for labels, ends in zip(row, group.steps, strict=False):
            labels[: len(ends)][torch.tensor(ends) == UNREAD] = UNKNOWN


def missing(name: str, objective: Objective, preferences: Preferences) -> InputError:
    """The error for a column that the loss needs and that no group has."""
    return InputError(
        f"The loss {objective.name!r} needs the column `{COLUMNS[name]}`, which no group of "
        f"{preferences.name} has: choose another loss, or add it."
    )


def labels_of(records: Sequence[Record], objective: Objective, aspect: str | None) -> dict[str, Tensor]:
    """{name: column} of what the loss takes and of ranks and share, where any of the records knows it."""
    names = dict.fromkeys(("ranks", "share", *objective.needs, *objective.may))
    columns = {name: column(name, records, aspect) for name in names if _anywhere(name, records)}
    return {name: known for name, known in columns.items() if _known(name, known).any()}


def weights_of(
    records: Sequence[Record], labels: dict[str, Tensor], objective: Objective, weighting: str
) -> Tensor:
    """(N,) float32: how much each group weighs; 0 where it says nothing to this loss."""
    counts = torch.from_numpy(outline(records).sizes)
    mask = torch.arange(int(counts.max())) < counts[:, None]
    if objective.kind is not None:
        other = [labels[name] for name in objective.needs if name in ("ratings", "correct", "step_labels")]
        return losses.group_weights(
            mask[..., None] if objective.by_step else mask,
            labels.get("ranks"),
            weighting,
            loss=objective.kind,
            labels=other[0] if other else None,
        )
    says = [_known(name, labels[name]).reshape(len(records), -1).sum(1) for name in objective.needs]
    number = torch.stack(says).amin(0).float() if says else torch.ones(len(records))
    return number.clamp(max=1.0) if weighting == "group" else number


def plan(
    sizes: Sequence[int], epochs: int, budget: int | None, groups: int | None, seed: int
) -> list[list[int]]:
    """The indices of every step of a run.

    Each epoch shuffles the groups and spreads them evenly over its steps: at most `groups` groups a step, or
    about `budget` tokens, as many steps as that takes. So no step is a remnant in which a group would weigh
    more. A step is a random sample whatever the lengths; they are sorted inside it (`split_step`), where
    order changes nothing.
    """
    share = [1] * len(sizes) if groups else sizes
    total = sum(share)
    number = math.ceil(total / (groups or budget))
    steps: list[list[int]] = []
    for epoch in range(epochs):
        order = list(range(len(sizes)))
        random.Random(f"{seed} {epoch}").shuffle(order)
        ends = itertools.accumulate(share[i] for i in order)
        # A group belongs to the step in which its middle falls.
        places = [(2 * end - share[i]) * number // (2 * total) for i, end in zip(order, ends, strict=True)]
        found = zip(places, order, strict=True)
        steps += [[i for _, i in step] for _, step in itertools.groupby(found, key=lambda pair: pair[0])]
    return steps


def split_step(
    step: Sequence[int], sizes: Sequence[int], budget: int, rank: int, processes: int
) -> list[tuple[list[int], float, bool]]:
    """The batches of one process: (indices, 1.0, whether it is the last), of similar lengths and at most
    `budget` tokens each.

    Every process gets equally many, so that none waits for another forever: one that runs short repeats a
    batch with the factor 0.0. With the last, processes exchange their gradients.
    """
    fair = math.ceil(sum(sizes[i] for i in step) / processes)
    parts = batches([sizes[i] for i in step], min(budget, fair))
    rounds = math.ceil(len(parts) / processes)
    mine = [([step[i] for i in part], 1.0) for part in parts[rank::processes]]
    mine += [([step[i] for i in parts[0]], 0.0)] * (rounds - len(mine))
    return [(*part, number == rounds) for number, part in enumerate(mine, 1)]


def column(name: str, records: Sequence[Record], aspect: str | None = None) -> Tensor:
    """What the loss argument `name` needs to know of these records, as in `Examples.labels`."""
    if name in ("margin", "strength", "share"):
        values = [getattr(record, COLUMNS[name], None) for record in records]
        return torch.tensor([UNKNOWN if value is None else value for value in values], dtype=torch.float32)
    if name == "ranks":
        sizes, ranks = all_ranks(records)
        table = np.zeros((len(sizes), sizes.max(initial=1)), dtype=np.int64)
        table[np.arange(table.shape[1]) < sizes[:, None]] = ranks
        return torch.from_numpy(table)
    width = int(outline(records).sizes.max(initial=1))
    if name == "step_labels":
        return _of_steps([record.step_labels or [] for record in records], width)
    rows = [_ratings(record, aspect) if name == "ratings" else record.correct for record in records]
    known = [[UNKNOWN if value is None else float(value) for value in row or []] for row in rows]
    return torch.tensor([row + [UNKNOWN] * (width - len(row)) for row in known], dtype=torch.float32)


def _of_steps(labels: list[list[list[int | None]]], width: int) -> Tensor:
    """(N, K, S) float32; NaN = not judged, or no such step."""
    longest = max((len(row) for rows in labels for row in rows), default=0)
    found = torch.full((len(labels), width, max(longest, 1)), UNKNOWN)
    for n, rows in enumerate(labels):
        for k, row in enumerate(rows):
            found[n, k, : len(row)] = torch.tensor([UNKNOWN if x is None else float(x) for x in row])
    return found


def _ratings(record: Record, aspect: str | None) -> list[float | None] | None:
    ratings = record.ratings or {}
    if aspect is None and len(ratings) > 1:
        raise InputError(f"The ratings have several aspects ({', '.join(ratings)}); choose one with aspect=.")
    return ratings.get(aspect) if aspect else next(iter(ratings.values()), None)


def _anywhere(name: str, records: Sequence[Record]) -> bool:
    return bool(all_ranks(records)[1].any()) if name == "ranks" else any_knows(records, COLUMNS[name])


def _known(name: str, column: Tensor) -> Tensor:
    return column > 0 if name == "ranks" else ~column.isnan()


def _ledger(preferences: Preferences, groups: TokenGroups, encoding: Ledger, useful: set[int]) -> Ledger:
    """The preferences' ledger, and in it what encoding dropped or cut and the groups that say nothing."""
    places = groups.places.tolist()
    encoded = set(places)
    reasons: dict[str, list[str]] = {}
    for (_, subset, what), n in encoding.cells.items():
        if what.startswith("dropped: "):
            reasons.setdefault(subset, []).extend([what.removeprefix("dropped: ")] * n)
    lost = (preferences[index] for index in range(len(preferences)) if index not in encoded)
    losers = [(record, reasons[record.subset or ""].pop()) for record in lost]
    for number, place in enumerate(places):
        if number not in useful:
            record = preferences[place]
            losers.append((record, "tied" if record.ties() else "nothing to compare"))
    ledger = dropped(preferences.ledger, losers)
    subsets = outline(chosen(preferences.records, places)).subsets
    splits = {
        subset: place_of(ledger, Record("", [""], subset=subset))[0] for subset in set(subsets.tolist())
    }
    trained = np.isin(np.arange(len(groups)), list(useful))
    for what, done, cut in groups.cuts():
        numbers = np.flatnonzero(cut & trained)
        looks = (Example.of(preferences[places[number]], done) for number in numbers.tolist())
        ledger.add_each(what, subsets[numbers].tolist(), looks, splits)
    return ledger
