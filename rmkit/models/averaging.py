"""One reward model from several: the mean of their weights.

Rame et al. (2024), "WARM: On the Benefits of Weight Averaged Reward Models": members that were trained from
one pretrained model lie in one valley of the loss, and the mean of their weights is a model there too.
Members of different starts do not: their mean is no model of anything.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rmkit.errors import InputError


def average_weights(members: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of M state dictionaries, name by name, each in its own dtype.

    `model.load_state_dict(average_weights([each.state_dict() for each in members]))`. Weights of a head are a
    dictionary of one: {"weight": (D,)}. Whole numbers (counters) are the first member's. Raises InputError
    where names or shapes differ.
    """
    if not members:
        raise InputError("There are no members to average: give at least one state dictionary.")
    first = members[0]
    for number, other in enumerate(members[1:], start=1):
        odd = next((n for n in {**first, **other} if n not in first or n not in other), None)
        odd = odd or next((n for n in first if first[n].shape != other[n].shape), None)
        if odd:
            raise InputError(
                f"Members 0 and {number} differ in {odd!r}: only models of one shape have a mean."
            )
    return {name: _mean([member[name] for member in members]) for name in first}


def _mean(tensors: list[Tensor]) -> Tensor:
    if not tensors[0].is_floating_point():
        return tensors[0].clone()
    return torch.stack([each.double() for each in tensors]).mean(0).to(tensors[0].dtype)
