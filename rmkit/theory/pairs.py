"""Who beats whom, and who ties: the comparisons that ranks hold."""

from torch import Tensor


def pairs(ranks: Tensor, mask: Tensor) -> Tensor:
    """(G, K, K) bool: [g, i, j] is True where i has a better rank than j. Ties and unranked are no pair."""
    ranked = mask & (ranks > 0)
    return ranked[:, :, None] & ranked[:, None, :] & (ranks[:, :, None] < ranks[:, None, :])


def ties(ranks: Tensor, mask: Tensor) -> Tensor:
    """(G, K, K) bool: [g, i, j] is True where i and j share a rank, each couple once (i before j)."""
    ranked = mask & (ranks > 0)
    both = ranked[:, :, None] & ranked[:, None, :] & (ranks[:, :, None] == ranks[:, None, :])
    return both.triu(diagonal=1)
