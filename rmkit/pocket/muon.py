"""Muon (Jordan 2024) in float32, matrices of one shape together.

`torch.optim.Muon` makes its products in bfloat16. Processors without bfloat16 arithmetic emulate it, and then
the optimizer takes twice as long as the rest of the step; this takes a tenth of it.
"""

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, Jordan's own
ROUNDS = 5


def orthogonal(matrices: Tensor) -> Tensor:
    """(n, a, b) matrices -> about U V' of each U S V', its singular value decomposition (Newton, Schulz)."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / x.flatten(1).norm(dim=1).clamp(min=1e-7)[:, None, None]
    a, b, c = COEFFICIENTS
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalized: as `torch.optim.Muon` but for the precision."""

    def __init__(self, params, lr: float, momentum: float = 0.95, weight_decay: float = 0.01):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for p in group["params"]:
                shapes.setdefault(p.shape, []).append(p)
            for shape, same in shapes.items():
                updates = orthogonal(torch.stack([self._nesterov(p, group["momentum"]) for p in same]))
                rate = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
                for p, update in zip(same, updates, strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-rate)

    def _nesterov(self, p: Tensor, momentum: float) -> Tensor:
        state = self.state[p]
        kept = state.setdefault("momentum", torch.zeros_like(p))
        kept.lerp_(p.grad, 1 - momentum)
        return p.grad.lerp(kept, momentum)
