"""The instant size: hundreds of linear reward heads on frozen features, fitted in one batched call.

r(x, y) = w . f(x, y) + b, with features f standardized (mean 0, variance 1 over all responses). A head
minimizes

    J(w) = sum_g weight_g loss_g(w) / sum_g weight_g + l2 / 2 |w|^2

over its training groups g; l2 > 0 makes the minimum unique for the convex losses. All heads are rows of one
(S, D) matrix: the rewards of all of them are one matrix product, and the losses see S times G groups.
"""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from rmkit.data.preferences import Preferences, prompt_key
from rmkit.errors import InputError
from rmkit.theory import losses, statistics
from rmkit.theory.minimize import minimize
from rmkit.training.batching import COLUMNS, column

AT_ONCE = 4_000_000  # numbers in the largest tensor (heads, groups, K, K) of one pass


@dataclass(frozen=True)
class Setting:
    """One head: what it minimizes, and on which data.

    loss, parameters   a name of rmkit.losses and its own arguments, such as {"smoothing": 0.2}
    weighting          "group" or "pair"
    l2                 strength of the penalty, above 0
    seed               of everything random here: the split, the sample of groups, the bootstrap and the noise
    groups             how many training groups it sees (None: all)
    bootstrap          whether it sees a bootstrap sample of them (drawn with replacement)
    noise              the share of training groups whose labels are turned round
    """

    loss: str = "bradley-terry"
    parameters: dict = field(default_factory=dict)
    weighting: str = "group"
    l2: float = 0.01
    seed: int = 0
    groups: int | None = None
    bootstrap: bool = False
    noise: float = 0.0


def grid(**choices) -> list[Setting]:
    """Every combination: grid(loss=["hinge", "focal"], l2=[0.01, 0.1], seed=range(20)) has 80 settings."""
    unknown = set(choices) - {f.name for f in fields(Setting)}
    if unknown:
        raise InputError(
            f"A setting has no {sorted(unknown)[0]!r}; it has {', '.join(f.name for f in fields(Setting))}."
        )
    spread = {
        name: value if isinstance(value, Sequence | range) and not isinstance(value, str) else [value]
        for name, value in choices.items()
    }
    return [
        Setting(**dict(zip(spread, values, strict=True))) for values in itertools.product(*spread.values())
    ]


@dataclass
class HeadResults:
    """S fitted heads.

    settings    S settings.          weights (S, D), bias (S,): of the features as they were given
    rewards     (S, G, K) float32 of every group, held out or not; 0 where a group has fewer responses
    held_out    (S, G) bool: groups that the head has not seen, nor their prompts
    accuracy    (S,) share of held-out pairs ordered as people did, equal rewards half.   train_accuracy (S,)
    objective   (S,) the smallest J.   converged (S,) bool: whether the fit reached it
    """

    settings: list[Setting]
    weights: Tensor
    bias: Tensor
    rewards: Tensor
    held_out: Tensor
    accuracy: np.ndarray
    train_accuracy: np.ndarray
    objective: np.ndarray
    converged: np.ndarray

    def __len__(self) -> int:
        return len(self.settings)

    def score(self, features: Sequence[Tensor]) -> list[Tensor]:
        """(S, K) rewards of new groups."""
        return [self.weights @ each.float().T + self.bias[:, None] for each in features]

    def table(self) -> pd.DataFrame:
        """One row for each head: its setting and how it did."""
        rows = [asdict(setting) | {"parameters": _named(setting.parameters)} for setting in self.settings]
        found = {"accuracy": self.accuracy, "train_accuracy": self.train_accuracy}
        return pd.DataFrame(rows).assign(**found, objective=self.objective, converged=self.converged)

    def summary(self) -> pd.DataFrame:
        """The table over seeds: mean held-out accuracy with Student's 95 % interval of that mean.

        The seeds share their data: the interval is about this data set's splits, not about new prompts.
        """
        table = self.table()
        by = [
            name
            for name in asdict(self.settings[0])
            if name != "seed" and table[name].nunique(dropna=False) > 1
        ]
        parts = table.groupby(by, dropna=False, sort=False) if by else [((), table)]
        rows = []
        for key, part in parts:
            seeds = len(part)
            interval = (
                statistics.mean_interval(part["accuracy"])
                if seeds > 1
                else (part["accuracy"].iloc[0], *[np.nan] * 2)
            )
            rows.append([*key, seeds, *interval, part["train_accuracy"].mean()])
        return pd.DataFrame(rows, columns=[*by, "seeds", "accuracy", "low", "high", "train_accuracy"])


def fit_heads(
    features: Sequence[Tensor],
    groups: Preferences,
    settings: Sequence[Setting],
    *,
    test: float | Sequence[int] = 0.2,
    aspect: str | None = None,
) -> HeadResults:
    """Fit one linear head for each setting, all in one batch.

    features: one (K, D) tensor for each group (see `rmkit.features`).   groups: their labels.
    test: the share of prompts that each seed holds out, or the indices of the groups held out from all heads.
    aspect: which ratings a loss that needs them uses.
    Raises InputError where a setting cannot be fitted on these groups.
    """
    _check(features, groups, settings)
    data = _Data(features, groups, aspect)
    held_out, samples, turned = _draws(groups, settings, test)
    weights = torch.zeros(len(settings), data.x.shape[-1] + 1)
    objective, converged = np.zeros(len(settings)), np.zeros(len(settings), dtype=bool)
    for indices in _blocks(settings, data):
        found = _fit([settings[i] for i in indices], data, samples[indices], turned[indices])
        weights[indices], objective[indices], converged[indices] = found
    rewards = (weights[:, :-1] @ data.x.flatten(0, 1).T).view(len(settings), *data.mask.shape) + weights[
        :, -1:, None
    ]
    accuracy, train = _accuracies(rewards, data, held_out, samples > 0)
    raw = weights[:, :-1] / data.deviation
    bias = weights[:, -1] - raw @ data.mean
    rewards = rewards.masked_fill(~data.mask, 0.0)
    return HeadResults(list(settings), raw, bias, rewards, held_out, accuracy, train, objective, converged)


class _Data:
    """x (G, K, D) standardized features, mask (G, K), and the labels that losses ask for."""

    def __init__(self, features: Sequence[Tensor], groups: Preferences, aspect: str | None):
        counts = torch.tensor([len(each) for each in features])
        every = torch.cat([each.float() for each in features])
        self.mean, deviation = every.mean(0), every.std(0)
        self.deviation = deviation.where(deviation > 1e-6, 1.0)  # a feature that never changes says nothing
        self.mask = torch.arange(int(counts.max())) < counts[:, None]
        self.x = torch.zeros(*self.mask.shape, every.shape[1])
        self.x[self.mask] = (every - self.mean) / self.deviation
        self.records, self.aspect = list(groups), aspect
        self.ranks = self.label("ranks")

    def label(self, name: str) -> Tensor:
        """(G, K) or (G,): what the loss argument `name` needs to know."""
        return column(name, self.records, self.aspect)


def _check(features: Sequence[Tensor], groups: Preferences, settings: Sequence[Setting]) -> None:
    if not settings:
        raise InputError("There are no settings to fit: give at least one, such as grid(seed=range(20)).")
    if len(features) != len(groups):
        raise InputError(f"There are features of {len(features):,} groups for {len(groups):,} groups.")
    for number, (each, record) in enumerate(zip(features, groups, strict=True)):
        if each.dim() != 2 or len(each) != len(record.responses) or not each.isfinite().all():
            shape = tuple(each.shape)
            raise InputError(
                f"Group {number} needs finite features (K={len(record.responses)}, D), not {shape}."
            )
    for setting in settings:
        beyond = [name for name in losses.needs(setting.loss) if name not in COLUMNS]
        if beyond:
            raise InputError(
                f"The loss {setting.loss!r} needs `{beyond[0]}`: a head gives one reward for a response."
            )
        if not setting.l2 > 0:
            raise InputError(f"l2={setting.l2}: give a number above 0, or the best weights may be infinite.")
        if not 0 <= setting.noise <= 1:
            raise InputError(f"noise={setting.noise}: give a share between 0 and 1.")
        if setting.noise and "ratings" in losses.needs(setting.loss):
            raise InputError("noise turns preferences round; ratings have nothing to turn.")


# --- what is random -----------------------------------------------------------------------------------------


def _draws(groups: Preferences, settings: Sequence[Setting], test) -> tuple[Tensor, Tensor, Tensor]:
    """held_out (S, G) bool, samples (S, G) how often a group is seen, turned (S, G) bool."""
    keys = [prompt_key(record) for record in groups]
    if isinstance(test, float) and not 0 < test < 1:
        raise InputError(
            f"test={test}: give a share of the prompts between 0 and 1, or the groups to hold out."
        )
    rows = [_draw(keys, setting, test) for setting in settings]
    return tuple(torch.tensor(np.stack(part)) for part in zip(*rows, strict=True))


def _draw(keys: list[str], setting: Setting, test) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # A stream for each purpose: more noise must not change the split.
    split, sample, noise = (np.random.default_rng([setting.seed, purpose]) for purpose in range(3))
    held_out = np.zeros(len(keys), dtype=bool)
    if isinstance(test, float):
        prompts = sorted(set(keys))
        chosen = set(split.permutation(len(prompts))[: max(1, round(test * len(prompts)))].tolist())
        inside = {prompt for number, prompt in enumerate(prompts) if number in chosen}
        held_out[[i for i, key in enumerate(keys) if key in inside]] = True
    else:
        held_out[list(test)] = True
    train = np.flatnonzero(~held_out)
    train = sample.permutation(train)[: setting.groups]
    if setting.bootstrap and len(train):
        train = sample.choice(train, len(train))
    counts = np.bincount(train, minlength=len(keys))
    return held_out, counts, noise.random(len(keys)) < setting.noise


# --- fitting ------------------------------------------------------------------------------------------------


def _blocks(settings: Sequence[Setting], data: _Data) -> list[list[int]]:
    """Indices of settings with the same loss and parameters, at most as many as fit in one pass."""
    same: dict[str, list[int]] = defaultdict(list)
    for i, setting in enumerate(settings):
        same[repr((setting.loss, sorted(setting.parameters.items())))].append(i)
    size = max(1, AT_ONCE // (data.mask.numel() * data.mask.shape[1]))
    return [block[i : i + size] for block in same.values() for i in range(0, len(block), size)]


def _fit(
    settings: list[Setting], data: _Data, samples: Tensor, turned: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(weights with bias last (S, D + 1), objectives (S,), converged (S,))"""
    name, loss = settings[0].loss, losses.get(settings[0].loss)
    paired = "ranks" in losses.needs(name)
    labels = _labels(name, data, turned)
    weight = samples * _group_weights(settings, data, labels)
    if (weight.sum(1) == 0).any():
        i = int((weight.sum(1) == 0).nonzero()[0, 0])
        raise InputError(f"No training group has what the loss {name!r} needs, with {settings[i]}.")
    weight = weight / weight.sum(1, keepdim=True)
    # Pairs see differences only: without the groups' means the numbers are smaller and the fit is the same.
    x = data.x - data.x.sum(1, keepdim=True) / data.mask.sum(1)[:, None, None] if paired else data.x
    x = x * data.mask[..., None]
    spread, basis = torch.linalg.eigh(x.flatten(0, 1).T @ x.flatten(0, 1) / data.mask.sum())
    z = torch.cat([x @ basis, data.mask[..., None].float()], -1).flatten(0, 1)  # the last column is the bias
    l2 = torch.tensor([setting.l2 for setting in settings])[:, None].expand(-1, len(spread))
    l2 = torch.cat([l2, torch.zeros(len(settings), 1)], 1)

    def objective(w: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            r = (w @ z.T).view(len(rows) * len(data.mask), -1).requires_grad_()
            here = {key: each[rows].flatten(0, 1) for key, each in labels.items()}
            per_group = loss(r, data.mask.repeat(len(rows), 1), **here, **settings[0].parameters)
            value = (per_group.view(len(rows), -1) * weight[rows]).sum(1)
            (pull,) = torch.autograd.grad(value.sum(), r)
        gradient = pull.view(len(rows), -1) @ z + l2[rows] * w
        return value.detach() + (l2[rows] * w * w).sum(1) / 2, gradient

    # A difference of two responses varies twice as much as one; the logistic loss curves by 1/4 at most.
    curve = torch.cat([(0.5 if paired else 1.0) * spread.clamp(min=0), torch.ones(1)])
    w, value, done = minimize(objective, torch.zeros(len(settings), len(curve)), 1 / (curve + l2))
    return torch.cat([w[:, :-1] @ basis.T, w[:, -1:]], 1), value, done


def _labels(name: str, data: _Data, turned: Tensor) -> dict[str, Tensor]:
    """Each argument that the loss needs, (S, G, ...), with the noise in it."""
    found = {}
    for need in losses.needs(name):
        label = data.label(need)
        label = label.expand(len(turned), *label.shape)
        if need == "ranks":
            last = label.amax(-1, keepdim=True) + 1
            label = torch.where(turned[..., None] & (label > 0), last - label, label)
        elif need == "correct":
            label = torch.where(turned[..., None], 1 - label, label)
        found[need] = label
    return found


def _group_weights(settings: list[Setting], data: _Data, labels: dict[str, Tensor]) -> Tensor:
    """(S, G); noise changes no weight."""
    other = next((label[0] for need, label in labels.items() if need in ("ratings", "correct")), None)
    kinds = {
        kind: losses.group_weights(data.mask, data.ranks, kind, loss=settings[0].loss, labels=other)
        for kind in {setting.weighting for setting in settings}
    }
    return torch.stack([kinds[setting.weighting] for setting in settings])


def _accuracies(
    rewards: Tensor, data: _Data, held_out: Tensor, seen: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Share of the pairs of the held-out and of the training groups that the rewards order as people did."""
    wins = losses.pairs(data.ranks, data.mask)
    number = wins.sum((1, 2)).float()
    credit = torch.stack([((_sign(r) + 1) / 2 * wins).sum((1, 2)) for r in rewards])
    return tuple(
        ((credit * chosen).sum(1) / (number * chosen).sum(1)).numpy()
        for chosen in (held_out.float(), seen.float())
    )


def _sign(rewards: Tensor) -> Tensor:
    return torch.sign(rewards[:, :, None] - rewards[:, None, :])


def _named(parameters: dict) -> str:
    return ", ".join(f"{name}={value}" for name, value in parameters.items())
