"""What one pair costs, as a function of its gap d = r_w - r_l: the losses that look at nothing else.

`losses` takes their mean over the pairs of a group. Heads on frozen features know their pairs beforehand, and
ask for the gaps alone.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def logistic(d: Tensor) -> Tensor:
    """-log sigma(d) = softplus(-d)"""
    return -F.logsigmoid(d)


def smoothed(d: Tensor, smoothing: float = 0.1) -> Tensor:
    """-(1 - e) log sigma(d) - e log sigma(-d)"""
    return (1 - smoothing) * logistic(d) + smoothing * logistic(-d)


def hinge(d: Tensor, gap: float = 1.0) -> Tensor:
    """max(0, gap - d)"""
    return (gap - d).clamp(min=0.0)


def focal(d: Tensor, gamma: float = 2.0) -> Tensor:
    """-(1 - p)^gamma log p with p = sigma(d)"""
    doubt = torch.exp(-gamma * F.softplus(d))  # (1 - p)^gamma; pow() has a NaN gradient at p = 1, gamma < 1
    return doubt * logistic(d)


# By the name of the loss in `losses` that is the mean of them.
OF_GAP: dict[str, Callable[..., Tensor]] = {
    "bradley-terry": logistic,
    "label-smoothing": smoothed,
    "hinge": hinge,
    "focal": focal,
}
