"""Many smooth minimizations at once: L-BFGS with one row of weights for each problem."""

from collections.abc import Callable

import torch
from torch import Tensor

# (W rows, which problems they belong to) -> (values, gradients); problems do not depend on each other.
Objective = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def minimize(
    objective: Objective,
    start: Tensor,
    scale: Tensor,
    *,
    tolerance: float = 3e-4,
    steps: int = 200,
    memory: int = 10,
) -> tuple[Tensor, Tensor, Tensor]:
    """Minimize S problems in D unknowns; a problem leaves the batch when it is done.

    start (S, D); scale (S, D): a rough inverse of the Hessian's diagonal, which the first step uses as it is.
    Done: sqrt(g . scale . g) < tolerance, so that about tolerance^2 / 2 of the objective is left to gain; or,
    which kinks need (hinge), the objective fell by less than a 10,000th of itself in ten steps.
    Returns weights (S, D), objectives (S,), and whether each problem was done within the steps (S,).
    L-BFGS: Nocedal & Wright (2006), algorithm 7.4, with Armijo's rule for the length of a step.
    """
    best, final = start.clone(), torch.full((len(start),), torch.nan)
    done = torch.zeros(len(start), dtype=torch.bool)
    active = torch.arange(len(start))
    weights, scale = start.clone(), scale.clone()
    value, gradient = objective(weights, active)
    past: list[tuple[Tensor, Tensor]] = []
    earlier = torch.full_like(value, torch.inf)
    for number in range(steps):
        finished = (gradient * scale * gradient).sum(1).sqrt() < tolerance
        if number % 10 == 0:
            finished |= earlier - value < 1e-4 * value.abs()
            earlier = value
        if finished.any():
            best[active[finished]], final[active[finished]] = weights[finished], value[finished]
            done[active[finished]] = True
            rest = ~finished
            active, weights, scale = active[rest], weights[rest], scale[rest]
            value, gradient, earlier = value[rest], gradient[rest], earlier[rest]
            past = [(s[rest], y[rest]) for s, y in past]
        if not len(active):
            break
        direction = -_inverse_hessian(gradient, scale, past)
        new, new_value, new_gradient = _step(objective, active, weights, value, gradient, direction)
        past = [*past[-(memory - 1) :], (new - weights, new_gradient - gradient)]
        weights, value, gradient = new, new_value, new_gradient
    best[active], final[active] = weights, value
    return best, final, done


def _inverse_hessian(gradient: Tensor, scale: Tensor, past: list[tuple[Tensor, Tensor]]) -> Tensor:
    """(S, D) the two-loop recursion. Pairs without positive curvature are passed over, row by row."""
    q, used = gradient, []
    for s, y in reversed(past):
        curvature = (s * y).sum(1, keepdim=True)
        good = curvature > 1e-10 * (y * y).sum(1, keepdim=True)
        rho = torch.where(good, 1 / curvature.where(good, torch.ones_like(curvature)), 0.0)
        alpha = rho * (s * q).sum(1, keepdim=True)
        q = q - alpha * y
        used.append((s, y, rho, alpha))
    q = scale * q
    if used:
        s, y, rho, _ = used[0]
        length = (s * y).sum(1, keepdim=True) / (y * scale * y).sum(1, keepdim=True).clamp(min=1e-30)
        q = q * torch.where(rho > 0, length, 1.0)
    for s, y, rho, alpha in reversed(used):
        q = q + s * (alpha - rho * (y * q).sum(1, keepdim=True))
    return q


def _step(
    objective: Objective, active: Tensor, weights: Tensor, value: Tensor, gradient: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One step along `direction`, halved in each row until the objective falls enough there."""
    slope = (gradient * direction).sum(1)
    uphill = slope >= 0  # rounding, or a kink: fall back on the gradient
    direction = torch.where(uphill[:, None], -gradient, direction)
    slope = torch.where(uphill, -(gradient * gradient).sum(1), slope)
    length = torch.ones(len(weights))
    new = weights + direction
    new_value, new_gradient = objective(new, active)
    for _ in range(10):
        # float32 cannot tell values apart that differ by less than this
        enough = new_value <= value + 1e-4 * length * slope + 1e-6 * value.abs()
        if enough.all():
            break
        again = (~enough).nonzero().flatten()
        length[again] /= 2
        new[again] = weights[again] + length[again, None] * direction[again]
        new_value[again], new_gradient[again] = objective(new[again], active[again])
    return new, new_value, new_gradient
