"""Lesson 12's exhibits: a batch summed before the sigmoid, and heads used in another form than trained."""

import torch
import torch.nn.functional as F

from rmkit.notebook.exhibit import Exhibit
from rmkit.theory.decorrelation import correlation, odin


def _pairs(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features (n, 2, 16), lengths and gold (n, 2); one feature is length, and all lie a little along it."""
    generator = torch.Generator().manual_seed(seed)
    length = torch.randn(n, 2, generator=generator).double()
    features = torch.randn(n, 2, 16, generator=generator).double() + 0.7 * length[..., None]
    direction = torch.linspace(-1, 1, 16).double()  # sums to 0: gold knows nothing of length
    return features, length, features @ direction


def _batch_sum(planted: bool) -> dict[str, float]:
    """A linear head on 512 pairs, some of them labeled wrongly, in batches of 16.

    planted: rewards of a batch are summed before the sigmoid, else the mean of the losses of its pairs.
    Returns the last loss, how much harder the worst-ordered pair of a batch pulls than the best-ordered one,
    and how many fresh pairs are ordered rightly.
    """
    features, _, gold = _pairs(512, 0)
    noise = torch.randn(512, generator=torch.Generator().manual_seed(1)).double()
    sign = torch.sign(gold[:, 0] - gold[:, 1] + 2 * noise)
    gaps = (features[:, 0] - features[:, 1]) * sign[:, None]  # chosen minus rejected
    head = torch.zeros(16, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([head], lr=0.05)

    def batch_loss(d: torch.Tensor) -> torch.Tensor:
        return -F.logsigmoid(d.sum()) if planted else -F.logsigmoid(d).mean()

    for step in range(3 * 32):
        rows = slice(16 * (step % 32), 16 * (step % 32) + 16)
        loss = batch_loss(gaps[rows] @ head)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    d = (gaps[:16] @ head).detach().requires_grad_()
    (pull,) = torch.autograd.grad(batch_loss(d), d)
    fresh, _, truth = _pairs(2000, 2)
    right = torch.sign((fresh[:, 0] - fresh[:, 1]) @ head) == torch.sign(truth[:, 0] - truth[:, 1])
    return {
        "last_loss": round(loss.item(), 4),
        "hardest_over_easiest_pull": round((pull[d.argmin()] / pull[d.argmax()]).item(), 2),
        "fresh_pairs_right": round(right.double().mean().item(), 3),
    }


def _normalized(heads: torch.Tensor) -> torch.Tensor:
    """Each row less its mean, at length 1: the form in which the heads are trained."""
    centered = heads - heads.mean(1, keepdim=True)
    return centered / centered.norm(dim=1, keepdim=True)


def _raw_heads(planted: bool) -> dict[str, float]:
    """Two heads trained with ODIN's terms in the form `_normalized`.

    planted: the score in use takes the weights as they are stored, else the form that was trained. Returns
    the quality head's correlation with length in training and in use, and the share of pairs that are
    ordered otherwise in use.
    """
    features, length, gold = _pairs(400, 3)
    mask, ranks = torch.ones(400, 2, dtype=torch.bool), (gold.argsort(1).argsort(1) == 0) + 1
    generator = torch.Generator().manual_seed(0)
    heads = ((2 * torch.rand(2, 16, generator=generator) - 1) / 4).double().requires_grad_()  # nn.Linear's
    optimizer = torch.optim.Adam([heads], lr=0.01)
    for _ in range(100):
        trained = _normalized(heads)
        quality, of_length = features @ trained[0], features @ trained[1]
        total = quality + of_length
        better = torch.where(ranks[:, 0] == 1, total[:, 0] - total[:, 1], total[:, 1] - total[:, 0])
        value = -F.logsigmoid(better).mean() + odin(quality, of_length, length, mask, heads=tuple(trained))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    with torch.no_grad():
        trained, used = (
            features @ _normalized(heads)[0],
            features @ (heads if planted else _normalized(heads))[0],
        )
        orders = [torch.sign(score[:, 0] - score[:, 1]) for score in (trained, used)]
        return {
            "correlation_in_training": round(correlation(trained, length, mask).item(), 3),
            "correlation_in_use": round(correlation(used, length, mask).item(), 3),
            "ordered_otherwise": round((orders[0] != orders[1]).double().mean().item(), 3),
        }


EXHIBITS = (
    Exhibit(
        name="batch_sum",
        lesson="12_length_and_style",
        symptom="The loss falls to nothing within an epoch, and a pair in the wrong order pulls no harder "
        "than one that was won long ago.",
        cause="The rewards of the whole batch are summed before the sigmoid, so the loss sees one gap, the "
        "sum of all, and asks only that the batch be won on the whole.",
        cure="The sigmoid for each pair, then the mean; and a test that the pull of one pair depends on its "
        "own gap.",
        source="RLHFlow/RLHF-Reward-Modeling, odin/gemma_two_head.py (at fc39179)",
        run=_batch_sum,
        symptom_in=lambda seen: seen["hardest_over_easiest_pull"] < 1.01,
    ),
    Exhibit(
        name="raw_heads",
        lesson="12_length_and_style",
        symptom="The quality head is free of length all through training, and its rewards go with length "
        "when they are used.",
        cause="Training takes each head's weights less their mean and at length 1; the function that gives "
        "rewards to a policy takes the weights as stored, whose mean no gradient has ever moved.",
        cure="One function that turns weights into the form in use, called in training and in use; and a "
        "test that both give equal rewards.",
        source="Lichang-Chen/ODIN, training/utils/model/two_head_rw.py, forward_value (at 8e18ce6)",
        run=_raw_heads,
        symptom_in=lambda seen: seen["ordered_otherwise"] > 0.02,
    ),
)
