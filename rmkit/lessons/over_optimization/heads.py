"""Lesson 11: small networks on frozen features, many at once, so that ensembles have members that differ.

    r(x, y) = w . tanh(W f(x, y) + b)

A linear head has one best answer, and so no luck in it. These have: in where they start, in the votes that
they draw, in the order in which they see them. All members are slices of one tensor, trained in one loop.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from rmkit.models.averaging import average_weights

HIDDEN = 16
Members = Mapping[str, Tensor]  # "W" (B, D, H), "b" (B, H), "w" (B, H) of B members


def draw(members: int, width: int, generator: torch.Generator) -> dict[str, Tensor]:
    """B random starts."""
    first = torch.randn(members, width, HIDDEN, generator=generator) / width**0.5
    last = torch.randn(members, HIDDEN, generator=generator) / HIDDEN**0.5
    return {"W": first, "b": torch.zeros(members, HIDDEN), "w": last}


def repeat(members: Members, times: int) -> dict[str, Tensor]:
    """Each member so many times in a row: one start for several."""
    return {name: each.repeat_interleave(times, 0) for name, each in members.items()}


def score(members: Members, features: Tensor) -> Tensor:
    """(B, ...) rewards of features (..., D)."""
    flat = features.reshape(-1, features.shape[-1])
    hidden = torch.tanh(
        torch.baddbmm(members["b"][:, None], flat.expand(len(members["W"]), -1, -1), members["W"])
    )
    return torch.bmm(hidden, members["w"][..., None]).squeeze(-1).reshape(-1, *features.shape[:-1])


def train(
    start: Members,
    pairs: Tensor,
    rows: Tensor,
    *,
    epochs: int,
    lr: float = 0.01,
    batch: int = 10,
    seed: int = 0,
) -> dict[str, Tensor]:
    """Members after Bradley-Terry on their own votes, in their own order.

    pairs (N, 2, D): chosen, rejected.   rows (B, V): the pairs that each member draws; -1 - i is pair i with
    its label turned round.   Adam on batches of `batch` votes, the last one shorter.
    """
    found = {name: each.clone().requires_grad_() for name, each in start.items()}
    optimizer = torch.optim.Adam(found.values(), lr=lr)
    generator = torch.Generator().manual_seed(seed)
    turned = rows < 0
    index = torch.where(turned, -1 - rows, rows)
    for _ in range(epochs):
        order = torch.rand(rows.shape, generator=generator).argsort(1)
        for places in order.split(batch, 1):
            some, turn = index.gather(1, places), turned.gather(1, places)
            each = pairs[some]  # (B, batch, 2, D)
            hidden = torch.tanh(torch.einsum("bnkd,bdh->bnkh", each, found["W"]) + found["b"][:, None, None])
            rewards = torch.einsum("bnkh,bh->bnk", hidden, found["w"])
            gaps = torch.where(turn, -1.0, 1.0) * (rewards[..., 0] - rewards[..., 1])
            loss = torch.nn.functional.softplus(-gaps).mean(1).sum()  # members do not meet
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return {name: each.detach() for name, each in found.items()}


def votes(seeds: int, members: int, some: range, each: int, noise: float, rng: np.random.Generator) -> Tensor:
    """(seeds * members, each) rows for `train`: a seed draws votes from `some`, each member a bootstrap
    sample of them; a share `noise` of a seed's labels is turned round, for all of its members alike.
    """
    rows = []
    for _ in range(seeds):
        own = rng.choice(np.arange(some.start, some.stop), each, replace=False)
        own = np.where(rng.random(each) < noise, -1 - own, own)
        rows += [rng.choice(own, each) for _ in range(members)]
    return torch.tensor(np.array(rows))


def averaged(members: Members, size: int) -> dict[str, Tensor]:
    """The mean weights of each `size` members in a row: B / size members."""
    return average_weights([{name: each[m::size] for name, each in members.items()} for m in range(size)])
