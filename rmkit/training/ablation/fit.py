"""Heads that each learn from groups of their own: one seed, one sample, one set of votes.

As `rmkit.training.head_fitting`, where heads share their groups. Here the largest product is taken seed by
seed, so that a head costs what its own labels cost, and does not depend on its company.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rmkit.errors import InputError
from rmkit.theory import losses
from rmkit.theory.minimize import minimize


def fit(
    loss: str,
    x: Tensor,
    mask: Tensor,
    labels: Mapping[str, Tensor],
    weighting: str,
    penalties: Sequence[float],
) -> tuple[Tensor, Tensor]:
    """(weights (S, P, D), converged (S, P) bool): for each seed a head with each of P penalties.

    x (S, n, K, D): features on axes that hardly correlate.   mask (S, n, K).   labels: what the loss asks
    for, each (S, n, ...), ranks among them.   Minimizes, as `rmkit.training.heads`,
        sum_g weight_g loss_g(w) / sum_g weight_g + penalty / 2 |w|^2.
    """
    seeds, n, k, width = x.shape
    flat = (mask.flatten(0, 1), labels["ranks"].flatten(0, 1))
    weight = losses.group_weights(*flat, weighting, loss=loss).view(seeds, n)
    if (weight.sum(1) == 0).any():
        raise InputError(f"No group orders two answers, so the loss {loss!r} has nothing to learn from.")
    weight = weight / weight.sum(1, keepdim=True)
    # Pairs see differences only: without the groups' means the numbers are smaller and the fit is the same.
    z = (x - (x * mask[..., None]).sum(2, keepdim=True) / mask.sum(2)[..., None, None]) * mask[..., None]
    z = z.flatten(1, 2)
    of_loss = losses.get(loss)
    l2 = torch.tensor(list(penalties), dtype=torch.float32).repeat(seeds)[:, None]
    owner = torch.arange(seeds).repeat_interleave(len(penalties))

    def objective(w: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        mine = owner[rows]
        parts = mine.unique_consecutive(return_counts=True)
        parts = list(zip(parts[0].tolist(), w.split(parts[1].tolist()), strict=True))
        with torch.enable_grad():
            r = torch.cat([own @ z[seed].T for seed, own in parts]).view(-1, k).requires_grad_()
            here = {name: each[mine].flatten(0, 1) for name, each in labels.items()}
            per_group = of_loss(r, mask[mine].flatten(0, 1), **here)
            value = (per_group.view(len(rows), n) * weight[mine]).sum(1)
            (pull,) = torch.autograd.grad(value.sum(), r)
        pulls = pull.view(len(rows), -1).split([len(own) for _, own in parts])
        gradient = torch.cat([each @ z[seed] for (seed, _), each in zip(parts, pulls, strict=True)])
        return value.detach() + (l2[rows] * w * w).sum(1) / 2, gradient + l2[rows] * w

    # A difference of two answers varies twice as much as one; the logistic loss curves by 1/4 at most.
    curve = 0.5 * (z * z).sum(1) / mask.flatten(1).sum(1, keepdim=True)
    start = torch.zeros(seeds * len(penalties), width)
    w, _, done = minimize(objective, start, 1 / (curve[owner] + l2))
    return w.view(seeds, -1, width), done.view(seeds, -1)
