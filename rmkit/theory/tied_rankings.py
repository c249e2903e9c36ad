"""The probability that a tied set precedes everything worse: the integral behind ties in Plackett-Luce."""

import torch
from torch import Tensor


def tied_set(ahead: Tensor, tied: Tensor) -> Tensor:
    """(G, K) -log P(the tied set of k precedes all that is worse), from each member's lead over that rest.

    A race: arrival times are exponential with rates e^r. The rest's first arrival is t = e^s / rest, with
    density e^{s - e^s} in s; a member came before it with probability 1 - exp(-e^{ahead + s}). Hence
        P = integral of e^{s - e^s} prod_members (1 - exp(-e^{ahead + s})) ds,
    smooth and quickly gone on both sides, where a sum over equal steps is exact to float32.
    """
    s = torch.linspace(-45.0, 5.0, 251, device=ahead.device)
    log_density = torch.log_softmax(s - s.exp(), dim=0)
    earlier = _log_earlier(ahead[..., None] + s)  # (G, K, S)
    members = tied.float() + torch.eye(tied.shape[-1], device=tied.device)
    with torch.autocast(ahead.device.type, enabled=False):  # which would multiply in bfloat16
        together = members @ earlier
    return -torch.logsumexp(log_density + together, dim=-1)


def _log_earlier(a: Tensor) -> Tensor:
    """log(1 - exp(-e^a)): a itself far below 0, and 0 above 5, both exact in float32."""
    low = a < -15
    near = a.masked_fill(low, 0.0).clamp(max=5.0)
    return torch.where(low, a, torch.log(-torch.expm1(-near.exp())))
