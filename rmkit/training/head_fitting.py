"""All heads at once: one matrix of weights, one matrix product, one L-BFGS with a row for each head."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache, partial

import torch
from torch import Tensor

from rmkit.data.preferences import Preferences
from rmkit.errors import InputError
from rmkit.theory import losses
from rmkit.theory.gap_losses import OF_GAP
from rmkit.theory.minimize import minimize
from rmkit.theory.pairs import pairs
from rmkit.training.batching import column
from rmkit.training.head_settings import Setting

# (rewards of S heads (S, ...), which heads they are) -> (S,), what the loss adds to each objective
Values = Callable[[Tensor, Tensor], Tensor]
AT_ONCE = 4_000_000  # numbers in the largest tensor (heads, groups, K, K) of one pass


class HeadData:
    """x (G, K, D) standardized features, mask (G, K), share (G,), and the labels that losses ask for."""

    def __init__(self, features: Sequence[Tensor], groups: Preferences, aspect: str | None):
        counts = torch.tensor([len(each) for each in features])
        every = torch.cat([each.float() for each in features])
        self.mean, deviation = every.mean(0), every.std(0)
        self.deviation = deviation.where(deviation > 1e-6, 1.0)  # a feature that never changes says nothing
        self.mask = torch.arange(int(counts.max())) < counts[:, None]
        self.x = torch.zeros(*self.mask.shape, every.shape[1])
        self.x[self.mask] = (every - self.mean) / self.deviation
        self.label = cache(lambda name: column(name, self.records, aspect))  # (G, K) or (G,): a loss argument
        self.records = list(groups)
        self.ranks = self.label("ranks")
        shares = [getattr(record, "share", None) for record in groups]
        self.share = torch.tensor([torch.nan if q is None else q for q in shares], dtype=torch.float32)

    def rewards(self, weights: Tensor) -> Tensor:
        """(S, G, K) rewards of heads (S, D + 1) on the standardized features, the bias last."""
        flat = weights[:, :-1] @ self.x.flatten(0, 1).T
        return flat.view(len(weights), *self.mask.shape) + weights[:, -1:, None]


def fit_all(
    settings: Sequence[Setting], data: HeadData, samples: Tensor, turned: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(weights with the bias last (S, D + 1), smallest objectives (S,), converged (S,) bool).

    samples (S, G): how often each head sees a group.   turned (S, G) bool: groups with labels turned round.
    """
    weights = torch.zeros(len(settings), data.x.shape[-1] + 1)
    objective, converged = torch.zeros(len(settings)), torch.zeros(len(settings), dtype=torch.bool)
    for indices in _blocks(settings, data):
        found = _fit([settings[i] for i in indices], data, samples[indices], turned[indices])
        weights[indices], objective[indices], converged[indices] = found
    return weights, objective, converged


def _blocks(settings: Sequence[Setting], data: HeadData) -> list[list[int]]:
    """Indices of settings with the same loss and parameters, at most as many as fit in one pass."""
    same: dict[str, list[int]] = defaultdict(list)
    for i, setting in enumerate(settings):
        same[repr((setting.loss, sorted(setting.parameters.items())))].append(i)
    size = max(1, AT_ONCE // (data.mask.numel() * data.mask.shape[1]))
    return [block[i : i + size] for block in same.values() for i in range(0, len(block), size)]


def _fit(
    settings: list[Setting], data: HeadData, samples: Tensor, turned: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(weights with bias last (S, D + 1), objectives (S,), converged (S,))"""
    name = settings[0].loss
    paired = "ranks" in losses.needs(name)
    weight = samples * informative(settings, data)
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
    if name in OF_GAP:
        z, values = _over_pairs(settings[0], data, turned, weight, z)
    else:
        values = _over_groups(settings[0], data, labels_of(name, data, turned), weight)

    def objective(w: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            r = (w @ z.T).requires_grad_()
            value = values(r, rows)
            (pull,) = torch.autograd.grad(value.sum(), r)
        gradient = pull @ z + l2[rows] * w
        return value.detach() + (l2[rows] * w * w).sum(1) / 2, gradient

    # A difference of two responses varies twice as much as one; the logistic loss curves by 1/4 at most.
    curve = torch.cat([(0.5 if paired else 1.0) * spread.clamp(min=0), torch.ones(1)])
    w, value, done = minimize(objective, torch.zeros(len(settings), len(curve)), 1 / (curve + l2))
    return torch.cat([w[:, :-1] @ basis.T, w[:, -1:]], 1), value, done


def _over_groups(setting: Setting, data: HeadData, labels: dict[str, Tensor], weight: Tensor) -> Values:
    """Any loss, over groups as they are."""
    loss = losses.get(setting.loss)
    if "share" in labels:
        loss = partial(losses.under_shares, loss)

    def values(r: Tensor, rows: Tensor) -> Tensor:
        here = {key: each[rows].flatten(0, 1) for key, each in labels.items()}
        mask = data.mask.repeat(len(rows), 1)
        per_group = loss(r.view(len(mask), -1), mask, **here, **setting.parameters)
        return (per_group.view(len(rows), -1) * weight[rows]).sum(1)

    return values


def _over_pairs(
    setting: Setting, data: HeadData, turned: Tensor, weight: Tensor, z: Tensor
) -> tuple[Tensor, Values]:
    """A loss of gaps alone, over the pairs that there are: the same numbers for a fraction of the work.

    Where pairs are no more than responses, as in groups of two, the rows of z become their differences.
    """
    of_gap = partial(OF_GAP[setting.loss], **setting.parameters)
    group, better, worse = pairs(data.ranks, data.mask).nonzero().T
    width = data.mask.shape[1]
    better, worse = group * width + better, group * width + worse
    weight = (weight / torch.bincount(group, minlength=len(data.mask)).clamp(min=1))[:, group]
    sign = (1 - 2 * turned[:, group].float()) if turned.any() else None
    share = data.share[group].nan_to_num(nan=1.0) if not data.share.isnan().all() else None
    differences = len(group) <= len(z)
    z = z[better] - z[worse] if differences else z

    def values(r: Tensor, rows: Tensor) -> Tensor:
        d = r if differences else r[:, better] - r[:, worse]
        d = d if sign is None else d * sign[rows]
        each = of_gap(d) if share is None else share * of_gap(d) + (1 - share) * of_gap(-d)
        return (each * weight[rows]).sum(1)

    return z, values


def labels_of(name: str, data: HeadData, turned: Tensor) -> dict[str, Tensor]:
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
    if "ranks" in found and not data.share.isnan().all():
        found["share"] = data.share.expand(len(turned), -1)
    return found


def informative(settings: list[Setting], data: HeadData) -> Tensor:
    """(S, G) how much each group weighs, 0 = it has nothing that the loss needs; noise changes no weight."""
    needed = [need for need in losses.needs(settings[0].loss) if need in ("ratings", "correct")]
    other = data.label(needed[0]) if needed else None
    kinds = {
        kind: losses.group_weights(data.mask, data.ranks, kind, loss=settings[0].loss, labels=other)
        for kind in {setting.weighting for setting in settings}
    }
    return torch.stack([kinds[setting.weighting] for setting in settings])
