"""Lesson 05's exhibit: rewards of shape (B, 1) meet margins of shape (B,)."""

import torch
import torch.nn.functional as F

from rmkit.notebook.exhibit import Exhibit


def _loss(rewards: torch.Tensor, margin: torch.Tensor, planted: bool) -> torch.Tensor:
    """Margin loss of B pairs; rewards (2, B, 1): chosen, rejected; margin (B,)."""
    column = margin if planted else margin[:, None]
    return -F.logsigmoid(rewards[0] - rewards[1] - column)


def _train(planted: bool) -> dict[str, float]:
    """A linear head on 256 pairs with Llama 2's large margins, by full-batch gradient descent.

    planted: the margins keep the shape (B,) that the data loader gave them, else (B, 1) like the rewards.
    Returns the last loss; how far it moves when the same margins are dealt to other pairs; how many numbers
    were averaged; and the mean gap of the pairs called significantly and negligibly better.
    """
    generator = torch.Generator().manual_seed(0)
    difference = torch.randn(256, 16, generator=generator)
    truth = 0.5 * torch.randn(16, generator=generator)
    felt = difference @ truth + torch.randn(256, generator=generator)
    difference = difference * torch.sign(felt)[:, None]  # the chosen response is the one that felt better
    margin = torch.bucketize(felt.abs(), torch.tensor([0.4, 1.25, 2.5])).float()
    inputs = torch.stack([difference / 2, -difference / 2])  # chosen, rejected
    head = torch.nn.Linear(16, 1, bias=False)
    torch.nn.init.zeros_(head.weight)
    optimizer = torch.optim.SGD(head.parameters(), lr=1.0)
    for _ in range(200):
        each = _loss(head(inputs), margin, planted)
        optimizer.zero_grad()
        each.mean().backward()
        optimizer.step()
    with torch.no_grad():
        rewards = head(inputs)
        loss = _loss(rewards, margin, planted).mean()
        dealt = margin[torch.randperm(256, generator=generator)]
        moved = _loss(rewards, dealt, planted).mean() - loss
        gaps = (rewards[0] - rewards[1]).squeeze(-1)
    return {
        "loss": round(loss.item(), 4),
        "moved_by_shuffled_margins": round(moved.abs().item(), 4),
        "numbers_averaged": each.numel(),
        "gap_significantly": round(gaps[margin == 3].mean().item(), 2),
        "gap_negligibly": round(gaps[margin == 0].mean().item(), 2),
    }


EXHIBITS = (
    Exhibit(
        name="margin_broadcast",
        lesson="05_margin_and_strength",
        symptom="Training runs, the loss falls, and strengths teach nothing: the loss does not move when the "
        "margins of a batch are dealt to other pairs.",
        cause="Rewards come out of the head as (B, 1), margins out of the data as (B,): their difference "
        "broadcasts to (B, B), every pair against every margin, and the mean hides it.",
        cure="One shape before subtracting (margin[:, None] or rewards.squeeze(-1)), a check that there are "
        "as many margins as pairs, and 0 for a margin that is missing.",
        source="modelscope/ms-swift pull request #9927 (2026, merged)",
        run=_train,
        symptom_in=lambda seen: seen["moved_by_shuffled_margins"] < 1e-3,
    ),
)
