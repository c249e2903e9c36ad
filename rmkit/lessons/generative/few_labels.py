"""Lesson 08: what a start is worth when labels are few, over many sets of labels.

A head w learns from n votes. It is pulled toward a start, zero or the verdict words, by a penalty that other
votes choose; a temperature that other votes choose turns its gaps into probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rmkit.theory.statistics import calibration

PENALTIES = tuple(float(x) for x in np.logspace(-3, 1, 9))


@dataclass(frozen=True)
class Learned:
    """What S heads do on N test pairs: log-loss (S, N) at each head's temperature, credit (S, N); the penalty
    that other votes chose."""

    losses: np.ndarray
    credit: np.ndarray
    penalty: float


def learn(votes: Tensor, tests: Tensor, n: int, sets: int, start: Tensor | None = None) -> Learned:
    """One head from each of `sets` disjoint sets of n votes.

    votes (P, D), tests (N, D): features of the better less those of the worse, by the votes and by the truth.
    start (D,): where the penalty pulls to, divided by the temperature that fits the set's own votes, at least
    1 (None: to zero). P must be at least n * sets and more than n.
    """
    scale = votes.std(0).clamp(min=1e-6)
    votes, tests = votes / scale, tests / scale
    own = votes[: n * sets].view(sets, n, -1)
    begin = torch.zeros(sets, votes.shape[1])
    if start is not None:
        begin = torch.stack([start * scale / _heat(each @ (start * scale)) for each in own])
    heads = fit_from(own, begin, PENALTIES)
    others = torch.ones(sets, len(votes), dtype=torch.bool)
    for s in range(sets):
        others[s, s * n : (s + 1) * n] = False
    seen = heads @ votes.T  # (L, S, P)
    chosen = int((F.softplus(-seen) * others).sum((1, 2)).argmin())
    heat = torch.tensor([_heat(seen[chosen, s, others[s]], least=1e-3) for s in range(sets)])
    gaps = heads[chosen] @ tests.T
    losses = F.softplus(-gaps / heat[:, None])
    return Learned(losses.double().numpy(), (gaps.sign().double().numpy() + 1) / 2, PENALTIES[chosen])


def _heat(gaps: Tensor, least: float = 1.0) -> float:
    return max(least, calibration(gaps.double().numpy()).temperature)


def fit_from(gaps: Tensor, start: Tensor, penalties: Sequence[float], steps: int = 30) -> Tensor:
    """(L, S, D) heads w that minimize mean softplus(-gaps w) + penalty / 2 |w - start|^2, by Newton's method.

    gaps (S, n, D): features of the chosen less those of the rejected, for S sets of n pairs. start (S, D).
    penalties: L numbers above 0. The best w is start + gaps' a, so the search is for n numbers a, not D.
    """
    gaps, start = gaps.double(), start.double()
    kernel, base = gaps @ gaps.mT, (gaps @ start[..., None])[..., 0]  # (S, n, n), (S, n)
    n = gaps.shape[1]
    l2 = torch.tensor(penalties, dtype=torch.float64)[:, None, None]  # (L, 1, 1)
    a = torch.zeros(len(penalties), *base.shape, dtype=torch.float64)

    def objective(a: Tensor) -> Tensor:
        moved = (kernel @ a[..., None])[..., 0]
        return F.softplus(-base - moved).mean(-1) + l2[..., 0] / 2 * (a * moved).sum(-1)

    for _ in range(steps):
        p = torch.sigmoid(-base - (kernel @ a[..., None])[..., 0])  # how wrong each pair still is
        hessian = l2[..., None] * torch.eye(n, dtype=torch.float64)
        hessian = hessian + (p * (1 - p) / n)[..., None] * kernel
        step = torch.linalg.solve(hessian, (l2 * a - p / n)[..., None])[..., 0]
        size = torch.ones_like(step[..., :1])
        for _ in range(8):  # half a step where a whole one would climb
            worse = objective(a - size * step) > objective(a) + 1e-12
            size = torch.where(worse[..., None], size / 2, size)
        a = a - size * step
    return (start + (gaps.mT @ a[..., None])[..., 0]).float()
