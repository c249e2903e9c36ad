"""How far rewards go with length, and ODIN's terms that part the two: two heads, one of them for length.

Shapes as in `losses`: rewards, lengths and mask (G, K). Only differences within a group can be learned from
preferences, so each group's mean is taken out first; ODIN's own code pools the answers of all prompts. With
r~ and l~ for what is left,

    rho(l, r) = sum r~ l~ / sqrt(sum r~^2 sum l~^2)

over all responses: for pairs, the cosine of the gaps. It is a number of the whole batch and not a mean over
groups, so batches must not be cut into smaller ones on the way. `lengths` may be any other style.
"""

import torch
from torch import Tensor


def within(values: Tensor, mask: Tensor) -> Tensor:
    """(G, K) float32 values less their group's mean; 0 where nothing is."""
    held = values.float().masked_fill(~mask, 0.0)
    mean = held.sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
    return (held - mean).masked_fill(~mask, 0.0)


def _unit(values: Tensor) -> Tensor:
    """Divided by its norm; zeros stay as they are, with a finite gradient."""
    square = values.square().sum()
    return values * torch.where(square > 0, square, torch.ones_like(square)).rsqrt()


def correlation(rewards: Tensor, lengths: Tensor, mask: Tensor) -> Tensor:
    """rho(l, r) within groups, one number in [-1, 1]; 0 where rewards or lengths never differ in a group."""
    return (_unit(within(rewards, mask)) * _unit(within(lengths, mask))).sum()


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """|cos| of the angle between the weights of two heads (D,): 0 where they stand at right angles."""
    return (_unit(a.float()) * _unit(b.float())).sum().abs()


def odin(
    quality: Tensor,
    length: Tensor,
    lengths: Tensor,
    mask: Tensor,
    *,
    heads: tuple[Tensor, Tensor],
    decorrelate: float = 1.0,
    orthogonal: float = 1.0,
) -> Tensor:
    """What ODIN (Chen et al. 2024) adds to a preference loss on r_Q + r_L: one number for the batch,

        lambda_L [ |rho(l, r_Q)| + 1 - rho(l, r_L) ] + lambda_O |cos(w_Q, w_L)|

    quality, length: rewards r_Q and r_L (G, K) of the two heads; heads: their weights w_Q and w_L (D,).
    Afterwards r_Q alone is used. Their code also adds lambda_L |rho(l, r_Q + r_L)|. It is left out here,
    since it works against the head that may go with length.
    """
    parted = correlation(quality, lengths, mask).abs() + 1 - correlation(length, lengths, mask)
    return decorrelate * parted + orthogonal * overlap(*heads)
