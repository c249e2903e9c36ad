"""Two linear heads on frozen features, one for quality and one for length (ODIN): fitted together, one used.

r = r_Q + r_L is what the votes are explained by, and `theory.decorrelation.odin` parts the two. The whole
set is one batch, since a correlation is a number of the whole batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rmkit.data.preferences import as_preferences
from rmkit.errors import InputError
from rmkit.theory import losses
from rmkit.theory.decorrelation import correlation, odin, overlap
from rmkit.training.head_fitting import HeadData

RATE = 0.03  # of Adam, falling to 0 along a cosine


@dataclass
class TwoHeads:
    """weights (2, D): of quality and of length, on the features as they are.

    quality_correlation, length_correlation: of each head's reward with length, within the training groups.
    overlap: |cos| of the two heads' weights on standardized features.   history: the loss at every step.
    """

    weights: Tensor
    quality_correlation: float
    length_correlation: float
    overlap: float
    history: list[float] = field(repr=False)

    def score(self, features: Sequence[Tensor]) -> list[Tensor]:
        """(K,) quality rewards of each group; the length head is left out."""
        return [each.float() @ self.weights[0] for each in features]

    def score_length(self, features: Sequence[Tensor]) -> list[Tensor]:
        """(K,) rewards of the length head of each group."""
        return [each.float() @ self.weights[1] for each in features]


def fit_two_heads(
    features: Sequence[Tensor],
    groups,
    *,
    lengths: Sequence | None = None,
    loss: str = "bradley-terry",
    decorrelate: float = 1.0,
    orthogonal: float = 1.0,
    l2: float = 0.1,
    steps: int = 400,
) -> TwoHeads:
    """Fit both heads to labeled groups at once; Adam over the whole set.

    features: one (K, D) tensor for each group (`rmkit.features`).   groups: whatever `rmkit.load` takes.
    lengths: (K,) numbers for each group; default: words of each response. Any style may stand here.
    loss: a name of rmkit.losses that needs ranks alone.   decorrelate, orthogonal: lambda_L and lambda_O.
    l2: strength of l2 / 2 |w|^2 on both heads, on standardized features.
    Pairs with a share of votes (`Record.share`) are learned as soft labels. Raises InputError where features,
    lengths and groups do not fit together, or where no length differs within a group.
    """
    groups = as_preferences(groups)
    if losses.needs(loss) != ("ranks",):
        raise InputError(f"The loss {loss!r} needs {losses.needs(loss)}; two heads learn from ranks alone.")
    if lengths is None:
        lengths = [[len(text.split()) for text in record.responses] for record in groups]
    sizes = [len(record.responses) for record in groups]
    for name, given in (("features", features), ("lengths", lengths)):
        if [len(each) for each in given] != sizes:
            raise InputError(f"{name} must hold one row for each of the responses of {len(groups)} groups.")
    data = HeadData(features, groups, None)
    size = torch.zeros(data.mask.shape)
    size[data.mask] = torch.cat([torch.as_tensor(each, dtype=torch.float32) for each in lengths])
    if not float(correlation(size, size, data.mask)):
        raise InputError("No length differs within any group, so nothing can be parted from it.")
    return _fit(data, size, losses.get(loss), (decorrelate, orthogonal, l2), steps)


def _fit(data: HeadData, lengths: Tensor, loss, strengths: tuple, steps: int) -> TwoHeads:
    decorrelate, orthogonal, l2 = strengths
    known, weight = {"ranks": data.ranks}, losses.group_weights(data.mask, data.ranks)
    if not float(weight.sum()):
        raise InputError("No group orders two of its responses, so there is nothing to learn from.")
    heads = torch.zeros(2, data.x.shape[-1], requires_grad=True)
    optimizer = torch.optim.Adam([heads], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    history = []
    for _ in range(steps):
        quality, length = data.x @ heads[0], data.x @ heads[1]
        each = (
            loss(quality + length, data.mask, **known)
            if data.share.isnan().all()
            else losses.under_shares(loss, quality + length, data.mask, **known, share=data.share)
        )
        value = (each * weight).sum() / weight.sum() + l2 / 2 * heads.square().sum()
        value = value + odin(
            quality, length, lengths, data.mask, heads=tuple(heads), decorrelate=decorrelate,
            orthogonal=orthogonal,
        )  # fmt: skip
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
        history.append(value.item())
    with torch.no_grad():
        gone = [correlation(data.x @ head, lengths, data.mask).item() for head in heads]
        return TwoHeads(heads.detach() / data.deviation, *gone, overlap(*heads).item(), history)
