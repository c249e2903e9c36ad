"""Ideal points: everyone has a place, and prefers what lies closer to it (PAL, Chen et al. 2024, model A).

    point of u:   a_u = sum_k softmax(w_u)_k p_k                       a mixture of K prototypes
    log-odds:     b (|g(other) - a_u| - |g(preferred) - a_u|),   g(y) = A f(y)

The distance is not squared. Coombs (1950) had the idea; far away, a point is only a direction.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from rmkit.errors import InputError


def distance_gap(preferred: Tensor, other: Tensor, point: Tensor) -> Tensor:
    """(V,) |other - point| - |preferred - point|; all three (V, d). Positive: the preferred one is closer."""
    return _far(other - point) - _far(preferred - point)


def _far(x: Tensor) -> Tensor:
    return (x.square().sum(-1) + 1e-12).sqrt()  # the slope of |x| at 0 would be NaN


def points(logits: Tensor, prototypes: Tensor) -> Tensor:
    """(U, d) sum_k softmax(logits)_k p_k, of logits (U, K) and prototypes (K, d)."""
    return logits.softmax(-1) @ prototypes


@dataclass(frozen=True)
class IdealPoints:
    """map (d, D), prototypes (K, d), members (U, K) = softmax of people's logits, loss: mean log-loss."""

    map: np.ndarray
    prototypes: np.ndarray
    members: np.ndarray
    loss: float

    @property
    def points(self) -> np.ndarray:
        """(U, d)"""
        return self.members @ self.prototypes

    def gaps(self, first: ArrayLike, second: ArrayLike, members: ArrayLike) -> np.ndarray:
        """(N,) log-odds that people with members (N, K) or (K,) prefer first (N, D) to second (N, D)."""
        a = np.broadcast_to(np.asarray(members) @ self.prototypes, (len(first), len(self.map)))
        sides = (torch.as_tensor(np.asarray(side) @ self.map.T) for side in (first, second))
        return distance_gap(*sides, torch.as_tensor(a.copy())).numpy()

    def newcomer(self, first: ArrayLike, second: ArrayLike, prior: float = 0.1) -> np.ndarray:
        """(K,) members of a new person who preferred first (N, D) to second (N, D); the rest stays.

        prior: precision on the logits; without votes it is a K-th of each prototype.
        """
        g = [torch.as_tensor(np.asarray(side) @ self.map.T) for side in (first, second)]
        p = torch.as_tensor(self.prototypes)
        logits = torch.zeros(len(p), dtype=torch.float64, requires_grad=True)

        def loss():
            gaps = distance_gap(*g, points(logits, p))
            return torch.nn.functional.softplus(-gaps).sum() + prior / 2 * logits.square().sum()

        _descend(loss, [logits], 50)
        return logits.detach().softmax(-1).numpy()


def fit(
    first: ArrayLike,
    second: ArrayLike,
    user: ArrayLike,
    k: int,
    *,
    d: int = 2,
    prior: float = 1.0,
    member_prior: float = 0.1,
    seed: int = 0,
    starts: int = 3,
    steps: int = 150,
) -> IdealPoints:
    """The best of several starts by penalized likelihood (it is not convex).

    first, second (V, D): the preferred answer and the other; user (V,) whole numbers from 0; k prototypes in
    d dimensions. prior, member_prior: precision of the map's entries and of a person's logits. The scale b
    is part of map and prototypes: both grow with it.
    """
    f, s = (torch.as_tensor(np.asarray(side, dtype=np.float64)) for side in (first, second))
    u = torch.as_tensor(np.asarray(user))
    if f.shape != s.shape or f.dim() != 2 or u.shape != f.shape[:1]:
        raise InputError(
            f"first {tuple(f.shape)}, second {tuple(s.shape)}, user {tuple(u.shape)} do not fit."
        )
    if not 1 <= k <= int(u.max()) + 1:
        raise InputError(f"k={k} prototypes of {int(u.max()) + 1} people: give a number from 1 to that.")
    rng = torch.Generator().manual_seed(seed)
    tried = [_fit(f, s, u, k, d, prior, member_prior, rng, steps) for _ in range(starts)]
    return min(tried, key=lambda each: each[0])[1]


def _fit(f, s, u, k, d, prior, member_prior, rng, steps) -> tuple[float, IdealPoints]:
    people = int(u.max()) + 1
    mapping = (0.3 / f.shape[1] ** 0.5) * torch.randn(d, f.shape[1], generator=rng, dtype=torch.float64)
    prototypes = 2 * torch.randn(k, d, generator=rng, dtype=torch.float64)
    logits = 0.1 * torch.randn(people, k, generator=rng, dtype=torch.float64)
    leaves = [each.requires_grad_() for each in (mapping, prototypes, logits)]

    def gaps():
        return distance_gap(f @ mapping.T, s @ mapping.T, points(logits, prototypes)[u])

    def objective():
        penalty = prior * mapping.square().sum() + 0.01 * prototypes.square().sum()
        penalty = penalty + member_prior * logits.square().sum()
        return torch.nn.functional.softplus(-gaps()).sum() + penalty / 2

    value = _descend(objective, leaves, steps)
    with torch.no_grad():
        loss = float(torch.nn.functional.softplus(-gaps()).mean())
        found = (each.detach().numpy() for each in (mapping, prototypes, logits.softmax(-1)))
    return value, IdealPoints(*found, loss)


def _descend(objective, leaves: list[Tensor], steps: int) -> float:
    """Minimize by L-BFGS, in place; the last value."""
    optimizer = torch.optim.LBFGS(
        leaves, max_iter=steps, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        value = objective()
        value.backward()
        return value

    optimizer.step(closure)
    return float(objective().detach())
