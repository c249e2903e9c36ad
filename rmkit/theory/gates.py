"""A gate: how much each aspect counts, for this prompt (ArmoRM, Wang et al. 2024).

    r(x, y) = b sum_a g_a(x) r_a(x, y),    g(x) = softmax(V p(x) + c),  p(x) features of the prompt.

The heads r_a are fixed; V, c and the scale b learn from comparisons by Bradley-Terry's loss. ArmoRM's gate is
a small network; this one is linear.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from rmkit.errors import InputError


@dataclass(frozen=True)
class Gate:
    """weights (A, P), bias (A,), scale above 0."""

    weights: np.ndarray
    bias: np.ndarray
    scale: float

    def __call__(self, prompts: ArrayLike) -> np.ndarray:
        """(N, A) how much each aspect counts; rows sum to `scale`."""
        logits = np.asarray(prompts) @ self.weights.T + self.bias
        even = np.exp(logits - logits.max(1, keepdims=True))
        return self.scale * even / even.sum(1, keepdims=True)

    def gaps(self, prompts: ArrayLike, gaps: ArrayLike) -> np.ndarray:
        """(N,) log-odds from the aspects' gaps (N, A)."""
        return (self(prompts) * np.asarray(gaps)).sum(1)


def fit(
    prompts: ArrayLike, gaps: ArrayLike, *, prior: float = 1.0, blind: bool = False, steps: int = 200
) -> Gate:
    """prompts (N, P), gaps (N, A): each aspect's reward of the preferred answer minus that of the other.

    prior: precision of V, in votes; c and log b are free but for a faint pull to 0.   blind: the gate sees
    no prompt (V = 0), so the weights are the same for all.
    """
    p, g = (torch.as_tensor(np.asarray(each, dtype=np.float64)) for each in (prompts, gaps))
    if p.dim() != 2 or g.dim() != 2 or len(p) != len(g):
        raise InputError(f"prompts {tuple(p.shape)} and gaps {tuple(g.shape)}: give (N, P) and (N, A).")
    weights = torch.zeros(g.shape[1], p.shape[1], dtype=torch.float64, requires_grad=True)
    rest = torch.zeros(g.shape[1] + 1, dtype=torch.float64, requires_grad=True)  # c, then log b
    leaves = [rest] if blind else [weights, rest]
    optimizer = torch.optim.LBFGS(leaves, max_iter=steps, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        share = (p @ weights.T + rest[:-1]).softmax(-1)
        d = rest[-1].exp() * (share * g).sum(-1)
        penalty = prior * weights.square().sum() + 0.01 * rest.square().sum()
        loss = torch.nn.functional.softplus(-d).sum() + penalty / 2
        loss.backward()
        return loss

    optimizer.step(closure)
    found = rest.detach().numpy()
    return Gate(weights.detach().numpy(), found[:-1], float(np.exp(found[-1])))
