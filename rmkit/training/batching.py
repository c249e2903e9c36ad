"""What a training step is made of: groups with their labels as tensors, shuffled, cut into steps and
batches."""

import hashlib
import inspect
import json
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rmkit.data.ledger import TRUNCATED, Example, Ledger, dropped, place_of
from rmkit.data.preferences import Preferences
from rmkit.data.records import Record, ranks_of
from rmkit.errors import InputError
from rmkit.models.packing import TokenGroup, batches
from rmkit.theory import losses

UNKNOWN = math.nan
# Which column of a record gives which argument of a loss.
COLUMNS = {"ranks": "ranks", "margin": "strength", "ratings": "ratings", "correct": "correct"}


@dataclass
class Examples:
    """N groups that a loss can learn from.

    groups   N TokenGroup
    labels   {"ranks": (N, K) int64, 0 = none; "ratings", "correct": (N, K) float32 and "margin": (N,), NaN =
    unknown} weights  (N,) float32, how much each group weighs in a step
    sizes    N numbers of tokens in the model's layout
    ledger   what became of the rows, dropped groups included
    """

    groups: list[TokenGroup]
    labels: dict[str, Tensor]
    weights: Tensor
    sizes: list[int]
    ledger: Ledger

    def __len__(self) -> int:
        return len(self.groups)

    def at(
        self, indices: Sequence[int], mask: Tensor, factor: float = 1.0
    ) -> tuple[dict[str, Tensor], Tensor]:
        """(labels, factor * weights) of these groups, on the device and of the width of a batch's mask (G,
        K)."""
        chosen = torch.tensor(indices)
        rows = {name: column[chosen].to(mask.device) for name, column in self.labels.items()}
        labels = {name: row if row.dim() == 1 else row[:, : mask.shape[1]] for name, row in rows.items()}
        return labels, factor * self.weights[chosen].to(mask.device)

    def fingerprint(self) -> str:
        """A digest of every token and label: two runs on the same data have the same."""
        digest = hashlib.sha256()
        for group in self.groups:
            digest.update(json.dumps([group.prompt, group.responses]).encode())
        for name, column in sorted(self.labels.items()):
            digest.update(name.encode() + column.numpy().tobytes())
        return digest.hexdigest()


def needs_of(loss: str | Callable, options: Iterable[str] = ()) -> tuple[str, ...]:
    """The columns a loss asks for: its keyword-only arguments without a default that are no options.

    Raises InputError for an unknown loss, and for an option that it does not have.
    """
    function = losses.get(loss) if isinstance(loss, str) else loss
    arguments = inspect.signature(function).parameters.values()
    named = {a.name: a.default is a.empty for a in arguments if a.kind is a.KEYWORD_ONLY}
    for option in options:
        if option not in named:
            others = ", ".join(name for name, needed in named.items() if not needed) or "none"
            raise InputError(
                f"fit has no argument {option!r}, nor has the loss {loss!r} (its options: {others})."
            )
    return tuple(name for name, needed in named.items() if needed and name not in options)


def prepare(
    model,
    preferences: Preferences,
    loss: str | Callable,
    needs: Sequence[str],
    weighting: str = "group",
    aspect: str | None = None,
) -> Examples:
    """Encode the groups, collect what the loss needs, and drop, with a count, the groups it cannot learn
    from."""
    beyond = [name for name in needs if name not in COLUMNS]
    if beyond:
        raise InputError(
            f"fit cannot train with the loss {loss!r}: it needs `{beyond[0]}`, and a reward model gives one "
            f"reward for a whole response."
        )
    if not len(preferences):
        raise InputError(f"{preferences.name} has no groups; there is nothing to train on.")
    groups, encoding = model.encode(preferences)
    records = [preferences[group.index] for group in groups]
    labels = {name: column(name, records, aspect) for name in {"ranks", *needs}}
    for name in needs:
        _check_known(labels[name], name, loss, preferences)
    counts = torch.tensor([len(group.responses) for group in groups])
    mask = torch.arange(labels["ranks"].shape[1]) < counts[:, None]
    named = loss if isinstance(loss, str) else "bradley-terry" if "ranks" in needs else "regression"
    other = [labels[name] for name in needs if name in ("ratings", "correct")]
    weights = losses.group_weights(
        mask, labels["ranks"], weighting, loss=named, labels=other[0] if other else None
    )
    keep = (weights > 0).nonzero().flatten().tolist()
    ledger = _ledger(preferences, groups, encoding, set(keep))
    if not keep:
        raise InputError(
            f"No group of {preferences.name} is left to train on with {loss!r}: {ledger.line()}."
        )
    kept = [groups[i] for i in keep]
    return Examples(
        kept,
        {name: column[keep] for name, column in labels.items()},
        weights[keep],
        [model.cost(group) for group in kept],
        ledger,
    )


def plan(
    sizes: Sequence[int], epochs: int, budget: int | None, groups: int | None, seed: int
) -> list[list[int]]:
    """The indices of every step of a run.

    Each epoch shuffles the groups and cuts them into steps of `groups` groups, or of at most `budget` tokens.
    A step is a random sample whatever the lengths; they are sorted inside it (`split_step`), where order
    changes nothing.
    """
    steps: list[list[int]] = []
    for epoch in range(epochs):
        order = list(range(len(sizes)))
        random.Random(f"{seed} {epoch}").shuffle(order)
        step: list[int] = []
        tokens = 0
        for i in order:
            full = len(step) == groups if groups else tokens + sizes[i] > budget
            if step and full:
                steps.append(step)
                step, tokens = [], 0
            step.append(i)
            tokens += sizes[i]
        steps.append(step)
    return steps


def split_step(
    step: Sequence[int], sizes: Sequence[int], budget: int, rank: int, processes: int
) -> list[tuple[list[int], float]]:
    """The batches of one process: (indices, 1.0), of similar lengths and at most `budget` tokens each.

    Every process gets equally many, so that none waits for another forever: one that runs short repeats a
    batch with the factor 0.0.
    """
    fair = math.ceil(sum(sizes[i] for i in step) / processes)
    parts = batches([sizes[i] for i in step], min(budget, fair))
    rounds = math.ceil(len(parts) / processes)
    mine = [([step[i] for i in part], 1.0) for part in parts[rank::processes]]
    return mine + [([step[i] for i in parts[0]], 0.0)] * (rounds - len(mine))


def column(name: str, records: list[Record], aspect: str | None = None) -> Tensor:
    """What the loss argument `name` needs to know of these records, as in `Examples.labels`."""
    if name == "margin":
        strengths = [UNKNOWN if record.strength is None else record.strength for record in records]
        return torch.tensor(strengths, dtype=torch.float32)
    width = max((len(record.responses) for record in records), default=1)
    if name == "ranks":
        rows = [ranks_of(record) for record in records]
        return torch.tensor([row + [0] * (width - len(row)) for row in rows])
    rows = [_ratings(record, aspect) if name == "ratings" else record.correct for record in records]
    known = [[UNKNOWN if value is None else float(value) for value in row or []] for row in rows]
    return torch.tensor([row + [UNKNOWN] * (width - len(row)) for row in known], dtype=torch.float32)


def _ratings(record: Record, aspect: str | None) -> list[float | None] | None:
    ratings = record.ratings or {}
    if aspect is None and len(ratings) > 1:
        raise InputError(f"The ratings have several aspects ({', '.join(ratings)}); choose one with aspect=.")
    return ratings.get(aspect) if aspect else next(iter(ratings.values()), None)


def _check_known(column: Tensor, name: str, loss: str | Callable, preferences: Preferences) -> None:
    known = (column > 0).any() if name == "ranks" else (~column.isnan()).any()
    if not known:
        raise InputError(
            f"The loss {loss!r} needs the column `{COLUMNS[name]}`, which no group of {preferences.name} "
            f"has: choose another loss, or add it."
        )


def _ledger(preferences: Preferences, groups: list[TokenGroup], encoding: Ledger, useful: set[int]) -> Ledger:
    """The preferences' ledger, and in it what encoding dropped or cut and the groups that say nothing."""
    encoded = {group.index for group in groups}
    reasons: dict[str, list[str]] = {}
    for (_, subset, what), n in encoding.cells.items():
        if what.startswith("dropped: "):
            reasons.setdefault(subset, []).extend([what.removeprefix("dropped: ")] * n)
    losers = [
        (record, reasons[record.subset or ""].pop())
        for index, record in enumerate(preferences)
        if index not in encoded
    ]
    for number, group in enumerate(groups):
        if number not in useful:
            record = preferences[group.index]
            losers.append((record, "tied" if record.ties() else "nothing to compare"))
    ledger = dropped(preferences.ledger, losers)
    for number in useful:
        if groups[number].truncated:
            record = preferences[groups[number].index]
            split, subset = place_of(ledger, record)
            example = Example.of(record, "kept: some text was cut")
            ledger.add(TRUNCATED, split=split, subset=subset, example=example)
    return ledger
