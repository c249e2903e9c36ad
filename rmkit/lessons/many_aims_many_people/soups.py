"""Lesson 13: averaged weights of small nonlinear heads (rewarded soups, Rame et al. 2023).

    r(y) = v . tanh(B f(y))

For linear heads, averaging weights is averaging rewards. With a bend it is not, and it works only where the
heads have walked apart from one place.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

Head = tuple[Tensor, Tensor]  # B (H, D), v (H,)


def begin(width: int, hidden: int, seed: int) -> Head:
    """Random weights of a size at which tanh bends."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(hidden, width, generator=rng) / width**0.5, torch.randn(
        hidden, generator=rng
    ) / hidden**0.5


def reward(head: Head, f) -> np.ndarray:
    """(...) rewards of features (..., D)."""
    return _reward(head, torch.as_tensor(np.asarray(f), dtype=torch.float32)).numpy()


def _reward(head: Head, f: Tensor) -> Tensor:
    return torch.tanh(f @ head[0].T) @ head[1]


def tune(head: Head, first, second, *, steps: int, rate: float = 0.02, l2: float = 1e-3) -> Head:
    """The head after `steps` of Adam on Bradley-Terry's loss; first, second (V, D): preferred, other."""
    f, s = (torch.as_tensor(np.asarray(side), dtype=torch.float32) for side in (first, second))
    weights = [each.clone().requires_grad_() for each in head]
    optimizer = torch.optim.Adam(weights, lr=rate)
    for _ in range(steps):
        gaps = _reward(weights, f) - _reward(weights, s)
        loss = torch.nn.functional.softplus(-gaps).mean() + l2 * sum(w.square().sum() for w in weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tuple(each.detach() for each in weights)


def soup(heads: Sequence[Head], shares: Sequence[float]) -> Head:
    """Each weight is the mean over the heads, `shares` of each."""
    return tuple(
        sum(share * part for share, part in zip(shares, parts, strict=True))
        for parts in zip(*heads, strict=True)
    )
