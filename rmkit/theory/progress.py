"""Progress: how much a step raises the chance that ANOTHER policy finishes right. Exact, from a table.

A prover mu goes on from where a step has led. In a table of states its chance of success has a value for
every number of steps left, and a step's progress is the change of that value: Q_mu(s, a) - V_mu(s). Setlur et
al. 2024, "Rewarding Progress" (process advantage verifiers, arXiv:2410.08146).
"""

import numpy as np
from numpy.typing import ArrayLike

from rmkit.errors import InputError


def values(transition: ArrayLike, success: ArrayLike, steps: int) -> np.ndarray:
    """(steps + 1, N): row h is the chance of success from each state with h steps left, V_h = P V_(h-1).

    transition (N, N): P[s, s'], the prover's chance to go from s to s' in one step, rows that sum to 1.
    success (N,): the chance of success in each state at the end.
    """
    p, final = np.asarray(transition, dtype=float), np.asarray(success, dtype=float)
    square = p.shape == (len(final), len(final)) and final.ndim == 1
    if not square or (p < 0).any() or not np.allclose(p.sum(1), 1) or steps < 0:
        raise InputError(
            f"A table of chances (N, N), rows that sum to 1, with success (N,) and steps >= 0 is needed, not "
            f"{p.shape}, {final.shape} and {steps}."
        )
    rows = [final]
    for _ in range(steps):
        rows.append(p @ rows[-1])
    return np.stack(rows)


def progress(transition: ArrayLike, success: ArrayLike, steps: int) -> np.ndarray:
    """(N, N): how much a step from s to s' gains under the prover, V_(h-1)(s') - V_h(s) with h = steps left.

    The mean over the prover's own steps is 0: only steps better or worse than its own make progress.
    """
    if steps < 1:
        raise InputError(f"steps={steps}: a step needs at least one step left.")
    v = values(transition, success, steps)
    return v[-2][None, :] - v[-1][:, None]
