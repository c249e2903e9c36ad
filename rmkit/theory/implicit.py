"""Rewards of steps from right and wrong answers alone: the log-ratio of a model to its reference.

    r_t = beta log pi(y_t | x, y_<t) / pi_ref(y_t | x, y_<t),      P(right) = sigma(sum of r_t)

Implicit process reward models (Yuan et al. 2024, arXiv:2412.01981); PRIME (Cui et al. 2025, arXiv:2502.01456)
trains them beside the policy, with beta = 0.05. Only the SUM meets a label: rewards of single tokens are
known up to what cancels in it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from rmkit.errors import InputError
from rmkit.theory import losses

UNREAD = -1  # a step that was cut away (rmkit/models/steps.py)


def implicit_outcome(log_ratios: Tensor, mask: Tensor, *, correct: Tensor, beta: float = 0.05) -> Tensor:
    """(G,) cross-entropy of sigma(beta sum_t log pi / pi_ref) with right or wrong.

    log_ratios and mask (G, K, T), a number for each token of each answer; correct (G, K) as in
    `losses.outcome`.
    """
    sums = beta * log_ratios.masked_fill(~mask, 0.0).sum(-1)
    return losses.outcome(sums, mask.any(-1), correct=correct)


def step_rewards(log_ratios: Tensor, ends: Sequence[int], beta: float = 0.05) -> Tensor:
    """(S,) a step's reward is the rise of q_t = beta sum_(i <= t) log pi / pi_ref from one end to the next.

    log_ratios (T,): of one answer's tokens.   ends: index of each step's last token, rising; -1 = cut away,
    which gives NaN. Tokens after the last end belong to no step.
    """
    read = [end for end in ends if end != UNREAD]
    if log_ratios.dim() != 1 or read != sorted(set(read)) or (read and read[-1] >= len(log_ratios)):
        raise InputError(f"Steps end at {list(ends)}: their ends must rise within {len(log_ratios)} tokens.")
    q = beta * log_ratios.cumsum(0)[read]
    found = torch.full((len(ends),), torch.nan, dtype=q.dtype, device=q.device)
    found[torch.tensor([end != UNREAD for end in ends], dtype=torch.bool)] = q.diff(prepend=q.new_zeros(1))
    return found
